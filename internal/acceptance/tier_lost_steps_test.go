// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package acceptance

import (
	"slices"
	"strings"
	"time"
)

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
		f.move(host)
		if f.told(host, "Days Do Not Move", "days do not move") {
			f.Errorf("%s still has a problem when all is back", host)
		}
		if kept := f.kept(host); kept != "3 3" {
			f.Errorf("%s keeps and has read %s", host, kept)
		}
	}
	f.opens()
}

// asked deletes a file and a day by request, while the directories that the days moved from
// are there.
func (f *losing) asked() {
	f.deletions = []string{"2024/02/02/2", "2024/02/03"}
	f.applies()
	f.areGone()
	f.deletions = nil
	f.applies()
	f.areGone()
	f.want = f.on("app1", "cd /srv/files; "+sums)
	f.opens()
}

// areGone runs all that could bring back what asked deletes, or miss it.
func (f *losing) areGone() {
	f.Helper()
	for _, host := range f.nodes {
		f.move(host)
		f.must(f.run("app2"))
		f.must(failing(f.try(host, "systemctl start atoll-scrub-files.service")))
		f.must(f.scrub(host))
	}
	const left = "cd /srv/files; ls -d 2024/02/02/2 2024/02/03 ../cold/2024/02/02/2 ../cold/2024/02/03 .tier/2024%2F02%2F02.old-1/2 .tier/2024%2F02%2F03* ../cold/.tier/2024%2F02%2F03* 2>/dev/null || :; ls -d .tier/2024%2F02%2F02.old-1/4"
	found := f.look()
	for _, host := range f.nodes {
		if got := f.on(host, left); got != ".tier/2024%2F02%2F02.old-1/4" {
			f.Errorf("%s has %s", host, got)
		}
		if node := found.Nodes[host]; node.Scrub == nil || len(node.Scrub.Gone) > 0 || node.Mover.Problem != "" {
			f.Errorf("%s tells of what was asked for: %+v, %+v", host, node.Scrub, node.Mover)
		}
	}
}

// somewhere has one archive lose a file of a day whose directory has gone, and then the
// other one.
func (f *losing) somewhere() {
	f.grace = 0
	f.applies()
	f.allMoved("02", 2)
	const file, problem = "2024/02/02/3", `1 file of the archive is gone, and cold_deletions did not ask for it, the first is "2024/02/02/3", missed since `
	// As the guide shows it.
	const shown = "tier   files\nscrub  ended TIME, read 0 days, 0 files, 0 bytes\ngone   \"" + file + "\", missed since TIME"
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
		const person = "/var/lib/atoll/tier/files/atoll-agent status --config /etc/atoll/tier/files/tier.scrub.json | sed -E 's/2[0-9-]+T[0-9:]+Z/TIME/g'"
		if said := f.on(host, person); said != shown {
			f.Errorf("a person on %s is told\n%s\nwant\n%s", host, said, shown)
		}
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
	for _, want := range []string{"Warning: Days Stay in an Archive That Goes", "app1: " + warning, "app2: " + warning} {
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
