// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package mysqld

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
	"github.com/atollhq/terraform-provider-atoll/internal/provision"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/group"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/mysqlroot/machinetest"
)

// A machine goes only while all others are ONLINE: of three, the one whose disk is thrown
// away leaves two. A server that leaves the configuration leaves a majority behind it.
func TestOthersBeforeOneGoes(t *testing.T) {
	const missing, online, recovering = group.Missing, "ONLINE", "RECOVERING"
	for _, row := range []struct {
		name   string
		others []string
		over   bool
		// waits for how many; all and most are the errors for each share.
		waits     int
		all, most error
	}{
		{"all are there", []string{online, online}, false, 0, nil, nil},
		{"all are there again in the last moment", []string{online, online}, true, 0, nil, nil},
		{"one is away", []string{online, missing}, false, 1, nil, nil},
		{"one of two stays away", []string{online, missing}, true, 1, ErrAway, group.ErrQuorum},
		{"one of four stays away", []string{online, online, online, missing}, true, 1, ErrAway, nil},
		{"one comes back", []string{online, recovering}, false, 1, nil, nil},
		{"one does not come to an end", []string{online, recovering}, true, 1, ErrAway, group.ErrQuorum},
		{"two are away", []string{online, missing, "UNREACHABLE"}, false, 2, nil, nil},
		{"the last of two", []string{online}, false, 0, nil, nil},
		{"nobody else", nil, false, 0, group.ErrQuorum, group.ErrQuorum},
	} {
		view := group.View{Self: "a", Members: []group.Member{{ID: "a", State: online}}}
		var absent []group.Registration
		for i, state := range row.others {
			id := string(rune('b' + i))
			if state == missing {
				absent = append(absent, group.Registration{ID: id, Address: "10.77.0.12:3306"})
				continue
			}
			view.Members = append(view.Members, group.Member{ID: id, Host: "10.77.0.13", Port: 3306, State: state})
		}
		for needs, want := range map[share]error{allOthers: row.all, mostOthers: row.most} {
			list, err := needs.decide(view.Counting(absent), row.over)
			if !errors.Is(err, want) || want == nil && err != nil || err == nil && !row.over && len(list) != row.waits {
				t.Errorf("%s, %d: waits for %q, %v; want %d, %v", row.name, needs, list, err, row.waits, want)
			}
			if errors.Is(err, ErrAway) && (len(list) != row.waits || !strings.Contains(err.Error(), list[0]) || !strings.Contains(err.Error(), "Nothing else is taken down") || !strings.Contains(err.Error(), "to lost")) {
				t.Errorf("%s: the refusal %q", row.name, err)
			}
		}
	}
}

// absentees of the answer: one that its cluster counts on is not in the group.
var oneAway = strings.Replace(secondary, "registered	NULL", `registered	[{"id": "uuid-a", "address": "10.0.0.1:3306"}, {"id": "uuid-b", "address": "10.0.0.2:3306"}, {"id": "uuid-c", "address": "10.0.0.3:3306"}, {"id": "uuid-d", "address": "10.0.0.4:3306"}]`, 1)

const holdingTurn = "holding the group's turn"

// Whoever comes back needs the turn for that: nobody has it who waits for him.
func TestAbsentMemberIsAwaitedWithoutTheTurn(t *testing.T) {
	for name, row := range map[string]struct {
		lost  map[string]bool
		turns bool
	}{
		"it may come back":       {nil, false},
		"another one is lost":    {map[string]bool{"203.0.113.13": true}, false},
		"it is gone for good":    {map[string]bool{"203.0.113.14": true}, true},
		"by its address in mesh": {map[string]bool{"10.0.0.4": true}, true},
	} {
		ctx, cancel := context.WithCancel(t.Context())
		m, looks := machinetest.New(t, oneAway), 0
		m.Spoil = func(question, output string) string {
			switch question {
			case "asking for the addresses of the peers":
				return "10.0.0.3 203.0.113.13\n10.0.0.4 203.0.113.14\n" + converge.WholeMark + "\n"
			case "asking for the server's status":
				if looks++; looks == 4 {
					cancel()
				}
			}
			return output
		}
		_, err := (&Plugin{Lost: row.lost}).Yield(ctx, m, provision.Discard)
		if acts := m.Acts(); err == nil || slices.Contains(acts, holdingTurn) != row.turns || !row.turns && !strings.Contains(err.Error(), "10.0.0.4:3306 MISSING") {
			t.Errorf("%s: after %d looks it did %q, %v", name, looks, acts, err)
		}
		cancel()
	}
}

// The refusal gives the addresses that lost takes.
func TestRefusalNamesPublicAddresses(t *testing.T) {
	view := group.View{Self: "a", Members: []group.Member{{ID: "a", State: "ONLINE"}, {ID: "b", State: "ONLINE"}}}
	_, err := allOthers.decide(view.Counting([]group.Registration{{ID: "c", Address: "10.77.0.12:3306"}}), true)
	err = publicly(err, map[string]string{"10.77.0.12": "203.0.113.12", "10.77.0.1": "203.0.113.1"})
	if !errors.Is(err, ErrAway) || !strings.Contains(err.Error(), "10.77.0.12 is 203.0.113.12") || strings.Contains(err.Error(), "203.0.113.1)") || strings.Contains(err.Error(), "203.0.113.1,") {
		t.Errorf("%v", err)
	}
}
