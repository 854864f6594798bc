// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package mysqld

import (
	"context"
	"errors"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/atollhq/terraform-provider-atoll/internal/provision/group"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/mysqlroot/machinetest"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// A machine that is gone is said so as soon as it is known, and not when its server would
// have had the time to boot. One that answers, be it that it lets nobody in, is not gone.
func TestMachineThatIsGone(t *testing.T) {
	began := time.Unix(1764109200, 0)
	dead, closed := &remote.Error{Kind: remote.ErrUnreachable, Address: "203.0.113.12:22"}, &remote.Error{Kind: remote.ErrAuthentication}
	type looked struct {
		second int
		err    error
	}
	for name, row := range map[string]struct {
		looks []looked
		want  error
	}{
		"it is silent":      {[]looked{{0, dead}, {30, dead}, {60, dead}}, ErrAway},
		"it may yet answer": {[]looked{{0, dead}, {30, dead}, {59, dead}}, nil},
		"it boots":          {[]looked{{0, dead}, {30, nil}, {60, dead}, {110, dead}}, nil},
		"it runs":           {[]looked{{0, nil}, {600, nil}}, nil},
		"it lets nobody in": {[]looked{{0, closed}, {600, closed}}, nil},
	} {
		silent := silences{}
		var err error
		for _, one := range row.looks {
			err = silent.last(map[string]error{"10.77.0.12:3306": one.err}, began.Add(time.Duration(one.second)*time.Second))
		}
		if !errors.Is(err, row.want) || err != nil && !strings.Contains(err.Error(), "the machine of 10.77.0.12:3306 has not answered") {
			t.Errorf("%s: %v, want %v", name, err, row.want)
		}
	}
}

// unplugged is a machine that does not answer.
type unplugged struct{ *machinetest.Machine }

func (unplugged) Run(context.Context, remote.Command) (remote.Result, error) {
	return remote.Result{}, &remote.Error{Kind: remote.ErrUnreachable}
}

func (unplugged) Prove(context.Context) error { return &remote.Error{Kind: remote.ErrUnreachable} }

func TestMachinesOfAbsentMembers(t *testing.T) {
	view := group.View{Self: "a", Members: []group.Member{{ID: "a", State: "ONLINE"}, {ID: "b", State: "UNREACHABLE", Host: "10.77.0.12", Port: 3306}, {ID: "c", State: "ONLINE"}}}
	absent := absentees(view, []group.Registration{{ID: "d", Address: "10.77.0.14:3306"}})
	if want := map[string]string{"b": "10.77.0.12:3306", "d": "10.77.0.14:3306"}; !maps.Equal(absent, want) {
		t.Errorf("absent: %v", absent)
	}
	var run group.Run
	run.Begin().At("b", unplugged{machinetest.New(t, "")})
	looks := machines{of: run.Machine, silent: silences{"10.77.0.12:3306": time.Now().Add(-time.Hour)}}
	if err := looks.gone(t.Context(), absent); !errors.Is(err, ErrAway) || !errors.Is(err, remote.ErrUnreachable) {
		t.Errorf("one that was unplugged: %v", err)
	}
	if err := looks.gone(t.Context(), absent); err != nil {
		t.Errorf("it is asked again at once: %v", err)
	}
}

// Whose own machine goes while it waits for its turn, or in it, is told to the others,
// which would wait for it.
func TestOwnMachineThatGoes(t *testing.T) {
	var plugin Plugin
	w, sibling := plugin.begin(unplugged{machinetest.New(t, "")}, Config{}), plugin.begin(nil, Config{})
	w.place.In("g")
	sibling.place.In("g")
	view := group.View{Name: "g", Self: "a", Members: []group.Member{{ID: "a", State: "ONLINE", Host: "10.77.0.11", Port: 3306}, {ID: "b", State: "ONLINE", Role: "PRIMARY"}}}
	if err := w.restart(t.Context(), Status{Answers: true, View: view}, turn{}); !errors.Is(err, remote.ErrUnreachable) {
		t.Errorf("the restart: %v", err)
	}
	if err := sibling.place.Failed(); !errors.Is(err, remote.ErrUnreachable) || !strings.Contains(err.Error(), "another member of the group does not answer") {
		t.Errorf("the sibling: %v", err)
	}
}
