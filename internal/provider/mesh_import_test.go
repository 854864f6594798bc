// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"strings"
	"testing"
)

// Whom the machines of a mesh let in that nobody declares is named by the plan that would
// shut them out, be the mesh imported in it or made over nodes that stand.
func TestFirstPlanOfAMeshNamesWhoGoes(t *testing.T) {
	t.Parallel()
	site := stand(t, "hk1", "hk2")
	all := site.mesh("hk1", "hk2")
	tf := start(t, site.network, object{})
	plan := func(prior *state) string {
		t.Helper()
		planned, problems := tf.plan("atoll_mesh", prior, write(tf.kind("atoll_mesh"), all))
		if problems != "" {
			t.Fatal(problems)
		}
		return planned.warnings
	}
	if warned := plan(nil); warned != "" {
		t.Errorf("a new mesh: %q", warned)
	}
	tf.made("atoll_mesh", nil, all)
	found, problems := tf.find("atoll_mesh", "site")
	if problems != "" {
		t.Fatal(problems)
	}
	if warned := plan(found); warned != "" {
		t.Errorf("an import of one that is as declared: %q", warned)
	}
	tf.must(site.network.Machines["203.0.113.12"].Write("/etc/tinc/site/hosts/eve", "-----BEGIN RSA PUBLIC KEY-----\n"))
	const goes = "/etc/tinc/site/hosts/eve: is no declared peer's, and its key opens the mesh"
	for name, prior := range map[string]*state{"imported": found, "new": nil} {
		if warned := plan(prior); !strings.Contains(warned, "What the First Apply Changes") || strings.Count(warned, goes) != 1 || !strings.Contains(warned, "\nhk2: file ") {
			t.Errorf("%s: %q", name, warned)
		}
	}
	taken := tf.refreshed("atoll_mesh", tf.made("atoll_mesh", found, all))
	if warned := plan(taken); warned != "" || !tf.empty("atoll_mesh", taken, all) {
		t.Errorf("the plan after it: %s %q", taken.lines(), warned)
	}
}
