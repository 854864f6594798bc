// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package acceptance

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"
)

// flip changes a byte of archived files on a host, and leaves times and sizes as
// they were: what a disk does that forgets.
func (f *tree) flip(host string, files ...string) {
	f.Helper()
	for _, file := range files {
		f.on(host, fmt.Sprintf("cd /srv/cold; touch -r %[1]s /run/was; printf X | dd of=%[1]s conv=notrunc bs=1 status=none; touch -r /run/was %[1]s; sync %[1]s", file))
	}
}

// scrub has a host read its whole archive again; it fails where something rotted.
func (f *tree) scrub(host string) error {
	f.Helper()
	f.on(host, "touch -d '2 months ago' /srv/cold/.tier/*.scrub")
	return failing(f.try(host, "systemctl start atoll-scrub-files.service"))
}

// rotten are the files that a host's scrub could not mend, as a person reads them.
func (f *tree) rotten(host string) string {
	f.Helper()
	said, _ := f.try(host, `/var/lib/atoll/tier/files/atoll-agent status --config /etc/atoll/tier/files/tier.scrub.json | sed -n 's/^rotten *"\([^"]*\)".*/\1/p' | sort | xargs`)
	return said
}

// rots has files rot in archives on one node, on two, and on all, and one that a
// person changes.
func (f *tree) rots() {
	const here, two, all, changed = "2024/02/01/7", "2024/02/01/3", "2024/02/02/5", "2024/02/02/9"
	looks := func(file string) string { return "cd /srv/cold; stat -c '%y %a %U' " + file + "; cat " + file }
	before := map[string]string{}
	for _, file := range []string{here, two} {
		for _, host := range f.nodes { // unison carries times to the microsecond
			before[host+file] = f.on(host, looks(file))
		}
	}
	f.flip("app2", here, two, all)
	f.flip("app1", two, all)
	f.flip("sg1", all)
	f.as("app1", "cd /srv/cold; echo more >>"+changed)
	spoiled := f.on("app2", "cat /srv/cold/"+two)
	is := func(host, file string) {
		f.Helper()
		f.comes(host, looks(file), before[host+file])
	}
	// The node that dials gets at once what the other one has as it was.
	if err := f.scrub("app2"); err == nil {
		f.Error("a scrub that found rot says that all is well")
	}
	is("app2", here)
	f.eventually("app2 tells what is left", time.Minute, func() bool { return f.rotten("app2") == two+" "+all })
	// The one that is dialled gets it by the next run of a node that has it.
	if err := f.scrub("app1"); err == nil || f.rotten("app1") != two+" "+all {
		f.Errorf("app1 tells of %q, %v", f.rotten("app1"), err)
	}
	f.must(f.run("sg1"))
	is("app1", two)
	f.must(f.run("app2"))
	is("app2", two)
	// Neither has what rotted everywhere: it stays as it is, and is said.
	if err := f.scrub("sg1"); err == nil {
		f.Error("sg1 finds nothing")
	}
	for _, host := range f.nodes {
		f.eventually(host+" tells of what nobody has", time.Minute, func() bool { return f.rotten(host) == all })
		if got := f.on(host, "cat /srv/cold/"+all); got != "X2 5" {
			f.Errorf("%s has %q in a file that nobody can mend", host, got)
		}
	}
	found := f.look()
	if scrub := found.Nodes["app2"].Scrub; found.Healthy || scrub == nil || len(scrub.Rotten) != 1 || scrub.Rotten[0].Path != all || len(scrub.Mended) != 2 || scrub.Files == 0 {
		f.Errorf("the status is %+v, app2's scrub %+v", found, scrub)
	} else if kept := scrub.Mended[1]; kept.Path != two || kept.From != "app1" || f.on("app2", "cat /srv/cold/"+kept.Kept) != spoiled {
		f.Errorf("mended is %+v", kept)
	}
	if plan := f.plan(); !strings.Contains(plan.Text, "Files Rotted") || !strings.Contains(plan.Text, all) {
		f.Error("the plan does not say what rotted")
	}
	// A person says that it is right as it is.
	f.as("app1", "touch /srv/cold/"+all)
	for _, host := range []string{"app2", "sg1", "app2"} {
		f.must(f.run(host))
	}
	for _, host := range f.nodes {
		f.must(f.scrub(host))
		f.comes(host, "cat /srv/cold/"+changed, "02 9\nmore")
	}
	if left := f.on("app1", "ls -A /srv/cold/.tier-archive /srv/cold/.tier-archive/lent | xargs"); strings.Contains(left, "incoming") {
		f.Errorf("app1 holds %q", left)
	}
	f.eventually("all is well", time.Minute, func() bool { found = f.look(); return found.Healthy })
}

