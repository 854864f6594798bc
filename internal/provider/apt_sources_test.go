// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

const sourceFile, pinFile = "/etc/apt/sources.list.d/atoll-db.sources", "/etc/apt/preferences.d/atoll-db.pref"

// A source is there before the packages that come from it, shows what was done to
// it by hand, and goes without a trace.
func TestAptSourceThroughItsLife(t *testing.T) {
	t.Parallel()
	network := machines(t, "203.0.113.11")
	machine := network.Machines["203.0.113.11"]
	on := func(path string) string {
		content, err := os.ReadFile(filepath.Join(machine.Root, path))
		if err != nil {
			return err.Error()
		}
		return string(content)
	}
	tf := start(t, network, object{})
	config := object{"ssh": sshTo("203.0.113.11"), "packages": []any{"bc"}, "apt_sources": object{"db": aptSource()}}
	host := tf.refreshed("atoll_host", tf.made("atoll_host", nil, config))
	if !tf.empty("atoll_host", host, config) {
		t.Errorf("the plan after an apply is not empty: drift %s", host.lines())
	}
	if source := on(sourceFile); !strings.Contains(source, "\nURIs: https://repo.example/debian\nSuites: trixie\nComponents: main\n") || !strings.Contains(source, "\n mDMEawdf") {
		t.Errorf("the source is %s", source)
	}
	if on("/simulated/fetched") != on(sourceFile) {
		t.Errorf("lists were fetched of %s", on("/simulated/fetched"))
	}
	if !strings.Contains(on(pinFile), "Package: mysql-*\nPin: origin \"repo.example\"\nPin-Priority: 700\n") {
		t.Errorf("the pin is %s", on(pinFile))
	}

	for path, want := range map[string]string{sourceFile: "[file " + sourceFile + ": content differs]", pinFile: "[file " + pinFile + ": content differs]"} {
		tf.must(machine.Write(path, "by hand"))
		host = tf.refreshed("atoll_host", host)
		if !strings.HasPrefix(host.lines(), want[:len(want)-1]) || strings.Contains(host.lines(), "db:") {
			t.Errorf("drift %s, want %s", host.lines(), want)
		}
		host = tf.refreshed("atoll_host", tf.made("atoll_host", host, config))
		if !tf.empty("atoll_host", host, config) {
			t.Errorf("the drift is not mended: %s", host.lines())
		}
	}

	without := maps.Clone(config)
	delete(without, "apt_sources")
	tf = start(t, network, object{}) // a later run
	host = tf.refreshed("atoll_host", tf.made("atoll_host", host, without))
	for _, path := range []string{sourceFile, pinFile} {
		if _, err := os.Stat(filepath.Join(machine.Root, path)); !os.IsNotExist(err) {
			t.Errorf("%s is still there: %v", path, err)
		}
	}
	if !tf.empty("atoll_host", host, without) {
		t.Errorf("without sources: drift %s", host.lines())
	}
}

// What cannot be fetched is put nowhere, changes nothing that was there, and
// nothing is installed meanwhile.
func TestAptSourceThatCannotBeHad(t *testing.T) {
	t.Parallel()
	network := machines(t, "203.0.113.11")
	machine := network.Machines["203.0.113.11"]
	tf := start(t, network, object{})
	source := aptSource()
	source["uris"] = []any{"https://nowhere.example/debian"}
	config := object{"ssh": sshTo("203.0.113.11"), "packages": []any{"bc"}, "apt_sources": object{"db": source}}
	_, problems := tf.apply("atoll_host", nil, config)
	if !strings.Contains(problems, "does not have a Release file") || !strings.Contains(problems, "unable to fetch the lists of apt source db") {
		t.Errorf("got %q", problems)
	}
	left, err := filepath.Glob(filepath.Join(machine.Root, "etc/apt/*.d/*atoll*"))
	if err != nil || len(left) > 0 {
		t.Errorf("there is %q, %v", left, err)
	}
	if packages, err := os.ReadFile(filepath.Join(machine.Root, "simulated/packages")); err != nil || len(packages) > 0 {
		t.Errorf("installed: %s, %v", packages, err)
	}
	source["uris"] = []any{"https://repo.example/debian"}
	tf = start(t, network, object{}) // a later run
	tf.made("atoll_host", nil, config)
}

