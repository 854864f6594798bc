// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package acceptance

import (
	"fmt"
	"strings"
	"time"

	"github.com/atollhq/terraform-provider-atoll/internal/model/tier"
)

func (f *tree) goBothWays() {
	f.comes("sg1", "cat old/file", "before")
	f.as("app2", "mkdir -p 2026/11/26; echo one >2026/11/26/one; ln -s one 2026/11/26/link; chmod 0640 2026/11/26/one")
	f.comes("sg1", "cat 2026/11/26/link; stat -c '%a %U' 2026/11/26/one", "one\n640 www-data")
	f.as("sg1", "mv 2026/11/26/one 2026/11/26/two; echo more >>2026/11/26/two; rm old/file")
	f.comes("app2", "cat 2026/11/26/two; ls old 2026/11/26", "one\nmore\n2026/11/26:\nlink\ntwo\n\nold:")
	f.as("app1", "touch \"$(printf 'a\\nb \\377')\" \"a'b\\\"c\\$d\"")
	// Everywhere, before it goes: what goes while it is carried counts as left for a while.
	for _, host := range []string{"app2", "sg1"} {
		f.comes(host, "LC_ALL=C ls -b", "2026\na\\nb\\ \\377\na'b\"c$d\nold")
	}
	f.as("app1", "rm -f a*")
	f.comes("app2", "ls", "2026\nold")
	f.watching()
	// Whoever is in the mesh finds nobody of the tier who listens.
	for _, host := range f.nodes {
		if ports := f.on(host, "ss -Hlntup | grep -e atoll -e unison -e rsync || :"); ports != "" {
			f.Errorf("on %s there listens %s", host, ports)
		}
	}
	// Counted within minutes after it is brought there: here at once.
	f.on("app1", "systemctl start atoll-count-files.service")
	var found tierStatus
	f.eventually("all pairs are in step", time.Minute, func() bool {
		found = f.look()
		return found.Healthy && len(found.Pairs) == 2 && found.Pairs[0].measured() && found.Pairs[1].measured()
	})
	f.comes("app1", "ls -A | grep -c '^.tier-probe-'", "0")
	if app1 := found.Nodes["app1"]; app1.Free == 0 ||
		app1.Files == nil || *app1.Files != 1 || *app1.Days != 1 {
		f.Errorf("the status is %+v", found)
	}
}

// conflict keeps two nodes apart while both write the same path.
func (f *tree) conflict() {
	f.on("app1", "systemctl stop atoll-tier-files.app2.socket 'atoll-tier-files.app2@*'")
	f.as("app1", "echo from app1 >both; echo mine >only1")
	f.as("app2", "echo from app2 >both; echo mine >only2")
	f.comes("sg1", "cat both only1", "from app1\nmine")
	f.eventually("app2 says why it waits", time.Minute, func() bool { return strings.Contains(f.pair("app2").Error, "unable to reach unison") })
	f.on("app1", "systemctl start atoll-tier-files.app2.socket")
	f.comes("app2", "cat only1 only2 both", "mine\nmine\nfrom app2")
	f.comes("sg1", "cat only1 only2 both", "mine\nmine\nfrom app1")
	f.eventually("the conflict is listed", time.Minute, func() bool {
		skipped := f.pair("app2").Skipped
		return len(skipped) == 1 && skipped[0].Path == "both"
	})
	var found tierStatus
	// Trees with something left are read again every few seconds: it is at work then.
	f.eventually("the pair is in step but for that", time.Minute, func() bool { found = f.look(); return found.Pairs[0].State == "PARTIAL" })
	if found.Healthy || found.Pairs[0].Dials != "app2" || len(found.Pairs[0].Skipped) != 1 || found.Pairs[0].Skipped[0].Path != "both" {
		f.Errorf("with a conflict the status is %+v", found)
	}
	f.as("app2", "rm both")
	f.comes("app2", "cat both 2>/dev/null", "from app1")
}

// cutVariable is for how many minutes a line is cut at least.
const cutVariable = "ATOLL_CUT"

