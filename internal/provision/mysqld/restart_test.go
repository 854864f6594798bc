// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package mysqld

import (
	"errors"
	"testing"
	"time"

	"github.com/atollhq/terraform-provider-atoll/internal/provision/group"
)

// A machine that lost its power while another one's server was restarted gets the time
// to boot. What goes on, however long, is no absence, and neither is the server's own.
func TestAbsenceOfOthers(t *testing.T) {
	began := time.Unix(1764109200, 0)
	look := func(minute int, own string, missing ...string) (group.View, []string, time.Time) {
		return group.View{Self: "a", Members: []group.Member{{ID: "a", State: own}}}, missing, began.Add(time.Duration(minute) * time.Minute)
	}
	type looked struct {
		minute int
		own    string
		other  string
	}
	for _, row := range []struct {
		name  string
		looks []looked
		want  error
	}{
		{"it stays away", []looked{{0, "ONLINE", "1 more"}, {4, "ONLINE", "1 more"}, {5, "ONLINE", "1 more"}}, ErrAway},
		{"it is back in time", []looked{{0, "ONLINE", "1 more"}, {4, "ONLINE", ""}, {9, "ONLINE", ""}}, nil},
		{"it boots and joins", []looked{{0, "ONLINE", "1 more"}, {4, "ONLINE", "b OFFLINE"}, {8, "ONLINE", "b OFFLINE"}}, nil},
		{"it takes what it missed for an hour", []looked{{0, "ONLINE", "b RECOVERING"}, {30, "ONLINE", "b RECOVERING"}, {60, "ONLINE", "b RECOVERING"}}, nil},
		{"the server is not back itself", []looked{{0, "OFFLINE", "2 more"}, {30, "OFFLINE", "2 more"}, {34, "ONLINE", "2 more"}}, nil},
		{"one comes back, and another goes", []looked{{0, "ONLINE", "b MISSING"}, {4, "ONLINE", "c MISSING"}, {8, "ONLINE", "c MISSING"}}, nil},
	} {
		t.Run(row.name, func(t *testing.T) {
			var others absence
			var err error
			for _, one := range row.looks {
				var missing []string
				if one.other != "" {
					missing = []string{one.other}
				}
				err = others.lasts(look(one.minute, one.own, missing...))
			}
			if !errors.Is(err, row.want) {
				t.Errorf("%v, want %v", err, row.want)
			}
		})
	}
}
