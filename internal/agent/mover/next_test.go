// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package mover

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/atollhq/terraform-provider-atoll/internal/agent/tree"
	"github.com/atollhq/terraform-provider-atoll/internal/model/tier"
)

var now = time.Date(2026, time.March, 10, 12, 0, 0, 0, time.UTC)

// ready is a day that has been copied and can flip.
func ready() (Day, Surroundings) {
	day := Day{
		Day: tier.Day{Path: "2026/01/02", Ends: time.Date(2026, time.January, 3, 0, 0, 0, 0, time.UTC)}, Hot: Tree, Cold: Tree,
		Copy: &tree.Sum{Digest: "same"}, Look: tree.Look{Entries: 10, Bytes: 1000, Newest: now.Add(-24 * time.Hour).UnixNano()},
	}
	around := Surroundings{
		Policy: Policy{HotDays: 30, Quiet: time.Hour, Grace: 24 * time.Hour, Reserve: tree.Room{Bytes: 500, Inodes: 5}}, Now: now,
		Peers: []Peer{{Name: "two", Day: tier.DayReport{Phase: tier.Copied, Digest: "same"}}}, Room: tree.Room{Bytes: 1 << 40, Inodes: 1 << 20},
	}
	return day, around
}

func TestNext(t *testing.T) {
	old := Old{Number: 1, Since: now.Add(-25 * time.Hour), Swept: true, ReadBack: true}
	flipped := func(day *Day, around *Surroundings) {
		day.Hot, day.Old, around.Peers[0].Day = Linked, []Old{old}, tier.DayReport{Phase: tier.Flipped, Read: true}
	}
	silent := errors.New("timed out")
	for name, test := range map[string]struct {
		change func(*Day, *Surroundings)
		step   Step
		says   string
	}{
		"ready":                      {func(*Day, *Surroundings) {}, Flip, "all nodes have a copy"},
		"alone":                      {func(_ *Day, a *Surroundings) { a.Peers = nil }, Flip, ""},
		"the other flipped":          {func(_ *Day, a *Surroundings) { a.Peers[0].Day = tier.DayReport{Phase: tier.Flipped} }, Flip, ""},
		"the other differs":          {func(_ *Day, a *Surroundings) { a.Peers[0].Day.Digest = "x" }, Wait, "two has another copy"},
		"the other is behind":        {func(_ *Day, a *Surroundings) { a.Peers[0].Day.Phase = tier.Hot }, Wait, "two has no copy yet"},
		"the other has nothing":      {func(_ *Day, a *Surroundings) { a.Peers[0].Day.Phase = tier.Nowhere }, Wait, "two has no copy yet"},
		"the other is silent":        {func(_ *Day, a *Surroundings) { a.Peers[0] = Peer{Name: "two", Err: silent} }, Wait, "two does not answer: timed out"},
		"one of many is silent":      {func(_ *Day, a *Surroundings) { a.Peers = append(a.Peers, Peer{Name: "three", Err: silent}) }, Wait, "three does not answer"},
		"too young by a second":      {func(d *Day, _ *Surroundings) { d.Ends = now.AddDate(0, 0, -30).Add(time.Second) }, Nothing, "not old enough"},
		"old enough to the second":   {func(d *Day, _ *Surroundings) { d.Ends = now.AddDate(0, 0, -30) }, Flip, ""},
		"of next year":               {func(d *Day, _ *Surroundings) { d.Ends = now.AddDate(1, 0, 0) }, Nothing, "not old enough"},
		"changed lately":             {func(d *Day, _ *Surroundings) { d.Look.Newest = now.Add(-time.Minute).UnixNano() }, Wait, "has to rest"},
		"changed tomorrow":           {func(d *Day, _ *Surroundings) { d.Look.Newest = now.Add(time.Hour).UnixNano() }, Wait, "has to rest"},
		"not copied":                 {func(d *Day, _ *Surroundings) { d.Cold, d.Copy = Absent, nil }, Copy, ""},
		"the copy went away":         {func(d *Day, _ *Surroundings) { d.Cold = Absent }, Copy, ""},
		"the manifest went away":     {func(d *Day, _ *Surroundings) { d.Copy = nil }, Merge, ""},
		"touched":                    {func(d *Day, _ *Surroundings) { d.Touched = "x is new" }, Merge, "since it was copied, x is new"},
		"no room":                    {func(d *Day, a *Surroundings) { d.Cold, a.Room.Bytes = Absent, 1499 }, Wait, "1499 bytes left"},
		"just room":                  {func(d *Day, a *Surroundings) { d.Cold, a.Room.Bytes = Absent, 1500 }, Copy, ""},
		"no inodes":                  {func(d *Day, a *Surroundings) { d.Cold, a.Room.Inodes = Absent, 14 }, Wait, "14 inodes left"},
		"no room for a merge":        {func(d *Day, a *Surroundings) { d.Copy, a.Room.Bytes = nil, 499 }, Wait, "the archive is full"},
		"no room matters to no flip": {func(_ *Day, a *Surroundings) { a.Room = tree.Room{} }, Flip, ""},
		"unfit":                      {func(d *Day, _ *Surroundings) { d.Look.Unfit = errors.New("a socket") }, Leave, "it stays hot: a socket"},
		"a file in the archive":      {func(d *Day, _ *Surroundings) { d.Cold = Foreign }, Leave, "not a directory"},
		"a file in the hot tree":     {func(d *Day, _ *Surroundings) { d.Hot = Foreign }, Leave, "neither a directory nor the link"},
		"a link elsewhere": {func(d *Day, _ *Surroundings) {
			d.Hot, d.Cold, d.Leads, d.Wants = Foreign, Absent, "/srv/cold/2026/01/02", "/srv/fresh/2026/01/02"
		}, Leave, `it is a link to "/srv/cold/2026/01/02", and the archive's is "/srv/fresh/2026/01/02": where the archive lay there before, declare cold so again`},
		"a link elsewhere, archived": {func(d *Day, _ *Surroundings) {
			d.Hot, d.Leads, d.Wants = Foreign, "/srv/cold/2026/01/02", "/srv/fresh/2026/01/02"
		}, Leave, `and the archive has the day as "/srv/fresh/2026/01/02": an apply has the link lead there`},
		"the link leads nowhere":     {func(d *Day, _ *Surroundings) { d.Hot, d.Cold = Linked, Absent }, Leave, "does not have"},
		"not noted":                  {func(d *Day, _ *Surroundings) { d.Hot, d.Exchanged = Linked, true }, Settle, ""},
		"not noted, and grown again": {func(d *Day, _ *Surroundings) { d.Exchanged = true }, Settle, ""},
		"remains":                    {func(d *Day, _ *Surroundings) { d.Remains = []Remain{{Name: "x.partial"}} }, Discard, "x.partial"},
		"nowhere":                    {func(d *Day, _ *Surroundings) { d.Hot, d.Cold = Absent, Absent }, Nothing, ""},
		"only archived, hot there":   {func(d *Day, _ *Surroundings) { d.Hot = Absent }, Wait, "two still has it in the hot tree"},
		"only archived, silence":     {func(d *Day, a *Surroundings) { d.Hot, a.Peers[0] = Absent, Peer{Name: "two", Err: silent} }, Wait, "two does not answer"},
		"only archived":              {func(d *Day, a *Surroundings) { d.Hot, a.Peers[0].Day = Absent, tier.DayReport{Phase: tier.Nowhere} }, Link, ""},
		"not swept":                  {func(d *Day, a *Surroundings) { flipped(d, a); d.Old[0].Swept = false }, Sweep, ""},
		"can be cleaned":             {flipped, Clean, ""},
		"not read back":              {func(d *Day, a *Surroundings) { flipped(d, a); d.Old[0].ReadBack = false }, ReadBack, "not read from the disk"},
		"not read back, next run": {func(d *Day, a *Surroundings) {
			flipped(d, a)
			d.Old[0].ReadBack, d.Old[0].Since, a.Began, a.Peers[0].Err = false, now.Add(-time.Hour), now.Add(-time.Minute), silent
		}, ReadBack, ""},
		"not read back, same run": {func(d *Day, a *Surroundings) {
			flipped(d, a)
			d.Old[0].ReadBack, d.Old[0].Since, a.Began = false, now.Add(-time.Minute), now.Add(-time.Hour)
		}, Wait, "for another"},
		"put back in this run": {func(d *Day, a *Surroundings) { flipped(d, a); d.Old[0].PutBack = true }, Wait, "the next run reads that from the disk"},
		"put back, not read back": {func(d *Day, a *Surroundings) {
			flipped(d, a)
			d.Old[0].PutBack, d.Old[0].ReadBack, a.Began = true, false, now
		}, Wait, "the next run reads that from the disk"},
		"within the grace time":     {func(d *Day, a *Surroundings) { flipped(d, a); a.Now = now.Add(-2 * time.Hour) }, Wait, "for another 1h0m0s"},
		"the clock went back":       {func(d *Day, a *Surroundings) { flipped(d, a); a.Now = now.AddDate(-1, 0, 0) }, Wait, "for another"},
		"the other has not flipped": {func(d *Day, a *Surroundings) { flipped(d, a); a.Peers[0].Day.Phase = tier.Copied }, Wait, "two has not flipped"},
		"flipped, silence":          {func(d *Day, a *Surroundings) { flipped(d, a); a.Peers[0].Err = silent }, Wait, "two does not answer"},
		"unison has not looked":     {func(d *Day, a *Surroundings) { flipped(d, a); a.Unsettled = "unison has not looked" }, Wait, "unison has not looked: that is asked for"},
		"the other has not looked":  {func(d *Day, a *Surroundings) { flipped(d, a); a.Peers[0].Day.Read = false }, Wait, "two has not read its trees"},
		"still in use":              {func(d *Day, a *Surroundings) { flipped(d, a); d.Old[0].Kept = true }, Wait, "still in use"},
		"grown again, old kept":     {func(d *Day, a *Surroundings) { flipped(d, a); d.Hot, d.Copy, d.Old[0].Kept = Tree, nil, true }, Merge, ""},
		"two old ones":              {func(d *Day, a *Surroundings) { flipped(d, a); d.Old = append(d.Old, Old{Number: 2}) }, Sweep, ""},
		"archived":                  {func(d *Day, a *Surroundings) { flipped(d, a); d.Old = nil }, Nothing, "it is in the archive"},
	} {
		t.Run(name, func(t *testing.T) {
			day, around := ready()
			test.change(&day, &around)
			if got := Next(day, around); got.Step != test.step || !strings.Contains(got.Why, test.says) {
				t.Errorf("%s: %s; want %s: %s", got.Step, got.Why, test.step, test.says)
			}
		})
	}
}

