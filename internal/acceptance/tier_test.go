// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package acceptance

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/atollhq/terraform-provider-atoll/internal/site"
)

// tree is a file tier on three hosts of a lab, over a mesh of its own.
type tree struct {
	*fixture
	nodes   []string
	initial string
	// looks asks for the tier's status, beside what is declared.
	looks *site.Terraform
	// deletions and reserve are those of the archive.
	deletions []string
	reserve   int
	// hotDays is after how many days a day moves; 0 for never.
	hotDays int
	// owners are the accounts of nodes that have one of their own.
	owners map[string]string
	// vault are the nodes of a second tier, of archives, with the hot tree that each has;
	// "" for none. Without nodes there is no such tier.
	vault map[string]string
}

const tierAddress = "atoll_file_tier.files"

// as does something on a host as the owner of the files.
func (f *tree) as(host, script string) string {
	f.Helper()
	return f.on(host, "cd /srv/files && runuser -u "+f.owner(host)+" -- sh -ec "+quoted(script))
}

// owner is the account that the files belong to on a host.
func (f *tree) owner(host string) string { return cmp.Or(f.owners[host], "www-data") }

func quoted(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }

// comes waits until a script on a host prints what is wanted.
func (f *tree) comes(host, script, want string) {
	f.Helper()
	var got string
	f.eventually(fmt.Sprintf("on %s, %s prints %q", host, script, want), time.Minute, func() bool {
		got, _ = f.try(host, "cd /srv/files; "+script)
		return got == want
	})
}

// says holds a plan against a line of drift.
func (f *tree) says(line string) {
	f.Helper()
	plan := f.plan()
	if !slices.ContainsFunc(plan.Drift[tierAddress], func(found string) bool { return strings.HasPrefix(found, line) }) {
		f.Errorf("want the line %q, got %s", line, plan)
	}
}

// The life of a tree: what is written on one host is on the others, whatever
// happens to the line, the processes, the memory and the machines in between, and
// no file is ever lost.
func TestFileTier(t *testing.T) {
	f := &tree{fixture: open(t), nodes: []string{"app1", "app2", "sg1"}}
	f.terraform, f.looks = written(t, f.lab, tierBody), written(t, f.lab, tierStatusBody)
	f.declare()
	f.on("app1", "rm -rf /srv/files; install -d -o www-data -g www-data /srv/files /srv/files/old; echo before >/srv/files/old/file; chown www-data: /srv/files/old/file")
	f.on("app1", "rm -rf /srv/cold")
	f.on("app2", "rm -rf /srv/files /srv/cold")
	f.on("sg1", "rm -rf /srv/files /srv/cold")
	t.Cleanup(func() { _ = f.lab.Reset(context.Background()) })
	f.apply()
	f.inSync()
	faults := os.Getenv("ATOLL_ROUNDS") != ""
	for _, step := range []struct {
		name string
		// long ones wait for what takes its time: make test-faults.
		long bool
		do   func(*tree)
	}{
		{"files go both ways", false, (*tree).goBothWays},
		{"both sides write", false, (*tree).conflict},
		{"a line is cut", true, (*tree).cut},
		{"all is killed", false, (*tree).killed},
		{"an agent stands still", true, (*tree).standsStill},
		{"memory is lost", true, (*tree).memory},
		{"archives are kept in step", false, (*tree).archives},
		{"hands are at it", false, (*tree).byHand},
		{"days move", false, (*tree).daysMove},
		{"a disk forgets what moves", false, (*tree).forgets},
		{"a day goes for good", false, (*tree).dayGoes},
		{"files rot", false, (*tree).rots},
		{"many files rot at once", false, (*tree).rotAtOnce},
		{"scrubs are killed", true, (*tree).scrubFaults},
		{"movers are disturbed", true, (*tree).moverFaults},
		{"archives are killed", true, (*tree).archiveFaults},
		{"a tree is not mounted", true, (*tree).unmounted},
		{"the hub loses its power", true, (*tree).reboot},
		{"files are odd", true, (*tree).oddFiles},
		{"disks fill", true, (*tree).disksFill},
		{"a fifth is lost", true, (*tree).lossy},
		{"a node is rebuilt", true, (*tree).rebuilt},
		{"a node leaves and comes back", false, (*tree).leaves},
		{"archives stand alone", true, (*tree).archivesAlone},
		{"an archive beside trees", true, (*tree).archiveBeside},
		{"nobody keeps them in step any more", false, (*tree).destroyed},
	} {
		if step.long && !faults {
			continue
		}
		if !t.Run(step.name, func(t *testing.T) {
			own := *f
			own.fixture = f.within(t)
			step.do(&own)
		}) {
			break
		}
	}
}
