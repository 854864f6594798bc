// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package acceptance

import (
	"fmt"
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
	f.want = f.oldDays("02", 2, 5)
	f.eventually("both have moved the days and read them from the disk", 10*time.Minute, func() bool {
		done := true
		for _, host := range f.nodes {
			f.move(host)
			done = done && f.kept(host) == "2 2"
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

// everywhere has the archives of both lose a file of one day and all of another, while the
// directories that these days moved from are still there.
func (f *losing) everywhere() {
	const file, looks = "2024/02/01/3", "stat -c '%y %a %U' /srv/cold/2024/02/01/3"
	const problem = `days do not move: 2024/02/01: the archive had lost 1 file of the day, the first is "3", and has it again from the directory that the day moved from`
	before := map[string]string{}
	for _, host := range f.nodes {
		before[host] = f.on(host, looks)
		f.on(host, "rm -r /srv/cold/"+file+" /srv/cold/2024/02/02; ! cat /srv/files/"+file)
	}
	for _, host := range f.nodes {
		if said, err := f.try(host, "systemctl start atoll-mover-files.service"); err == nil {
			f.Errorf("%s: a mover that finds files gone says that all is well: %s", host, said)
		}
		if after := f.on(host, looks); after != before[host] {
			f.Errorf("%s has it again as %s, and it was %s", host, after, before[host])
		}
		if !f.told(host, "Days Do Not Move", problem) {
			f.Errorf("nobody is told what %s had lost", host)
		}
		f.move(host) // Terraform shows one of several warnings with the same title
		if f.told(host, "Days Do Not Move", "days do not move") {
			f.Errorf("%s still has a problem when all is back", host)
		}
		if kept := f.kept(host); kept != "2 2" {
			f.Errorf("%s keeps and has read %s", host, kept)
		}
	}
	f.opens()
}

// asked deletes a file by request while the directory that its day moved from is there.
func (f *losing) asked() {
	const name = "2024/02/02/2"
	f.deletions = []string{name}
	f.applies()
	f.isGone(name)
	f.deletions = nil
	f.applies()
	f.want = f.on("app1", "cd /srv/files; "+sums)
	f.isGone(name)
	f.opens()
}

// isGone runs all that could bring a file back, or miss it.
func (f *losing) isGone(name string) {
	f.Helper()
	for _, host := range f.nodes {
		f.move(host)
		f.must(f.run("app2"))
		f.must(failing(f.try(host, "systemctl start atoll-scrub-files.service")))
		f.must(f.scrub(host))
	}
	day, file := name[:len("2024/02/02")], name[len("2024/02/02/"):]
	for _, host := range f.nodes {
		script := fmt.Sprintf("ls -d /srv/files/%[1]s /srv/cold/%[1]s '/srv/files/.tier/%[2]s.old-1/%[3]s' 2>/dev/null || :; ls '/srv/files/.tier/%[2]s.old-1/5'", name, strings.ReplaceAll(day, "/", "%2F"), file)
		if left := f.on(host, script); strings.Count(left, "\n") > 0 || !strings.HasSuffix(left, "/5") {
			f.Errorf("%s still has %s", host, left)
		}
		if found := f.look().Nodes[host]; found.Scrub == nil || len(found.Scrub.Gone) > 0 || found.Mover.Problem != "" {
			f.Errorf("%s tells of what was asked for: %+v, %+v", host, found.Scrub, found.Mover)
		}
	}
}

// somewhere has one archive lose a file of a day whose directory has gone, and then the
// other one.
func (f *losing) somewhere() {
	f.grace = 0
	f.applies()
	f.allMoved("02", 2)
	const file, problem = "2024/02/01/4", `1 file of the archive is gone, and cold_deletions did not ask for it, the first is "2024/02/01/4", missed since `
	for _, host := range []string{"app2", "app1"} {
		f.must(failing(f.try(host, "systemctl start atoll-scrub-files.service")))
		f.on(host, "rm /srv/cold/"+file)
		if said, err := f.try(host, "systemctl start atoll-scrub-files.service"); err == nil {
			f.Errorf("%s: a scrub that misses a file says that all is well: %s", host, said)
		}
		if code := f.on(host, "systemctl show -p ExecMainStatus --value atoll-scrub-files.service"); code != "1" {
			f.Errorf("%s: the scrub ended with code %s", host, code)
		}
		if !f.told(host, "Files Are Gone", problem) {
			f.Errorf("nobody is told what %s has lost", host)
		}
		if scrub := f.look().Nodes[host].Scrub; scrub == nil || len(scrub.Gone) != 1 || scrub.Gone[0].Path != file {
			f.Errorf("%s misses %+v", host, scrub)
		}
		f.Logf("%s:\n%s", host, f.on(host, "/var/lib/atoll/tier/files/atoll-agent status --config /etc/atoll/tier/files/tier.scrub.json"))
		if host == "app1" {
			f.must(f.run("app2")) // who is dialled has nobody to ask
		}
		f.comes(host, "ls /srv/cold/"+file, "/srv/cold/"+file)
		f.must(failing(f.try(host, "systemctl start atoll-scrub-files.service")))
		if f.told(host, "Files Are Gone", "1 file of the archive is gone") {
			f.Errorf("%s still misses what is back", host)
		}
	}
	f.opens()
}

// nowhere has both archives lose a file that nobody else has: it is missed until it is said
// that it is to be gone, and not afterwards either.
func (f *losing) nowhere() {
	const file, problem = "2024/02/02/4", `1 file of the archive is gone, and cold_deletions did not ask for it, the first is "2024/02/02/4", missed since `
	f.on("app1", "rm /srv/cold/"+file)
	f.on("app2", "rm /srv/cold/"+file)
	misses := func(want bool) {
		f.Helper()
		for _, host := range f.nodes {
			if err := failing(f.try(host, "systemctl start atoll-scrub-files.service")); (err != nil) != want {
				f.Errorf("%s misses %s: want %t, got %v", host, file, want, err)
			}
		}
		f.must(f.run("app2"))
		problems := f.look().Problems
		for _, host := range f.nodes {
			if is := slices.ContainsFunc(problems, func(text string) bool { return strings.HasPrefix(text, host+": "+problem) }); is != want {
				f.Errorf("%s tells of %s: want %t, got %q", host, file, want, problems)
			}
		}
	}
	misses(true)
	misses(true)
	f.deletions = []string{file}
	f.applies()
	misses(false)
	f.deletions = nil
	f.applies()
	misses(false)
	f.want = f.on("app1", "cd /srv/files; "+sums)
	f.opens()
}

// letGo takes the archives away from the tier, and gives it others.
func (f *losing) letGo() {
	f.cold = nil
	f.declares()
	const warning = "2 days have moved to /srv/cold, and their links in /srv/files lead there. They stay and open as before"
	text := flat(strings.ReplaceAll(f.plan().Text, "│", " "))
	for _, want := range []string{"Warning: Days Stay in an Archive That Goes", "app1: " + warning, "(and one more similar warning elsewhere)"} {
		if !strings.Contains(text, want) {
			f.Errorf("the plan does not say that days stay in archives: %q is not in %s", want, text)
		}
	}
	f.apply()
	f.inSync()
	f.opens()

	f.cold = "/srv/elsewhere"
	f.declares()
	const refusal = `cold = "/srv/elsewhere": 2 days have moved to /srv/cold, and the links in /srv/files lead there: write cold = "/srv/cold" again`
	_, err := f.terraform.Plan(f.Context())
	for _, host := range f.nodes {
		if err == nil || !strings.Contains(flat(strings.ReplaceAll(err.Error(), "│", " ")), "node "+host+": "+refusal) {
			f.Errorf("another archive for %s: %v", host, err)
		}
		f.on(host, "[ ! -e /srv/elsewhere ]")
	}

	f.cold = "/srv/cold"
	f.declares()
	f.apply()
	f.inSync()
	f.must(f.run("app2"))
	for _, host := range f.nodes {
		f.move(host)
		f.must(failing(f.try(host, "systemctl start atoll-scrub-files.service")))
	}
	var found tierStatus
	f.eventually("all is well", time.Minute, func() bool { found = f.look(); return found.Healthy })
	for _, host := range f.nodes {
		if node := found.Nodes[host]; node.Mover.Archived != 2 || node.Scrub == nil || len(node.Scrub.Gone) > 0 {
			f.Errorf("%s has %+v, %+v", host, node.Mover, node.Scrub)
		}
	}
	f.opens()
}
