// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package innodbcluster

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/atollhq/terraform-provider-atoll/internal/provision"
)

// members are given as "key=last octet".
func membersAt(list string) map[string]Member {
	members := map[string]Member{}
	for _, one := range strings.Fields(list) {
		key, octet, _ := strings.Cut(one, "=")
		members[key] = Member{Address: "10.0.0." + octet, Port: 3306}
	}
	return members
}

func onlineAt(octets string) []string {
	var list []string
	for _, octet := range strings.Fields(octets) {
		list = append(list, "10.0.0."+octet+":3306")
	}
	return list
}

// Before its first step an apply knows its way: who goes and who comes, by
// endpoint and not by key, how many are ONLINE after each, and where one more
// loss would stop the site.
func TestWay(t *testing.T) {
	for _, row := range []struct {
		name, former, declared, anew, online string
		want                                 []string
		thin                                 string
		danger                               Danger
	}{
		{"as it is", "a=1 b=2 c=3", "a=1 b=2 c=3", "", "1 2 3", nil, "", Safe},
		{"all keys renamed", "a=1 b=2 c=3", "x=1 y=2 z=3", "", "1 2 3", nil, "", Safe},
		{"two keys swapped", "a=1 b=2 c=3", "a=2 b=1 c=3", "", "1 2 3", nil, "", Safe},
		{"new", "", "a=1 b=2 c=3", "", "", []string{"join a: 1", "join b: 2", "join c: 3"}, "", Safe},
		{"one more", "a=1 b=2 c=3", "a=1 b=2 c=3 d=4", "", "1 2 3", []string{"join d: 4"}, "", Safe},
		{"two less, as declared", "a=1 b=2 c=3", "a=1", "", "1 2 3", []string{"take out 10.0.0.2:3306: 2", "take out 10.0.0.3:3306: 1"}, "", Safe},
		{"one of three replaced", "a=1 b=2 c=3", "a=1 b=2 d=4", "", "1 2 3", []string{"take out 10.0.0.3:3306: 2", "join d: 3"}, "take out 10.0.0.3:3306: 2", Thinner},
		{"one of three at another address", "a=1 b=2 c=3", "a=1 b=2 c=9", "", "1 2 3", []string{"take out 10.0.0.3:3306: 2", "join c: 3"}, "take out 10.0.0.3:3306: 2", Thinner},
		{"two of three replaced", "a=1 b=2 c=3", "a=1 d=4 e=5", "", "1 2 3", []string{"take out 10.0.0.2:3306: 2", "take out 10.0.0.3:3306: 1", "join d: 2", "join e: 3"}, "take out 10.0.0.3:3306: 1", Thinner},
		{"all replaced", "a=1 b=2 c=3", "d=4 e=5 f=6", "", "1 2 3",
			[]string{"take out 10.0.0.1:3306: 2", "take out 10.0.0.2:3306: 1", "take out 10.0.0.3:3306: 0", "join d: 1", "join e: 2", "join f: 3"}, "take out 10.0.0.3:3306: 0", Forsaken},
		{"one of five replaced", "a=1 b=2 c=3 d=4 e=5", "a=1 b=2 c=3 d=4 f=6", "", "1 2 3 4 5", []string{"take out 10.0.0.5:3306: 4", "join f: 5"}, "", Safe},
		{"two of five replaced", "a=1 b=2 c=3 d=4 e=5", "a=1 b=2 c=3 f=6 g=7", "", "1 2 3 4 5",
			[]string{"take out 10.0.0.4:3306: 4", "take out 10.0.0.5:3306: 3", "join f: 4", "join g: 5"}, "take out 10.0.0.5:3306: 3", Thinner},
		{"the dead one replaced", "a=1 b=2 c=3", "a=1 b=2 d=4", "", "1 2", []string{"join d: 3"}, "", Safe},
		{"a live one replaced while another is down", "a=1 b=2 c=3", "a=1 b=2 d=4", "", "1 3", []string{"take out 10.0.0.3:3306: 1", "join b: 2", "join d: 3"}, "take out 10.0.0.3:3306: 1", Thinner},
		{"the only one replaced", "a=1", "b=2", "", "1", []string{"take out 10.0.0.1:3306: 0", "join b: 1"}, "take out 10.0.0.1:3306: 0", Forsaken},
		{"a server that is created again", "a=1 b=2 c=3", "a=1 b=2 c=3", "b", "1 2 3", []string{"take out 10.0.0.2:3306: 2", "join b: 3"}, "take out 10.0.0.2:3306: 2", Thinner},
		{"two that are created again", "a=1 b=2 c=3", "a=1 b=2 c=3", "b c", "1 2 3",
			[]string{"take out 10.0.0.2:3306: 2", "take out 10.0.0.3:3306: 1", "join b: 2", "join c: 3"}, "take out 10.0.0.3:3306: 1", Thinner},
		{"one of five that is created again", "a=1 b=2 c=3 d=4 e=5", "a=1 b=2 c=3 d=4 e=5", "e", "1 2 3 4 5", []string{"take out 10.0.0.5:3306: 4", "join e: 5"}, "", Safe},
		{"all are created again", "a=1 b=2 c=3", "a=1 b=2 c=3", "a b c", "1 2 3",
			[]string{"take out 10.0.0.1:3306: 2", "take out 10.0.0.2:3306: 1", "take out 10.0.0.3:3306: 0", "join a: 1", "join b: 2", "join c: 3"}, "take out 10.0.0.3:3306: 0", AllAnew},
		{"all that are ONLINE are created again", "a=1 b=2 c=3", "a=1 b=2 c=3", "a", "1", []string{"take out 10.0.0.1:3306: 0", "join a: 1", "join b: 2", "join c: 3"}, "take out 10.0.0.1:3306: 0", AllAnew},
		{"one is created again and the others go", "a=1 b=2 c=3", "a=1", "a", "1 2 3",
			[]string{"take out 10.0.0.1:3306: 2", "take out 10.0.0.2:3306: 1", "take out 10.0.0.3:3306: 0", "join a: 1"}, "take out 10.0.0.3:3306: 0", AllAnew},
		{"the only one is created again", "a=1", "a=1", "a", "1", []string{"take out 10.0.0.1:3306: 0", "join a: 1"}, "take out 10.0.0.1:3306: 0", OnlyAnew},
		{"a dead one is created again", "a=1 b=2 c=3", "a=1 b=2 c=3", "c", "1 2", []string{"join c: 3"}, "", Safe},
		{"a new one is created", "a=1 b=2 c=3", "a=1 b=2 c=3 d=4", "d", "1 2 3", []string{"join d: 4"}, "", Safe},
	} {
		former, declared, online := membersAt(row.former), membersAt(row.declared), onlineAt(row.online)
		course := Course(Way(former, declared, strings.Fields(row.anew), online), declared, online)
		said := func(step Step) string { return fmt.Sprintf("%s: %d", step.Operation, len(step.Online)) }
		var got []string
		for _, step := range course {
			got = append(got, said(step))
		}
		if diff := cmp.Diff(row.want, got); diff != "" {
			t.Errorf("%s:\n%s", row.name, diff)
		}
		thin := ""
		if step, found := Thin(course, len(online), len(declared)); found {
			thin = said(step)
		}
		if thin != row.thin {
			t.Errorf("%s: thin at %q, want %q", row.name, thin, row.thin)
		}
		if _, danger := Judge(course, former, declared, online, len(declared), true); danger != row.danger {
			t.Errorf("%s: %d, want %d", row.name, danger, row.danger)
		}
	}
}

// What is done to the metadata, to accounts and to variables takes nobody down.
func TestCourseOfOtherOperations(t *testing.T) {
	members, online := membersAt("a=1 b=2"), onlineAt("1")
	for _, row := range []struct {
		operation provision.Operation
		want      int
	}{
		{Erase{"b"}, 1}, {Renew{"b"}, 1}, {Install{"a"}, 1}, {Configure{"a"}, 1}, {Register{"a"}, 1}, {Credential{"a"}, 1}, {StrikeOff{"10.0.0.9:3306"}, 1},
		{Describe{"a"}, 1}, {DropAccount{Account: "x"}, 1}, {Bootstrap{"b"}, 2}, {Reboot{"b"}, 2}, {Join{Member: "b"}, 2}, {Replace{"b", "a"}, 2}, {Await{"b"}, 2}, {Leave{"10.0.0.1:3306"}, 0},
	} {
		if course := Course([]provision.Operation{row.operation}, members, online); len(course) != 1 || len(course[0].Online) != row.want {
			t.Errorf("after %s: %v, want %d", row.operation, course, row.want)
		}
	}
}
