// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"strings"
	"testing"
)

// twoTrees is a tier on two machines.
func twoTrees(name, initial any) object {
	config := declaredTier(name, "/srv/files", nil)
	config["nodes"].(object)["app2"] = object{"ssh": sshTo("203.0.113.22"), "address": "10.77.0.22", "port": nil, "hot": nil, "cold": nil}
	config["initial"] = initial
	return config
}

// A tier that ends and begins anew in one apply could stop between both: its plan is refused
// before anything is touched, unless initial says what is to become of trees that differ.
func TestTierIsNotMadeAnewUnasked(t *testing.T) {
	t.Parallel()
	const kind, at = "atoll_file_tier", `AttributeName("name")`
	network := machines(t)
	archives := func(name any) object {
		config := twoTrees(name, nil)
		config["hot"], config["cold"] = nil, "/srv/cold"
		return config
	}
	for name, row := range map[string]struct {
		stands, config object
		anew           bool // Terraform was told to replace it, and plans it once more over no state.
		want           []string
	}{
		"renamed":            {twoTrees("docs", nil), twoTrees("papers", nil), false, []string{`name = "papers": the tier "docs" would end`, `Write name = "docs" again`, `initial = "merge"`, at}},
		"renamed, unknown":   {twoTrees("docs", nil), twoTrees(unknown{}, nil), false, []string{"name is not known before the apply: ", at}},
		"renamed and merged": {twoTrees("docs", nil), twoTrees("papers", "merge"), false, nil},
		"renamed, from one":  {twoTrees("docs", "merge"), twoTrees("papers", "from:app1"), false, nil},
		"merged before":      {twoTrees("docs", "merge"), twoTrees("papers", nil), false, []string{"would end"}},
		"one tree":           {declaredTier("docs", "/srv/files", nil), declaredTier("papers", "/srv/files", nil), false, nil},
		"archives alone":     {archives("docs"), archives("papers"), false, nil},
		"updated":            {twoTrees("docs", nil), twoTrees("docs", nil), false, nil},
		"replaced":           {twoTrees("docs", nil), twoTrees("docs", nil), true, []string{`The tier "docs" is to be replaced: `, "Plan it without that", at}},
		"replaced, merged":   {twoTrees("docs", nil), twoTrees("docs", "merge"), true, nil},
	} {
		stands, problems := start(t, network, object{}).plan(kind, nil, write(start(t, network, object{}).kind(kind), row.stands))
		if problems != "" {
			t.Fatalf("%s: %s", name, problems)
		}
		tf := start(t, network, object{})
		_, problems = tf.plan(kind, stands, write(tf.kind(kind), row.config))
		if row.anew && problems == "" {
			_, problems = tf.plan(kind, nil, write(tf.kind(kind), row.config))
		}
		for _, want := range row.want {
			if !strings.Contains(problems, want) {
				t.Errorf("%s: %q, want %q", name, problems, want)
			}
		}
		if row.want == nil && problems != "" {
			t.Errorf("%s: %s", name, problems)
		}
	}
}

// A tier that has only got another name in Terraform would be ended and made at once.
func TestTierRenamedWithoutMovedIsRefused(t *testing.T) {
	t.Parallel()
	const kind = "atoll_file_tier"
	network := machines(t)
	fresh := func() *terraform { return start(t, network, object{}) }
	config := write(fresh().kind(kind), twoTrees("docs", "merge"))
	stands, problems := fresh().plan(kind, nil, config)
	if problems != "" {
		t.Fatal(problems)
	}
	refused := func(problems string) bool { return strings.Contains(problems, "from = atoll_file_tier.NAME") }
	tf := fresh()
	if problems := tf.planRemoval(kind, stands); problems != "" {
		t.Fatal(problems)
	}
	if _, problems := tf.plan(kind, nil, config); !refused(problems) {
		t.Errorf("the removal first: %q", problems)
	}
	if _, problems := tf.plan(kind, nil, write(tf.kind(kind), declaredTier("other", "/srv/other", nil))); problems != "" {
		t.Errorf("another tier: %s", problems)
	}
	tf = fresh()
	if _, problems := tf.plan(kind, nil, config); problems != "" {
		t.Fatal(problems)
	}
	if problems := tf.planRemoval(kind, stands); !refused(problems) {
		t.Errorf("the creation first: %q", problems)
	}
}

// A tier that was imported and that no machine has is none. One machine that does not answer
// may have it, and one that has it is enough.
func TestImportOfNoTierIsRefused(t *testing.T) {
	t.Parallel()
	const kind, home = "atoll_file_tier", "/var/lib/atoll/tier/docs/"
	for name, row := range map[string]struct {
		has     string
		answers []string
		refused bool
	}{
		"none has it":         {"", []string{"203.0.113.21", "203.0.113.22"}, true},
		"one has a tree":      {home + "claimed", []string{"203.0.113.21", "203.0.113.22"}, false},
		"one has an archive":  {home + "claimed-cold", []string{"203.0.113.21", "203.0.113.22"}, false},
		"one has another":     {"/var/lib/atoll/tier/other/claimed", []string{"203.0.113.21", "203.0.113.22"}, true},
		"one does not answer": {"", []string{"203.0.113.21"}, false},
	} {
		network := machines(t, row.answers...)
		if row.has != "" {
			do(t, network.Machines[row.answers[0]].Write(row.has, "/srv/files\n"))
		}
		tf := start(t, network, object{})
		found, problems := tf.find(kind, "docs")
		if problems != "" {
			t.Fatal(problems)
		}
		_, problems = tf.plan(kind, found, write(tf.kind(kind), twoTrees("docs", nil)))
		if refused := strings.Contains(problems, `name = "docs": a file tier of this name was imported, and none of its machines has one`); refused != row.refused || !refused && problems != "" {
			t.Errorf("%s: %q", name, problems)
		}
	}
}
