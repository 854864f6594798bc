// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package mysqld

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
	"github.com/atollhq/terraform-provider-atoll/internal/provision"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/mysqlroot"
)

// Of a version the newest package is taken, whatever a distribution adds to its name.
func TestOffer(t *testing.T) {
	facts := Facts{Offered: []string{"9.7.5-1debian13", "9.7.4-2", "9.7.4-1", "1:9.7.3-1~bpo13+1", "8.0.40-0ubuntu0.22.04.1", "9.7.2-1;reboot"}}
	for version, want := range map[string]string{
		"9.7.5": "9.7.5-1debian13", "9.7.4": "9.7.4-2", "9.7.3": "1:9.7.3-1~bpo13+1", "8.0.40": "8.0.40-0ubuntu0.22.04.1",
		"9.7.6": "", "9.7.2": "", // what apt has no name for is not handed to a shell
	} {
		if got := facts.offer(ParseVersion(version)); got != want {
			t.Errorf("%s comes as %q, want %q", version, got, want)
		}
	}
}

// What a machine cannot be brought to is refused before anything is touched; lists that
// are old are no proof.
func TestReaches(t *testing.T) {
	offered := []string{"9.7.5-1debian13", "9.7.5-0debian13", "9.7.4-2"}
	for name, row := range map[string]struct {
		wanted, installed string
		facts             Facts
		refusal           error
		says              string
	}{
		"nothing is declared":       {"", "9.7.4", Facts{Fresh: true}, nil, ""},
		"it is there":               {"9.7.4", "9.7.4", Facts{Fresh: true}, nil, ""},
		"it is offered":             {"9.7.5", "9.7.4", Facts{Fresh: true, Offered: offered}, nil, ""},
		"it is offered at first":    {"9.7.5", "", Facts{Fresh: true, Offered: offered}, nil, ""},
		"it is not offered":         {"9.7.6", "9.7.4", Facts{Fresh: true, Offered: offered}, ErrNotOffered, "of mysql-server they have 9.7.5, 9.7.4. Declare one of these"},
		"nothing is offered":        {"9.7.6", "", Facts{Fresh: true}, ErrNotOffered, "they have no version of mysql-server"},
		"the lists are old":         {"9.7.6", "9.7.4", Facts{Offered: offered}, nil, ""},
		"it would go back":          {"9.7.4", "9.7.5", Facts{Fresh: true, Offered: offered}, mysqlroot.ErrDowngrade, "Declare 9.7.5 or a later one"},
		"it would leave 8.4 out":    {"9.7.5", "8.0.41", Facts{Fresh: true, Offered: offered}, mysqlroot.ErrSkips, "to a version 8.4 first"},
		"it would, by lists of old": {"9.7.5", "8.0.41", Facts{}, mysqlroot.ErrSkips, ""},
	} {
		row.facts.Installed = ParseVersion(row.installed)
		err := Config{Wanted: ParseVersion(row.wanted)}.Reaches(row.facts)
		if !errors.Is(err, row.refusal) || err != nil && !strings.Contains(err.Error(), row.says) {
			t.Errorf("%s: %v, want %v with %q", name, err, row.refusal, row.says)
		}
	}
}

