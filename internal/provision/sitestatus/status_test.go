// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package sitestatus

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
	"github.com/atollhq/terraform-provider-atoll/internal/converge/convergetest"
	"github.com/atollhq/terraform-provider-atoll/internal/provision"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/group"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/mysqlrouter"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/tinc"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

func TestQuestionsFailClosed(t *testing.T) {
	convergetest.FailsClosed(t, machineQuestion(),
		"now 1764109200.120345678 s\nuptime 77 s\nmemory 8000000 6000000 KiB\ndisk 1000 500 64 32 /\n"+converge.WholeMark+"\n",
		"now 1764109200.120345678 s\nuptime 0 s\nmemory 8000000 6000000 KiB\ndisk 1000 500 - - /srv/two words\nfailed tinc@site.service\n"+converge.WholeMark+"\n")
	convergetest.FailsClosed(t, databaseQuestion(), "server\t{\"uuid\": \"u\"}\nmembers\tNULL\nend\ttrue\n", "unit\t\"inactive\"\nend\ttrue\n")
}

var members = map[string]string{"a": "10.77.0.1:3306", "b": "10.77.0.2:3306", "c": "10.77.0.3:3306"}

// seen is the view of one member: each of the others with its state.
func seen(self string, states map[string]string) *Database {
	view := group.View{Self: self}
	for key, state := range states {
		role := "SECONDARY"
		if key == "a" {
			role = "PRIMARY"
		}
		view.Members = append(view.Members, group.Member{ID: key, Host: members[key][:9], Port: 3306, State: state, Role: role, Version: "9.7.4"})
	}
	return &Database{View: view}
}

func site() Site {
	same := map[string]string{"a": "a", "b": "b", "c": "c"}
	return Site{Members: members, MemberAt: same, PeerAt: same}
}

func whole() map[string]Answer {
	all := map[string]Answer{}
	for key := range members {
		reach := tinc.Reach{}
		for other := range members {
			if other != key {
				reach[other] = true
			}
		}
		all[key] = Answer{
			Machine:  Machine{Disks: []provision.Disk{{Mount: "/", SizeKiB: 1000, FreeKiB: 500, Inodes: 100, FreeInodes: 50}}},
			Reach:    reach,
			Database: seen(key, map[string]string{"a": "ONLINE", "b": "ONLINE", "c": "ONLINE"}),
		}
	}
	return all
}