// rotAtOnce has more files rot than systemd would start a unit for within ten seconds:
// each comes by itself, and the node waits for the next as before.
func (f *tree) rotAtOnce() {
	const all = "cd /srv/cold/2024/02/02; sha256sum [0-9]*"
	want := f.on("app2", all)
	f.flip("app2", strings.Fields(f.on("app2", "cd /srv/cold; echo 2024/02/02/[0-9]*"))...)
	if err := f.scrub("app2"); err == nil {
		f.Error("a scrub that found rot says that all is well")
	}
	f.comes("app2", all, want)
	f.eventually("nothing is left", time.Minute, func() bool { return f.rotten("app2") == "" })
	f.comes("app2", "systemctl is-active atoll-mend-files.path", "active")
}

// scrubFaults kills whatever looks for rot, carries good copies or puts them in their
// place, at any instant.
func (f *tree) scrubFaults() {
	const day = "/srv/cold/2024/02/01"
	const all = "cd " + day + "; sha256sum *[0-9]"
	const kept = "grep -l ^X /srv/cold/.tier-archive/replaced/*-rotten/2024/02/01/* 2>/dev/null | wc -l"
	want := f.on("app2", all)
	if other := f.on("app1", all); other != want {
		f.Fatalf("app1 has\n%s\napp2 has\n%s", other, want)
	}
	before := f.on("app2", kept)
	units := []string{"atoll-scrub-files", "atoll-mend-files", "atoll-tier-files.app1.cold"}
	kills, rotten := 0, 0
	for round := range 40 {
		f.flip("app2", fmt.Sprintf("2024/02/01/%d", 1+round%10))
		rotten++
		f.on("app2", "touch -d '2 months ago' /srv/cold/.tier/*.scrub; systemctl start --no-block atoll-scrub-files.service")
		for range 4 {
			time.Sleep(time.Duration(rand.IntN(300)) * time.Millisecond)
			if said, _ := f.try("app2", "systemctl kill -s KILL "+units[rand.IntN(len(units))]+".service 2>/dev/null && echo sent"); said == "sent" {
				kills++
			}
		}
		if round%10 == 9 { // each rots again only when it is mended
			f.eventually("all are as they were", 2*time.Minute, func() bool {
				_, _ = f.try("app2", "systemctl start atoll-scrub-files.service")
				got, _ := f.try("app2", all)
				return got == want
			})
		}
	}
	if after := f.on("app2", kept); after != fmt.Sprint(number(f, before)+rotten) {
		f.Errorf("%s rotten files are kept, %d rotted, and there were %s before", after, rotten, before)
	}
	f.eventually("nothing is left", time.Minute, func() bool { _ = f.scrub("app2"); return f.rotten("app2") == "" })
	f.Logf("%d files rotted, %d signals to kill, some of them to units at rest: all are as they were, and all rotten ones are kept", rotten, kills)
}

func number(f *tree, text string) (value int) {
	f.Helper()
	_, err := fmt.Sscan(text, &value)
	f.must(err)
	return value
}