// A server that runs another version is upgraded, once, and that is its restart, too.
func TestDiagnosisOfTheVersion(t *testing.T) {
	config := Config{Address: "10.77.0.11", Port: 3306, ServerID: 7, Version: ParseVersion("9.7.4")}
	variables := map[string]string{}
	for _, setting := range config.Settings() {
		variables[variableName(setting)] = setting.Value
	}
	other := map[string]string{"server_id": "8"}
	const server = "10.77.0.11:3306"
	for name, row := range map[string]struct {
		wanted, runs, next string
		wereSet            bool
		variables          map[string]string
		drift              []string
		operations         []provision.Operation
		refusal            error
	}{
		"nothing is declared": {"", "9.7.4-2", "", false, variables, nil, nil, nil},
		"as declared":         {"9.7.4", "9.7.4-2", "", false, variables, nil, nil, nil},
		"an older one runs":   {"9.7.5", "9.7.4-2", "", false, variables, []string{"version: runs 9.7.4, want 9.7.5"}, []provision.Operation{Upgrade{server, "9.7.5"}}, nil},
		"a variable differs, too": {
			"9.7.5", "9.7.4-2", "", false, other, []string{"version: runs 9.7.4, want 9.7.5", "variable server_id: is 8, want 7"}, []provision.Operation{Set{server}, Upgrade{server, "9.7.5"}}, nil,
		},
		"a variable that only a start can set differs, too": {
			"9.7.5", "9.7.4-2", "", true, other, []string{"version: runs 9.7.4, want 9.7.5", "variable server_id: is 8, want 7"}, []provision.Operation{Upgrade{server, "9.7.5"}}, nil,
		},
		"the variable is left":                     {"9.7.5", "9.7.5-1", "", true, other, []string{"variable server_id: is 8, want 7"}, []provision.Operation{Restart{server}}, nil},
		"a newer one runs":                         {"9.7.4", "9.7.5", "", false, variables, []string{"version: runs 9.7.5, want 9.7.4"}, nil, mysqlroot.ErrDowngrade},
		"another one was put under it":             {"", "9.7.4-2", "9.7.5-1", false, variables, []string{"version: runs 9.7.4, and 9.7.5 at the next start: its package was replaced"}, []provision.Operation{Restart{server}}, nil},
		"the wanted one was put under it":          {"9.7.5", "9.7.4-2", "9.7.5-1", false, variables, []string{"version: runs 9.7.4, want 9.7.5"}, []provision.Operation{Upgrade{server, "9.7.5"}}, nil},
		"another than the wanted was put under it": {"9.7.4", "9.7.4-2", "9.7.5-1", false, variables, []string{"version: runs 9.7.4, and 9.7.5 at the next start: its package was replaced"}, nil, mysqlroot.ErrDowngrade},
		"an older one was put under it":            {"", "9.7.5-1", "9.7.4-2", false, variables, []string{"version: runs 9.7.5, and 9.7.4 at the next start: its package was replaced"}, nil, mysqlroot.ErrDowngrade},
		"the same one was built anew":              {"", "9.7.4-2", "9.7.4-3", false, variables, nil, nil, nil},
		"one of long ago runs":                     {"9.7.4", "8.0.41", "", false, variables, []string{"version: runs 8.0.41, want 9.7.4"}, nil, mysqlroot.ErrSkips},
		"the one before it runs":                   {"9.7.4", "8.4.6", "", false, variables, []string{"version: runs 8.4.6, want 9.7.4"}, []provision.Operation{Upgrade{server, "9.7.4"}}, nil},
	} {
		config.Wanted = ParseVersion(row.wanted)
		findings := config.Diagnose(Status{Answers: true, Version: row.runs, Next: Next{Version: row.next}, WereSet: row.wereSet, Variables: row.variables, Certificate: shown()})
		operations, err := provision.Operations(findings)
		drift := converge.Texts(provision.Drift(findings))
		slices.Sort(drift)
		slices.Sort(row.drift)
		if diff := cmp.Diff(row.drift, drift, cmp.Transformer("empty", func(list []string) string { return strings.Join(list, "\n") })) + cmp.Diff(row.operations, operations); diff != "" || !errors.Is(err, row.refusal) {
			t.Errorf("%s: %v\n%s", name, err, diff)
		}
	}
}

func TestFactsOfVersions(t *testing.T) {
	facts, err := readFacts("memory 2147483648 bytes\nfree 1000 bytes\ninstalled ii  9.7.4-2\nlists\ncandidate 9.7.5-0hand\noffered 9.7.5-0hand\noffered 9.7.4-2\nfresh\nend\n")
	if err != nil || !facts.Fresh || !slices.Equal(facts.Offered, []string{"9.7.5-0hand", "9.7.4-2"}) {
		t.Errorf("%+v, %v", facts, err)
	}
}
