// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package innodbcluster

import (
	"errors"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
	"github.com/atollhq/terraform-provider-atoll/internal/provision"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/mysqld"
)

// oldMember is one that is to verify the others.
type oldMember struct {
	online bool
	// file is what it knows them by; running and persisted are its variables.
	file               string
	running, persisted map[string]string
}

// oldGroup is a group of an earlier version, whose members come to verify each other
// statement by statement.
type oldGroup struct {
	*testing.T
	cluster Cluster
	made    map[string]string
	members map[string]*oldMember
	primary string
	// said counts what was done; at fuse the apply is killed, before that or, when
	// late, after it. 0 lets it go on.
	said, fuse int
	late       bool
}

// errKilled ends a run without a word to anybody.
var errKilled = errors.New("killed")

func newOldGroup(t *testing.T) *oldGroup {
	t.Helper()
	c := three()
	g := &oldGroup{T: t, cluster: c, members: map[string]*oldMember{}, primary: "a"}
	g.made = certified(t, &c, standing(c), false)
	for _, key := range c.keys() {
		earlier := map[string]string{modeVariable: "REQUIRED", membersVariable: "", recoveryVerifying: "OFF"}
		g.members[key] = &oldMember{online: true, running: earlier, persisted: maps.Clone(earlier)}
	}
	return g
}

// observe is what all members say.
func (g *oldGroup) observe() map[string]Observation {
	c := g.cluster
	seen := all(c, func(c Cluster, key string) Observation { return grouped(c, key, g.primary) })
	for key, member := range g.members {
		one := seen[key]
		one.Certificate = mysqld.Certificate{Authority: "whole", Server: "whole", Until: "then", PEM: []byte(strings.TrimSuffix(g.made[key], "\n")), Used: "/etc/mysql/atoll/server.pem", UsedUntil: "then"}
		one.Trust = Trust{Maker: mysqld.MakerAtoll, Members: []byte(member.file)}
		maps.Copy(one.Persisted, member.persisted)
		maps.Copy(one.Variables, member.running)
		seen[key] = one
	}
	for key, member := range g.members {
		if !member.online {
			alone := seen[key]
			alone.View = nil
			outOf(seen, key, alone)
		}
	}
	return seen
}

// step does one thing, unless the apply is killed.
func (g *oldGroup) step(do func()) error {
	g.said++
	if g.said == g.fuse && !g.late {
		return errKilled
	}
	do()
	if g.said == g.fuse {
		return errKilled
	}
	return nil
}

// start lets a member in that knows the others by what it has, and is known by them
// where they verify.
func (g *oldGroup) start(key string) {
	g.Helper()
	one := g.members[key]
	for other, friend := range g.members {
		if one.running[modeVariable] == verifies && (one.running[membersVariable] != mysqld.MembersFile || !strings.Contains(one.file, g.made[other])) ||
			friend.online && friend.running[modeVariable] == verifies && !strings.Contains(friend.file, g.made[key]) {
			g.Errorf("statement %d: %s starts and does not get to %s: %v", g.said, key, other, one.running)
		}
	}
	one.online = true
}

var setting = regexp.MustCompile(`^SET (PERSIST_ONLY|GLOBAL) (\w+) = '(.*)'$`)

// execute lets a member do a statement.
func (g *oldGroup) execute(key, statement string) {
	g.Helper()
	one := g.members[key]
	match := setting.FindStringSubmatch(statement)
	switch {
	case match != nil && match[1] == "GLOBAL":
		one.running[match[2]] = match[3]
	case match != nil:
		one.persisted[match[2]] = match[3]
	case statement == "STOP GROUP_REPLICATION":
		if one.online = false; g.out() > 1 || key == g.primary {
			g.Errorf("statement %d: %s leaves the group, %d are out", g.said, key, g.out())
		}
	default:
		g.Fatalf("%s: what is %q?", key, statement)
	}
}

// out is how many members are not in the group.
func (g *oldGroup) out() int {
	count := 0
	for _, one := range g.members {
		if !one.online {
			count++
		}
	}
	return count
}

// do does an operation of an apply, for the cluster as that found it.
func (g *oldGroup) do(c Cluster, operation provision.Operation) error {
	g.Helper()
	switch o := operation.(type) {
	case Know:
		return g.step(func() { g.members[o.Member].file = c.trust.members })
	case Join:
		return g.step(func() {
			for _, want := range c.trust.variables(o.Member) {
				g.members[o.Member].running[want.name], g.members[o.Member].persisted[want.name] = want.value, want.value
			}
			g.start(o.Member)
		})
	case Verify:
		if o.Member == g.primary {
			successor := slices.IndexFunc(c.keys(), func(key string) bool { return key != g.primary && g.members[key].online })
			if err := g.step(func() { g.primary = c.keys()[successor] }); err != nil {
				return err
			}
		}
		for _, statement := range c.verifyStatements(o.Member) {
			if err := g.step(func() { g.execute(o.Member, statement) }); err != nil {
				return err
			}
		}
		return g.step(func() { g.start(o.Member) })
	}
	g.Fatalf("an apply would %s", operation)
	return nil
}

// apply works until nothing is left to do, or it is killed.
func (g *oldGroup) apply() error {
	g.Helper()
	for range 9 {
		diagnosis := Diagnose(g.cluster, g.observe())
		operations, err := diagnosis.Operations()
		if err != nil {
			return err
		}
		if len(operations) == 0 {
			if drift := diagnosis.Drift(); len(drift) > 0 {
				return errors.New(strings.Join(converge.Texts(drift), "; "))
			}
			return nil
		}
		c := g.cluster
		c.trust = diagnosis.trust
		for _, operation := range operations {
			if err := g.do(c, operation); err != nil {
				return err
			}
		}
	}
	return errors.New("there is always something left to do")
}

// An apply that lets the members of an earlier version verify each other is killed at
// any statement, before it or after it. Whatever happens to the members then, each can
// come in, and the next apply finishes: nobody is out, and all verify.
func TestVerifyKilledAtAnyStatement(t *testing.T) {
	for name, happens := range map[string]func(*oldGroup){
		"nothing": func(*oldGroup) {},
		"somebody starts who is out": func(g *oldGroup) {
			for _, key := range g.cluster.keys() {
				if !g.members[key].online {
					g.start(key)
				}
			}
		},
		"all boot, one after another": func(g *oldGroup) {
			for _, key := range g.cluster.keys() {
				g.members[key].online, g.members[key].running = false, maps.Clone(g.members[key].persisted)
				g.start(key)
			}
		},
	} {
		for _, late := range []bool{false, true} {
			fuse := 1
			for burnt := true; burnt; fuse++ {
				g := newOldGroup(t)
				g.fuse, g.late = fuse, late
				err := g.apply()
				burnt = errors.Is(err, errKilled)
				happens(g)
				g.fuse = 0
				if again := g.apply(); again != nil || err != nil && !burnt || g.out() > 0 {
					t.Errorf("%s, killed at %d (late %v): %v, then %v, %d are out", name, fuse, late, err, again, g.out())
				}
				for key, one := range g.members {
					if one.running[modeVariable] != verifies || one.persisted[modeVariable] != verifies || strings.Count(one.file, "BEGIN") != 3 {
						t.Errorf("%s, killed at %d (late %v): %s has %v, and for its boot %v", name, fuse, late, key, one.running, one.persisted)
					}
				}
			}
			// 3 files, 8 statements for each member, and the primary's role.
			if fuse < 3+3*8+1 {
				t.Errorf("%s: it was killed %d times only", name, fuse)
			}
		}
	}
}
