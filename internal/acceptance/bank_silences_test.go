// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package acceptance

import (
	"context"
	"strings"
	"time"
)

// silences are faults that end by themselves, and of which the guardians mend the rest.
func silences() []mishap {
	return []mishap{
		{name: "the primary is cut off for two minutes", does: func(f *fixture) { f.cutOff(f.primary()) }},
		{name: "a secondary is cut off for two minutes", does: func(f *fixture) { f.cutOff(f.secondary()) }},
		{name: "all members are cut from each other for a minute", does: (*fixture).cutApart},
		{name: "one is dead, and the other two are cut from each other for a minute", does: (*fixture).cutWithoutThird},
		{name: "the primary stands still for a minute", does: func(f *fixture) { f.freeze(f.primary()) }},
		{name: "a secondary stands still for a minute", does: func(f *fixture) { f.freeze(f.secondary()) }},
		{name: "the primary's disk is full for half a minute", does: func(f *fixture) { f.fillDisk(f.primary()) }},
		{name: "a secondary's disk is full for half a minute", does: func(f *fixture) { f.fillDisk(f.secondary()) }},
		{name: "two lose their power", does: func(f *fixture) { f.lights(f.secondaries()...) }},
		{name: "all lose their power", does: func(f *fixture) { f.lights(databases...) }},
	}
}

// secondaries are the members that take no writes.
func (f *fixture) secondaries() []string {
	f.Helper()
	primary := f.primary()
	var list []string
	for _, host := range databases {
		if host != primary {
			list = append(list, host)
		}
	}
	return list
}

// part cuts the line between two hosts, and mends it when the test ends at the latest.
func (f *fixture) part(one, other string) (mend func()) {
	f.Helper()
	f.must(f.lab.Cut(f.Context(), one, other))
	f.Cleanup(func() { _ = f.lab.Mend(context.Background(), one, other) }) // it is mended already
	return func() { f.Helper(); f.must(f.lab.Mend(f.Context(), one, other)) }
}

// takesWrites tries to write on a member itself, as an application beside it would.
func (f *fixture) takesWrites(host string) bool {
	_, err := f.try(host, `timeout 3 mysql -e "INSERT INTO shop.writes VALUES (FLOOR(RAND() * 1000000000))"`)
	return err == nil
}

// cutOff takes all lines of a member for two minutes. While they are cut it takes no
// write, and gives up.
func (f *fixture) cutOff(host string) {
	f.Helper()
	f.alone(host, f.part)
}

// alone takes a member's lines, in the way that is given, for two minutes.
func (f *fixture) alone(host string, part func(host, other string) (mend func())) {
	f.Helper()
	var mends []func()
	for _, other := range f.lab.Inventory.Hosts {
		if other.Name != host {
			mends = append(mends, part(host, other.Name))
		}
	}
	began := time.Now()
	time.Sleep(7 * time.Second) // until the member itself knows
	for time.Since(began) < 2*time.Minute {
		if f.takesWrites(host) {
			f.Errorf("%s takes a write %.0f s after it was cut off", host, time.Since(began).Seconds())
		}
		time.Sleep(time.Second)
	}
	if got := f.sql(host, "SELECT CONCAT_WS(' ', @@super_read_only, (SELECT MAX(member_state) FROM performance_schema.replication_group_members WHERE member_id = @@server_uuid))"); got != "1 ERROR" {
		f.Errorf("%s has %q after two minutes alone", host, got)
	}
	for _, mend := range mends {
		mend()
	}
}

// cutApart takes the lines between all members for a minute.
func (f *fixture) cutApart() {
	f.Helper()
	mends := []func(){f.part("hk1", "hk2"), f.part("hk1", "sg1"), f.part("hk2", "sg1")}
	// The mesh finds other ways where there are any.
	for _, host := range databases {
		for _, other := range f.lab.Inventory.Hosts {
			if !strings.HasPrefix(other.Name, "app") {
				continue
			}
			mends = append(mends, f.part(host, other.Name))
		}
	}
	time.Sleep(time.Minute)
	for _, mend := range mends {
		mend()
	}
}

// cutWithoutThird leaves two members alone with each other, and takes that line for a
// minute. The group comes back without the third.
func (f *fixture) cutWithoutThird() {
	f.Helper()
	third := f.secondary()
	f.pull(third)
	left := f.remaining(third)
	f.expelled(left[0])
	var mends []func()
	mends = append(mends, f.part(left[0], left[1]))
	for _, host := range left {
		for _, other := range f.lab.Inventory.Hosts {
			if strings.HasPrefix(other.Name, "app") {
				mends = append(mends, f.part(host, other.Name))
			}
		}
	}
	time.Sleep(time.Minute)
	for _, mend := range mends {
		mend()
	}
	began := time.Now()
	f.eventually("the two are a group again", 3*time.Minute, func() bool {
		got, err := f.try(left[0], `mysql -N -B -e "`+online+`"`)
		return err == nil && got == "2"
	})
	f.Logf("the two were a group %.0f s after their line was mended", time.Since(began).Seconds())
	f.must(f.lab.PlugIn(f.Context(), third))
}

func (f *fixture) remaining(but string) []string {
	var list []string
	for _, host := range databases {
		if host != but {
			list = append(list, host)
		}
	}
	return list
}

// freeze stops a member's mysqld in the middle of whatever it does.
func (f *fixture) freeze(host string) {
	f.Helper()
	f.on(host, "pkill -STOP -x mysqld")
	f.afterwards(host, "pkill -CONT -x mysqld")
	time.Sleep(time.Minute)
	f.on(host, "pkill -CONT -x mysqld")
	if f.takesWrites(host) {
		f.Errorf("%s takes a write after others took its place", host)
	}
}

func (f *fixture) fillDisk(host string) {
	f.Helper()
	f.must(f.lab.FillDisk(f.Context(), host))
	f.Cleanup(func() { _ = f.lab.FreeDisk(context.Background(), host) }) // it is free already
	time.Sleep(30 * time.Second)
	f.must(f.lab.FreeDisk(f.Context(), host))
}

// lights takes the power of machines, and gives it back.
func (f *fixture) lights(hosts ...string) {
	f.Helper()
	for _, host := range hosts {
		f.must(f.lab.PullPlug(f.Context(), host))
	}
	for _, host := range hosts {
		f.must(f.lab.PlugIn(f.Context(), host))
	}
}