// What is wrong is said of the attribute where it is, when the plan is made.
func TestAptSourcesThatMakeNoSense(t *testing.T) {
	t.Parallel()
	tf := start(t, machines(t), object{})
	for _, row := range []struct {
		name   string
		key    string
		change object
		want   string
	}{
		{"name", "../db", nil, `apt_sources["../db"] = "../db" must be up to 63 letters`},
		{"no suites", "db", object{"suites": nil}, `apt_sources["db"].suites is missing`},
		{"suites with a blank", "db", object{"suites": []any{"trixie main"}}, `apt_sources["db"].suites = "trixie main" must be one suite`},
		{"no key for the fingerprint", "db", object{"key": nil}, `apt_sources["db"].key is missing`},
		{"no fingerprint for the key", "db", object{"fingerprint": nil}, `apt_sources["db"].fingerprint is missing. The key's is 011BAA84`},
		{"another fingerprint", "db", object{"fingerprint": strings.Repeat("AB", 20)}, `apt_sources["db"].key has the fingerprint 011BAA84`},
		{"no key at all", "db", object{"key": "rubbish"}, `apt_sources["db"].key is no ASCII-armoured`},
		{"no priority", "db", object{"pin": object{"priority": nil}}, `apt_sources["db"].pin.priority must be between`},
		{"unknown, and yet wrong", "db", object{"key": unknown{}, "suites": []any{unknown{}, "a b"}}, `apt_sources["db"].suites = "a b" must be one suite`},
	} {
		source := aptSource()
		maps.Copy(source, row.change)
		_, problems := tf.plan("atoll_host", nil, write(tf.kind("atoll_host"), object{"ssh": sshTo("203.0.113.11"), "apt_sources": object{row.key: source}}))
		if !strings.Contains(problems, row.want) || strings.Count(problems, "\n") > 1 {
			t.Errorf("%s: %q, want %q", row.name, problems, row.want)
		}
	}
}

// Two keys for one repository end all work of apt on a machine.
func TestAptSourcesThatCollide(t *testing.T) {
	t.Parallel()
	tf := start(t, machines(t), object{})
	other := aptSource()
	other["key"], other["fingerprint"] = nil, nil
	_, problems := tf.plan("atoll_host", nil, write(tf.kind("atoll_host"), object{"ssh": sshTo("203.0.113.11"), "apt_sources": object{"db": aptSource(), "other": other}}))
	if !strings.Contains(problems, `apt_sources: "db" and "other" have different keys for https://repo.example/debian trixie`) {
		t.Errorf("got %q", problems)
	}
}

// What was not known when the plan was made is checked before anything is sent.
func TestAptSourceThatIsKnownLate(t *testing.T) {
	t.Parallel()
	network := machines(t, "203.0.113.11")
	tf := start(t, network, object{})
	source := aptSource()
	config := object{"ssh": sshTo("203.0.113.11"), "apt_sources": object{"db": source}}
	kind, fingerprint := tf.kind("atoll_host"), source["fingerprint"]
	source["fingerprint"] = unknown{}
	planned, problems := tf.plan("atoll_host", nil, write(kind, config))
	if problems != "" {
		t.Fatal(problems)
	}
	// What it turns out to be is another's.
	source["fingerprint"] = strings.Repeat("AB", 20)
	late, err := tftypes.Transform(planned.value, func(at *tftypes.AttributePath, value tftypes.Value) (tftypes.Value, error) {
		if at.LastStep() == tftypes.AttributeName("fingerprint") {
			return tftypes.NewValue(tftypes.String, source["fingerprint"]), nil
		}
		return value, nil
	})
	tf.must(err)
	response, err := tf.server.ApplyResourceChange(t.Context(), &tfprotov6.ApplyResourceChangeRequest{
		TypeName: "atoll_host", PriorState: tf.dynamic(kind, tftypes.NewValue(kind, nil)), PlannedState: tf.dynamic(kind, late), Config: tf.dynamic(kind, write(kind, config)), PlannedPrivate: planned.private,
	})
	tf.must(err)
	if got := errorsIn(response.Diagnostics); !strings.Contains(got, `apt_sources["db"].key has the fingerprint 011BAA84`) {
		t.Errorf("got %q, and %v was right", got, fingerprint)
	}
	if runs := network.Machines["203.0.113.11"].Runs(); len(runs) > 0 {
		t.Errorf("the machine was asked for %q", runs)
	}
}