// A reading is asked for where nothing else is missing on this node.
func TestNextAsks(t *testing.T) {
	now := time.Date(2026, time.March, 10, 12, 0, 0, 0, time.UTC)
	settled := Surroundings{Policy: Policy{Grace: time.Hour}, Now: now, Began: now, Peers: []Peer{{Name: "two", Day: tier.DayReport{Phase: tier.Flipped, Read: true}}}}
	for name, test := range map[string]struct {
		change func(*Surroundings)
		want   bool
	}{
		"all were read":             {func(*Surroundings) {}, false},
		"not read":                  {func(a *Surroundings) { a.Unsettled = "not read" }, true},
		"nor by the other":          {func(a *Surroundings) { a.Unsettled, a.Peers[0].Day.Read = "not read", false }, true},
		"by the other alone":        {func(a *Surroundings) { a.Peers[0].Day.Read = false }, false},
		"within the grace time":     {func(a *Surroundings) { a.Unsettled, a.Policy.Grace = "not read", 3*time.Hour }, false},
		"the other has not flipped": {func(a *Surroundings) { a.Unsettled, a.Peers[0].Day.Phase = "not read", tier.Copied }, false},
	} {
		around := settled
		around.Peers = slices.Clone(settled.Peers)
		test.change(&around)
		if got := nextOld(Old{Number: 1, Since: now.Add(-2 * time.Hour), Swept: true, ReadBack: true}, around); got.Asks != test.want {
			t.Errorf("%s: %+v", name, got)
		}
	}
}
