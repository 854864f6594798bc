// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/atollhq/terraform-provider-atoll/internal/provider/base"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

const driftScript = "../../examples/ci/drift.sh"

// looked is how a run of drift.sh ended, and what it said.
type looked struct {
	code        int
	table, said string
}

// look runs drift.sh with a program in the place of Terraform.
func look(t *testing.T, dir string, environment []string, options ...string) looked {
	t.Helper()
	if _, err := exec.LookPath("jq"); err != nil {
		t.Skip("jq is not here")
	}
	script, err := filepath.Abs(driftScript)
	if err != nil {
		t.Fatal(err)
	}
	command := exec.CommandContext(t.Context(), script, options...)
	command.Dir = dir
	command.Env = append(append(os.Environ(), "SUMMARY=", "GITHUB_STEP_SUMMARY="), environment...)
	var table, said strings.Builder
	command.Stdout, command.Stderr = &table, &said
	var failed *exec.ExitError
	if err := command.Run(); err != nil && !errors.As(err, &failed) {
		t.Fatal(err)
	}
	return looked{command.ProcessState.ExitCode(), table.String(), said.String()}
}

// rows are those of the table, without its head.
func (l looked) rows() []string {
	var rows []string
	for line := range strings.Lines(l.table) {
		if row, found := strings.CutPrefix(strings.TrimSpace(line), "| "); found && row != "part | line |" && !strings.HasPrefix(row, "---") {
			rows = append(rows, strings.TrimSuffix(row, " |"))
		}
	}
	return rows
}

