// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package acceptance

import (
	"slices"
	"strings"
	"testing"
	"time"
)

const lostBody = lagoonBody + `
variable "cold" {}
variable "grace_hours" {}
variable "deletions" {}

resource "atoll_file_tier" "files" {
  name           = "files"
  hot            = "/srv/files"
  cold           = var.cold
  owner          = "www-data"
  mesh           = atoll_mesh.lagoon.id
  cold_deletions = var.deletions

  hot_days      = var.cold == null ? null : 30
  quiet_minutes = var.cold == null ? null : 0
  grace_hours   = var.cold == null ? null : var.grace_hours

  nodes = { for name in ["app1", "app2"] : name => { ssh = atoll_mesh_peer.node[name].ssh, address = atoll_mesh_peer.node[name].address } }
}
`

// losing is a tree whose archives lose files.
type losing struct {
	*tree
	// cold is where the archives lie; nil for nowhere.
	cold any
	// grace is for how many hours the directory of a day that moved is kept.
	grace int
	// want are the sums of all that opens.
	want string
}

// applies brings it to the machines. The runs are the test's own from then on, so that it
// sees each of them.
func (f *losing) applies() {
	f.Helper()
	f.declares()
	f.apply()
	for _, host := range f.nodes {
		f.on(host, "systemctl stop 'atoll-mover-files.timer' 'atoll-scrub-files.timer' 'atoll-tier-files.*.timer'")
	}
}

func (f *losing) declares() {
	f.Helper()
	f.must(f.terraform.Variables(map[string]any{"machines": f.machines(), "cold": f.cold, "grace_hours": f.grace, "deletions": f.deletions}))
	f.must(f.looks.Variables(map[string]any{"machines": f.machines(), "nodes": f.nodes, "initial": nil, "hot_days": 30, "vault": map[string]string{}}))
}

// A file that is gone from archives is told of and comes back from whoever still has it: the
// directory that its day moved from, or another archive. What cold_deletions names is gone
// everywhere and is not missed. Days that moved are not left behind without a word.
func TestFilesLostFromArchives(t *testing.T) {
	f := &losing{tree: &tree{fixture: open(t), nodes: []string{"app1", "app2"}}, cold: "/srv/cold", grace: 24}
	f.terraform, f.looks = written(t, f.lab, lostBody), written(t, f.lab, tierStatusBody)
	for _, host := range f.nodes {
		f.on(host, "rm -rf /srv/files /srv/cold /srv/elsewhere")
	}
	f.applies()
	f.want = f.oldDays("02", 3, 5)
	f.eventually("both have moved the days and read them from the disk", 10*time.Minute, func() bool {
		done := true
		for _, host := range f.nodes {
			f.move(host)
			done = done && f.kept(host) == "3 3"
		}
		return done
	})
	for _, step := range []struct {
		name string
		do   func(*losing)
	}{
		{"all archives lose a file and a day", (*losing).everywhere},
		{"a file is to be gone", (*losing).asked},
		{"one archive loses a file", (*losing).somewhere},
		{"nobody has a file", (*losing).nowhere},
		{"the archives go", (*losing).letGo},
	} {
		if !t.Run(step.name, func(t *testing.T) {
			own, its := *f, *f.tree
			own.tree, its.fixture = &its, f.within(t)
			step.do(&own)
			f.want = own.want
		}) {
			return
		}
	}
	f.must(f.terraform.Destroy(f.Context()))
}

// kept counts the directories of days that moved on a host, and those whose copy was read
// from the disk.
func (f *losing) kept(host string) string {
	f.Helper()
	return f.on(host, "cd /srv/files/.tier; echo $(ls | grep -c '[.]old-1$') $(ls | grep -c '[.]old-1[.]read$')")
}

// opens holds all that opens on each host against what was there.
func (f *losing) opens() {
	f.Helper()
	for _, host := range f.nodes {
		if got := f.on(host, "cd /srv/files; "+sums); got != f.want {
			f.Errorf("%s has other files than before: %s", host, f.on(host, "cd /srv/files; find -L 2024 -type f"))
		}
	}
}

// told says whether the status and a plan tell of something on a host, which both do or
// neither does.
func (f *losing) told(host, title, problem string) bool {
	f.Helper()
	inStatus := slices.ContainsFunc(f.look().Problems, func(text string) bool { return strings.HasPrefix(text, host+": "+problem) })
	text := flat(strings.ReplaceAll(f.plan().Text, "│", " "))
	inPlan := strings.Contains(text, "Warning: "+title) && strings.Contains(text, host+": "+problem)
	if inStatus != inPlan {
		f.Errorf("of %q the status tells: %t, the plan: %t\n%s", problem, inStatus, inPlan, text)
	}
	return inStatus
}