// cut loses everything between app2 and the others, and not between the operator
// and app2.
func (f *tree) cut() {
	minutes := often(f.T, cutVariable, 0)
	for _, other := range []string{"app1", "sg1"} {
		f.must(f.lab.Cut(f.Context(), "app2", other))
	}
	f.as("app1", "echo 1 >cut1")
	f.as("app2", "echo 2 >cut2")
	f.eventually("app2 misses app1", time.Minute, func() bool { return f.pair("app2").Stage == tier.Waiting })
	f.says("app2 ↔ app1: not kept in step: ")
	if err := f.run("app2"); err == nil {
		f.Error("an archive is carried over a line that is cut")
	}
	f.says("archive app2 ↔ app1: not kept in step: unable to reach the archive of app1: ")
	f.as("app1", "mkdir there")
	f.as("app2", "mkdir here")
	for minute := range minutes {
		f.as("app1", fmt.Sprintf("echo %d >there/%[1]d", minute))
		f.as("app2", fmt.Sprintf("echo %d >here/%[1]d", minute))
		time.Sleep(time.Minute)
	}
	for _, other := range []string{"app1", "sg1"} {
		f.must(f.lab.Mend(f.Context(), "app2", other))
	}
	f.comes("app2", "cat cut1", "1")
	f.comes("sg1", "cat cut2", "2")
	for _, host := range []string{"app1", "app2", "sg1"} {
		f.comes(host, "ls here | wc -l; ls there | wc -l", fmt.Sprintf("%d\n%[1]d", minutes))
	}
	f.must(f.run("app2"))
	f.watching()
	f.inSync()
}

func (f *tree) killed() {
	for _, host := range []string{"app1", "app2"} {
		f.on(host, "pkill -KILL -u www-data; :")
	}
	f.as("app2", "echo survives >killed")
	f.comes("sg1", "cat killed", "survives")
	// What a unison that was killed while it replaced a directory leaves behind.
	f.on("app1", "systemctl stop 'atoll-tier-files.app2@*'")
	f.as("app1", "mkdir day; echo in it >day/file; mv day .unison.day.tmp")
	f.on("app1", `cd /var/lib/atoll/tier/files/pairs/app2
printf 'Warning: the last run of unison terminated abnormally while moving\n   /srv/files/.unison.new.tmp\nto\n   /srv/files/day\nvia\n   /srv/files/.unison.day.tmp\n\n' >DANGER.README
touch lk0123456789abcdef; chown www-data: DANGER.README lk*; systemctl stop 'atoll-tier-files.app2@*'`)
	f.comes("app2", "cat day/file", "in it")
	f.watching()
	f.inSync()
}

func (f *tree) memory() {
	f.on("sg1", "systemctl kill -s KILL atoll-tier-files.app1; cd /var/lib/atoll/tier/files/pairs/app1; rm -f ar* fp*")
	f.as("app1", "echo after >memory")
	f.comes("sg1", "cat memory; ls old killed", "after\nkilled\n\nold:")
	f.watching()
	// Both sides lose it, as when both are restored: what either has is on both again, and
	// what they differ in is kept on both.
	for host, unit := range map[string]string{"sg1": "app1.service", "app1": "sg1.socket"} {
		// Not their archive's units, which begin alike.
		peer, _, _ := strings.Cut(unit, ".")
		f.on(host, "systemctl stop atoll-tier-files."+unit+"; pkill -KILL -u www-data; cd /var/lib/atoll/tier/files/pairs/"+peer+"; rm -f ar* fp*")
	}
	f.as("app1", "echo mine >lost; echo only >lost1")
	f.as("sg1", "echo yours >lost; echo only >lost2")
	f.on("app1", "systemctl start atoll-tier-files.sg1.socket")
	f.on("sg1", "systemctl start atoll-tier-files.app1.service")
	f.comes("sg1", "cat lost lost1 lost2", "yours\nonly\nonly")
	f.comes("app1", "cat lost lost1 lost2", "mine\nonly\nonly")
	f.as("sg1", "rm lost")
	// What was left is looked at when the trees are read again: after twenty times as long
	// as that took, which on a busy machine is more than a minute.
	f.arrives("sg1", "cat lost 2>/dev/null", "mine")
	f.watching()
}
