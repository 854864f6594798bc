// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"strings"
	"sync"
	"testing"
)

// A key of for_each is a name in Terraform: where it changes, one machine's
// resource is destroyed and created at once, in whatever order. What stands
// afterwards is what was created, and the next plan is empty.
func TestRenamedHostIsTheSameMachine(t *testing.T) {
	t.Parallel()
	const resource = "atoll_host"
	config := object{"ssh": sshTo("203.0.113.11"), "hostname": "hk1", "packages": []any{"bc"}}
	for _, row := range []struct {
		name  string
		times int
		do    func(create, destroy func() string) (created, destroyed string)
	}{
		{"creates first", 1, func(create, destroy func() string) (string, string) { return create(), destroy() }},
		{"destroys first", 1, func(create, destroy func() string) (string, string) {
			destroyed := destroy()
			return create(), destroyed
		}},
		{"does both at once", 5, func(create, destroy func() string) (created, destroyed string) {
			var both sync.WaitGroup
			both.Go(func() { created = create() })
			both.Go(func() { destroyed = destroy() })
			both.Wait()
			return created, destroyed
		}},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			for range row.times {
				network := machines(t, "203.0.113.11")
				old := start(t, network, object{}).made(resource, nil, config)
				tf := start(t, network, object{})
				var made *state
				created, destroyed := row.do(func() (problems string) {
					made, problems = tf.apply(resource, nil, config)
					return problems
				}, func() string { return tf.destroy(resource, old) })
				if created != "" || destroyed != "" {
					t.Fatalf("create: %q, destroy: %q", created, destroyed)
				}
				next := start(t, network, object{})
				if made = next.refreshed(resource, made); !next.empty(resource, made, config) {
					t.Fatalf("after the apply: %s", made.lines())
				}
			}
		})
	}
}

// Where that would stop something, the plan is refused with the block that a
// rename needs, whichever of the two is planned first. Another machine, another
// mesh, and a replacement are no renames.
func TestRenameWithoutMovedIsRefused(t *testing.T) {
	t.Parallel()
	for resource, config := range everything() {
		if way, _ := config["ssh"].(object); way["host"] == nil {
			continue // of no machine
		}
		config["ssh"] = sshTo("203.0.113.11")
		t.Run(resource, func(t *testing.T) {
			t.Parallel()
			network := machines(t)
			kind := start(t, network, object{}).kind(resource)
			fresh := func() *terraform { return start(t, network, object{}) }
			planned, problems := fresh().plan(resource, nil, write(kind, config))
			if problems != "" {
				t.Fatal(problems)
			}
			old := &state{settled(planned.value), nil, ""}
			check := func(order, problems string) {
				t.Helper()
				refused := strings.Contains(problems, "moved {") && strings.Contains(problems, "from = "+resource+".NAME") && strings.Contains(problems, "on 203.0.113.11:22")
				if refused != (resource != "atoll_host") {
					t.Errorf("%s: %q", order, problems)
				}
			}
			tf := fresh()
			if problems := tf.planRemoval(resource, old); problems != "" {
				t.Fatal(problems)
			}
			_, problems = tf.plan(resource, nil, write(kind, config))
			check("the removal first", problems)
			elsewhere := everything()[resource]
			elsewhere["ssh"] = sshTo("203.0.113.12")
			if _, problems := tf.plan(resource, nil, write(kind, elsewhere)); problems != "" {
				t.Errorf("another machine: %s", problems)
			}
			if resource == "atoll_mesh_peer" {
				elsewhere["ssh"], elsewhere["mesh"] = sshTo("203.0.113.11"), "other"
				if _, problems := tf.plan(resource, nil, write(kind, elsewhere)); problems != "" {
					t.Errorf("another mesh: %s", problems)
				}
			}
			tf = fresh()
			if _, problems := tf.plan(resource, nil, write(kind, config)); problems != "" {
				t.Fatal(problems)
			}
			check("the creation first", tf.planRemoval(resource, old))
		})
	}
}