// recorded is a program that prints what Terraform once printed.
func recorded(t *testing.T, said, plan string) (dir string, environment []string) {
	t.Helper()
	dir = t.TempDir()
	for name, content := range map[string]string{
		"said": said, "plan.json": plan,
		"terraform": "#!/bin/sh\ncase $1 in plan) cat said; ! grep -q '\"severity\":\"error\"' said ;; show) cat plan.json ;; esac\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	return dir, []string{"TERRAFORM=" + filepath.Join(dir, "terraform")}
}

// The pieces of a plan as Terraform writes it down.
func stood(part, kind, values string) string {
	return `{"address": "` + part + `", "mode": "managed", "type": "` + kind + `", "values": ` + values + `}`
}

func changed(part, actions, before, after string) string {
	return `{"address": "` + part + `", "change": {"actions": [` + actions + `], "before": ` + before + `, "after": ` + after +
		`, "after_unknown": {"facts": {"swap_mib": true}}, "before_sensitive": {"secret": true}, "after_sensitive": {"tags": [false]}}}`
}

func planned(resources, changes, more string) string {
	return `{"prior_state": {"values": {"root_module": {"child_modules": [{"resources": [` + resources + `]}]}}}, "resource_changes": [` + changes + `]` + more + `}`
}

func warned(summary, address string) string {
	return `{"type":"diagnostic","diagnostic":{"severity":"warning","summary":"` + summary + `","detail":"why.\n\nAdvice.","address":"` + address + `"}}` + "\n"
}

const (
	down    = `{"ssh": {"host": "a"}, "drift": ["unreachable: connect a:22: timed out"]}`
	refused = `{"ssh": {"host": "a"}, "drift": ["not asked: connect a:22: authentication refused: user root"]}`
	another = `{"ssh": {"host": "a"}, "drift": ["not asked: connect a:22: host key has changed: declared is another"]}`
	well    = `{"ssh": {"host": "b"}, "drift": []}`
	// written is the configuration: peers is declared, links is not.
	written = `, "configuration": {"root_module": {"module_calls": {"site": {"module": {"resources": [{"address": "atoll_mesh.m", "expressions": {"peers": {}}}, {"address": "atoll_linode.n", "expressions": {"label": {}}}]}}}}}`
)

func asked(machines, problems string) string {
	return `{"address": "data.atoll_site_status.now", "mode": "data", "type": "atoll_site_status", "values": {"machines": ` + machines + `, "problems": [` + problems + `]}}`
}

func askedOfTier(nodes, problems string) string {
	return `{"address": "data.atoll_file_tier_status.now", "mode": "data", "type": "atoll_file_tier_status", "values": {"nodes": ` + nodes + `, "problems": [` + problems + `]}}`
}

// What a plan says becomes rows, and one exit code.
func TestDriftScriptReadsPlans(t *testing.T) {
	t.Parallel()
	const host, mesh = `atoll_host.h[\"a\"]`, `module.site[\"x.y\"].atoll_mesh.m`
	one := func(values string) string { return stood(host, "atoll_host", values) }
	spare := stood("atoll_linode.s", "atoll_linode", `{"ssh": {"host": "c"}, "drift": []}`)
	beside := "," + stood("atoll_host.b", "atoll_host", well)
	again := func(values string) string { return changed(host, `"update"`, values, well) }
	for name, row := range map[string]struct {
		said, plan string
		options    []string
		code       int
		rows       []string
	}{
		"in sync":                      {"", planned(one(well), "", ""), nil, 0, nil},
		"one machine is off":           {"", planned(one(down)+beside, again(down), ""), nil, 3, []string{`atoll_host.h["a"] | unreachable: connect a:22: timed out`}},
		"the key is refused somewhere": {"", planned(one(refused)+beside, again(refused), ""), nil, 3, []string{`atoll_host.h["a"] | not asked: connect a:22: authentication refused: user root`}},
		"the key is refused everywhere": {"", planned(one(refused)+","+spare, again(refused), ""), nil, 1, []string{
			`atoll_host.h["a"] | not asked: connect a:22: authentication refused: user root`, "plan | no machine could be asked",
		}},
		"another host key": {"", planned(one(another)+beside, again(another), ""), nil, 2, []string{`atoll_host.h["a"] | not asked: connect a:22: host key has changed: declared is another`}},
		"the links of a machine that is off": {"", planned(one(well), changed(mesh, `"update"`,
			`{"drift": ["hk1 → sg1: no answer over the mesh", "sg1 → hk1: no answer over the mesh; TCP port 655", "sg1: unreachable: connect a:22: timed out"], "peers": 1, "links": {"hk1": []}}`,
			`{"drift": [], "peers": 1, "links": {"hk1": ["sg1"]}}`), written), nil, 3, []string{
			`module.site["x.y"].atoll_mesh.m | hk1 → sg1: no answer over the mesh`, `module.site["x.y"].atoll_mesh.m | sg1 → hk1: no answer over the mesh; TCP port 655`,
			`module.site["x.y"].atoll_mesh.m | sg1: unreachable: connect a:22: timed out`,
		}},
		"a link between machines that are up": {"", planned(one(well), changed(mesh, `"update"`,
			`{"drift": ["hk1 → hk2: no answer over the mesh", "sg1: unreachable: connect a:22: timed out", "hk2: not asked: connect b:22: authentication refused"]}`, `{"drift": []}`), written), nil, 2, []string{
			`module.site["x.y"].atoll_mesh.m | hk1 → hk2: no answer over the mesh`, `module.site["x.y"].atoll_mesh.m | sg1: unreachable: connect a:22: timed out`,
			`module.site["x.y"].atoll_mesh.m | hk2: not asked: connect b:22: authentication refused`,
		}},
		"attributes": {"", planned(one(well), changed("atoll_linode.n", `"update"`,
			`{"type": "g6-standard-4", "tags": ["a"], "note": "`+strings.Repeat("x", 90)+`", "secret": "s", "image": null, "facts": {}, "same": 1}`,
			`{"type": "g6-standard-2", "tags": ["a", "b"], "note": "x", "secret": "t", "image": "debian", "facts": {"swap_mib": 1}, "same": 1}`), written), nil, 2, []string{
			`atoll_linode.n | image: is not set, want debian`, `atoll_linode.n | note: differs`, `atoll_linode.n | secret: differs`,
			`atoll_linode.n | tags: is ["a"], want ["a","b"]`, `atoll_linode.n | type: is g6-standard-4, want g6-standard-2`,
		}},
		"attributes beside lines": {"", planned(one(well), changed(`module.site[0].atoll_linode.n[\"a]b\"]`, `"update"`,
			`{"drift": ["is offline"], "label": "x", "status": "offline"}`, `{"drift": [], "label": "y", "status": "running"}`), written), nil, 2, []string{
			`module.site[0].atoll_linode.n["a]b"] | is offline`, `module.site[0].atoll_linode.n["a]b"] | label: is x, want y`,
		}},
		"gone and new": {"", planned(one(well), changed("atoll_linode.n", `"create"`, "null", `{"label": "x"}`)+","+changed("atoll_linode.o", `"create"`, "null", `{"label": "y"}`),
			`, "resource_drift": [`+changed("atoll_linode.n", `"delete"`, `{"label": "x"}`, "null")+`]`), nil, 2, []string{"atoll_linode.n | gone", "atoll_linode.o | to be changed: create"}},
		"warnings": {warned("Machine a Was Not Read", "atoll_host.h") + warned("Changed Outside of This Configuration", "atoll_linode.n"), planned(one(well), "", ""), nil, 2, []string{
			"atoll_linode.n | Changed Outside of This Configuration: why.",
		}},
		"warnings about no part":         {warned("Resource targeting is in effect", "") + warned("Missing Keys", `provider[\"x\"]`), planned(one(well), "", ""), nil, 0, []string{"plan | Resource targeting is in effect: why.", `provider["x"] | Missing Keys: why.`}},
		"a warning of what may be meant": {warned("Even Number of Members", "atoll_mysql_cluster.c"), planned(one(well), "", ""), nil, 0, []string{"atoll_mysql_cluster.c | Even Number of Members: why."}},
		"a warning that tells silence":   {warned("Linode Account Was Not Asked", "atoll_linode.n"), planned(one(well), "", ""), nil, 3, []string{"atoll_linode.n | Linode Account Was Not Asked: why."}},
		"the status alone": {"", planned(one(well)+","+asked(`{"a": {"reachable": false}, "b": {"reachable": true}}`, `"a: did not answer: connect a:22: timed out"`), "", ""), []string{"-refresh=false"}, 3, []string{
			"data.atoll_site_status.now | a: did not answer: connect a:22: timed out",
		}},
		"the status of a tier alone": {"", planned(one(well)+","+askedOfTier(`{"a": {"asked": true}, "b": {"asked": true}}`, `"a ↔ b: STOPPED: its unit does not run on a", "a: /srv/cold: 1 file rotted"`), "", ""), []string{"-refresh=false"}, 2, []string{
			"data.atoll_file_tier_status.now | a ↔ b: STOPPED: its unit does not run on a", "data.atoll_file_tier_status.now | a: /srv/cold: 1 file rotted",
		}},
		"a node of a tier that is off": {"", planned(one(well)+","+askedOfTier(`{"a": {"asked": true}, "b": {"asked": false}}`, `"b: not asked: connect b:22: timed out", "a ↔ b: CONNECTING: no line, in step 2m0s ago"`), "", ""), []string{"-refresh=false"}, 3, []string{
			"data.atoll_file_tier_status.now | b: not asked: connect b:22: timed out", "data.atoll_file_tier_status.now | a ↔ b: CONNECTING: no line, in step 2m0s ago",
		}},
		"no node of a tier answers": {"", planned(one(well)+","+askedOfTier(`{"a": {"asked": false}}`, `"a: not asked: connect a:22: timed out"`), "", ""), []string{"-refresh=false"}, 1, []string{
			"data.atoll_file_tier_status.now | a: not asked: connect a:22: timed out", "plan | no machine could be asked",
		}},
		"a status that is old": {"", planned(one(refused)+","+asked(`{"b": {"reachable": true}}`, `"b: its clock was off"`), again(refused)+`, {"address": "data.atoll_site_status.now", "change": {"actions": ["read"]}}`, ""), nil, 1, []string{
			`atoll_host.h["a"] | not asked: connect a:22: authentication refused: user root`, "plan | no machine could be asked",
		}},
		"the status of nobody": {"", planned(one(well)+","+asked(`{"a": {"reachable": false}}`, `"a: not asked: connect a:22: authentication refused"`), "", ""), []string{"-refresh=false"}, 1, []string{
			"data.atoll_site_status.now | a: not asked: connect a:22: authentication refused", "plan | no machine could be asked",
		}},
	} {
		dir, environment := recorded(t, row.said, row.plan)
		if got := look(t, dir, environment, row.options...); got.code != row.code || !slices.Equal(got.rows(), row.rows) || (row.code == 0) != strings.HasPrefix(got.table, "The site is as declared.\n") {
			t.Errorf("%s: exit code %d, want %d, and the table\n%s%s", name, got.code, row.code, got.table, got.said)
		}
	}
}

// A plan that failed says why.
func TestDriftScriptShowsWhyAPlanFailed(t *testing.T) {
	t.Parallel()
	dir, environment := recorded(t, "plain words\n{\"@message\":\"Refreshing\"}\n"+`{"type":"diagnostic","diagnostic":{"severity":"error","summary":"No way","detail":"The way out.","address":"atoll_host.h"}}`, "{}")
	if got := look(t, dir, environment); got.code != 1 || got.table != "" || got.said != "plain words\nerror: No way (atoll_host.h)\n\nThe way out.\n\n" {
		t.Errorf("exit code %d, %q, %q", got.code, got.table, got.said)
	}
}

// Standard output may be a socket, as under systemd, or a file that others write to.
func TestDriftScriptWritesToItsOutput(t *testing.T) {
	t.Parallel()
	dir, environment := recorded(t, "", planned("", "", ""))
	look(t, dir, environment) // skips where jq is not here
	ends, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	read, write := os.NewFile(uintptr(ends[0]), "read"), os.NewFile(uintptr(ends[1]), "write")
	script, err := filepath.Abs(driftScript)
	if err != nil {
		t.Fatal(err)
	}
	command := exec.CommandContext(t.Context(), script)
	command.Dir, command.Env, command.Stdout = dir, append(append(os.Environ(), "SUMMARY=", "GITHUB_STEP_SUMMARY="), environment...), write
	if err := errors.Join(command.Run(), write.Close()); err != nil {
		t.Fatal(err)
	}
	said := make([]byte, 100)
	n, err := read.Read(said)
	if err != nil || string(said[:n]) != "The site is as declared.\n" {
		t.Errorf("%q, %v", said[:n], err)
	}
	_ = read.Close()
	summary := filepath.Join(dir, "summary.md")
	if got := look(t, dir, append(environment, "SUMMARY="+summary)); got.code != 0 || got.table != "" {
		t.Errorf("with a summary: %+v", got)
	}
	if text, err := os.ReadFile(summary); err != nil || string(text) != "The site is as declared.\n" {
		t.Errorf("the summary is %q, %v", text, err)
	}
}

// A real Terraform over two machines: one is edited, one shows another key, one
// has a fresh disk, then neither lets anybody in.
func TestDriftScriptOverMachines(t *testing.T) {
	t.Parallel()
	network := machines(t, "203.0.113.11", "203.0.113.12")
	terraform, dir := serveWith(t, newWith("test", func(remote.Options) (base.Hosts, error) { return network, nil })), t.TempDir()
	config := "terraform {\n  required_providers {\n    atoll = { source = \"atollhq/atoll\" }\n  }\n}\n" +
		"resource \"atoll_mesh_peer\" \"n\" {\n  for_each = toset([\"11\", \"12\"])\n  ssh      = { host = \"203.0.113.${each.key}\", host_key = \"" + hostKey + "\" }\n" +
		"  mesh     = \"site\"\n  name     = \"n${each.key}\"\n  address  = \"10.77.0.${each.key}\"\n}\n"
	if err := os.WriteFile(filepath.Join(dir, "main.tf"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, arguments := range [][]string{{"init"}, {"apply", "-auto-approve"}} {
		if output, ok := terraform.run(t, dir, arguments...); !ok {
			t.Fatal(output)
		}
	}
	environment := append(terraform.environment(), "TERRAFORM="+terraform.path)
	check := func(code int, rows ...string) {
		t.Helper()
		got := look(t, dir, environment)
		all := got.rows()
		if got.code != code || len(all) != len(rows) {
			t.Errorf("exit code %d, want %d, and the table\n%s%s", got.code, code, got.table, got.said)
			return
		}
		for i, row := range rows {
			if !strings.HasPrefix(all[i], row) {
				t.Errorf("%q, want %q", all[i], row)
			}
		}
	}
	check(0)
	if err := network.Machines["203.0.113.11"].Write("/etc/tinc/site/tinc.conf", "by hand"); err != nil {
		t.Fatal(err)
	}
	former := network.Machines["203.0.113.12"].HostKey
	network.Machines["203.0.113.12"].HostKey = otherKey
	check(2, `atoll_mesh_peer.n["11"] | file /etc/tinc/site/tinc.conf: content differs`, `atoll_mesh_peer.n["12"] | not asked: connect 203.0.113.12:22: host key has changed`)
	network.Machines["203.0.113.12"].HostKey = former
	kept := network.Machines["203.0.113.11"]
	network.Machines["203.0.113.11"] = machines(t, "203.0.113.11").Machines["203.0.113.11"]
	check(2, `atoll_mesh_peer.n["11"] | gone`)
	network.Machines["203.0.113.11"] = kept
	for _, machine := range network.Machines {
		machine.Fail(&remote.Error{Kind: remote.ErrAuthentication, Address: "h:22"})
	}
	check(1, `atoll_mesh_peer.n["11"] | not asked: `, `atoll_mesh_peer.n["12"] | not asked: `, "plan | no machine could be asked")
}