func TestDiagnosis(t *testing.T) {
	change := func(key string, do func(*Answer)) func(map[string]Answer) {
		return func(all map[string]Answer) {
			answer := all[key]
			do(&answer)
			all[key] = answer
		}
	}
	for name, row := range map[string]struct {
		change  func(map[string]Answer)
		want    []string
		primary string
		states  map[string]string
	}{
		"whole": {func(map[string]Answer) {}, []string{}, "a", map[string]string{"a": "ONLINE", "b": "ONLINE", "c": "ONLINE"}},
		"a machine has another host key": {
			func(all map[string]Answer) {
				all["c"] = Answer{Err: &remote.Error{Kind: remote.ErrHostKeyMismatch, Address: "203.0.113.3:22", Detail: "it shows another key\nand more"}}
			},
			[]string{"c: not asked: connect 203.0.113.3:22: host key has changed: it shows another key"},
			"a", map[string]string{"a": "ONLINE", "b": "ONLINE", "c": "ONLINE"},
		},
		"a machine is gone, and the others have not expelled it": {
			func(all map[string]Answer) {
				all["c"] = Answer{Err: errors.New("connect 203.0.113.3:22: host is unreachable\nand more")}
				for _, key := range []string{"a", "b"} {
					change(key, func(a *Answer) {
						a.Database = seen(key, map[string]string{"a": "ONLINE", "b": "ONLINE", "c": "UNREACHABLE"})
						a.Reach["c"] = false
					})(all)
				}
			},
			[]string{"c: did not answer: connect 203.0.113.3:22: host is unreachable", "member c: UNREACHABLE, want ONLINE"},
			"a", map[string]string{"a": "ONLINE", "b": "ONLINE", "c": "UNREACHABLE"},
		},
		"one is expelled and sees itself alone": {
			func(all map[string]Answer) {
				change("c", func(a *Answer) { a.Database = seen("c", map[string]string{"c": "ERROR"}) })(all)
				for _, key := range []string{"a", "b"} {
					change(key, func(a *Answer) { a.Database = seen(key, map[string]string{"a": "ONLINE", "b": "ONLINE"}) })(all)
				}
			},
			[]string{"member c: ERROR, want ONLINE"}, "a", map[string]string{"a": "ONLINE", "b": "ONLINE", "c": "ERROR"},
		},
		"a server is stopped": {
			func(all map[string]Answer) {
				change("c", func(a *Answer) { a.Database = &Database{Unit: "inactive"} })(all)
			},
			[]string{"member c: OFFLINE, want ONLINE"}, "a", map[string]string{"a": "ONLINE", "b": "ONLINE", "c": "OFFLINE"},
		},
		"the quorum is lost": {
			func(all map[string]Answer) {
				all["a"], all["b"] = Answer{Err: errors.New("gone")}, Answer{Err: errors.New("gone")}
				change("c", func(a *Answer) {
					a.Database = seen("c", map[string]string{"a": "UNREACHABLE", "b": "UNREACHABLE", "c": "ONLINE"})
					a.Reach = tinc.Reach{"a": false, "b": false}
				})(all)
			},
			[]string{
				"a: did not answer: gone", "b: did not answer: gone", "database: no member takes writes",
				"member a: UNKNOWN, want ONLINE", "member b: UNKNOWN, want ONLINE", "member c: NO_QUORUM, want ONLINE",
			}, "", map[string]string{"a": "UNKNOWN", "b": "UNKNOWN", "c": "NO_QUORUM"},
		},
		"a server says nothing": {
			change("b", func(a *Answer) { a.Database, a.DatabaseErr = nil, errors.New("too many connections") }),
			[]string{"member b: too many connections"}, "a", map[string]string{"a": "ONLINE", "b": "ONLINE", "c": "ONLINE"},
		},
		"one lags": {
			change("b", func(a *Answer) {
				for i := range a.Database.View.Members {
					a.Database.View.Members[i].Queue = 5000
				}
			}),
			[]string{"member b: has 5000 transactions to apply, more than 1000"}, "a", map[string]string{"a": "ONLINE", "b": "ONLINE", "c": "ONLINE"},
		},
		"a line, a disk, a clock, a unit and a router": {
			change("b", func(a *Answer) {
				a.Reach["a"] = false
				a.Disks = append(a.Disks, provision.Disk{Mount: "/var", SizeKiB: 1000, FreeKiB: 500, Inodes: 100, FreeInodes: 9}, provision.Disk{Mount: "/srv", SizeKiB: 10, FreeKiB: 1})
				a.Ahead, a.Failed, a.Routers = -3*time.Second, []string{"mysql.service"}, mysqlrouter.Running{Active: map[string]bool{"mysqlrouter.service": false}}
			}),
			[]string{
				"b → a: no answer over the mesh", "b: unit mysql.service has failed", "b: the router does not run",
				"b: /var has 9 % left, less than 10 %", "b: its clock is 3s behind this machine's",
			}, "a", map[string]string{"a": "ONLINE", "b": "ONLINE", "c": "ONLINE"},
		},
		"an answer too slow to tell": {
			change("b", func(a *Answer) { a.Ahead, a.Within = -3*time.Second, 1500*time.Millisecond }),
			[]string{}, "a", map[string]string{"a": "ONLINE", "b": "ONLINE", "c": "ONLINE"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			answers := whole()
			row.change(answers)
			lines := converge.Texts(site().Diagnose(answers, Limits{FreePercent: 10, ClockOffset: 2 * time.Second, Queue: 1000}))
			statuses, primary := site().MembersOf(answers)
			states := map[string]string{}
			for key, status := range statuses {
				states[key] = status.State
			}
			if diff := cmp.Diff(row.want, lines) + cmp.Diff(row.states, states) + cmp.Diff(row.primary, primary); diff != "" {
				t.Error(diff)
			}
		})
	}
}
