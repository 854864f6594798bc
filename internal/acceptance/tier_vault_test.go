// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package acceptance

import (
	"strings"
	"time"
)

// vaulted does something in a host's archive of the second tier as the owner of the files.
func (f *tree) vaulted(host, script string) string {
	f.Helper()
	return f.on(host, "cd /srv/vault && runuser -u www-data -- sh -ec "+quoted(script))
}

// carry keeps a host's archive of the second tier in step with that of app1, now.
func (f *tree) carry(host string) {
	f.Helper()
	f.on(host, "systemctl restart atoll-tier-vault.app1.cold.service")
}

// scrubVault has a host read all of its archive of the second tier; it fails where
// something rotted.
func (f *tree) scrubVault(host string) error {
	f.Helper()
	return failing(f.try(host, "touch -c -d '2 months ago' /srv/vault/.tier/*.scrub; systemctl start atoll-scrub-vault.service"))
}

// inVault are all files of a host's archive of the second tier.
const inVault = "cd /srv/vault; find . -path './.tier*' -prune -o -type f -print0 | sort -z | xargs -0 sha256sum"

// archivesAlone has a second tier of which no node has a hot tree: no unison, no mover
// and no way to either; archives in step, scrubbed and told of as beside a tree.
func (f *tree) archivesAlone() {
	f.on("app2", "install -d -o www-data -g www-data /srv/vault /srv/vault/2023 /srv/vault/2023/05 /srv/vault/2023/05/06; echo before >/srv/vault/2023/05/06/before; chown www-data: /srv/vault/2023/05/06/before")
	f.vault = map[string]string{"app1": "", "app2": ""}
	f.declare()
	f.apply()
	f.inSync()
	f.comes("app1", "cat /srv/vault/2023/05/06/before; stat -c %U /srv/vault/2023/05/06/before", "before\nwww-data")
	// Both write late, and both the same path.
	f.vaulted("app1", "cd 2023/05/06; echo one >late1; echo older >both; touch -d '1 hour ago' both")
	f.vaulted("app2", "cd 2023/05/06; echo two >late2; echo newer >both")
	const logins = "journalctl -q -o cat --grep 'Accepted publickey for atoll-tier-vault' | wc -l"
	before := f.on("app1", logins)
	f.carry("app2")
	if after := f.on("app1", logins); number(f, after) != number(f, before)+1 {
		f.Errorf("a run logs in more than once: %s logins before it, %s after", before, after)
	}
	want := f.on("app2", inVault)
	if got := f.on("app1", inVault); got != want || strings.Count(got, "\n") != 3 {
		f.Errorf("app1 has\n%s\napp2 has\n%s", got, want)
	}
	if kept := f.on("app1", "cat /srv/vault/2023/05/06/both /srv/vault/.tier-archive/replaced/*/2023/05/06/both"); kept != "newer\nolder" {
		f.Errorf("of a path that both wrote app1 has %q", kept)
	}
	// Nothing is there of what keeps trees in step, and the key leads to none of it.
	for _, host := range []string{"app1", "app2"} {
		if units := f.on(host, "cd /etc/systemd/system; ls -d atoll-*vault* | grep -v -e '[.]cold' -e atoll-count -e atoll-scrub -e atoll-mend || :; ls /var/lib/atoll/tier/vault | grep -e unison -e mover || :"); units != "" {
			f.Errorf("%s has %q", host, units)
		}
	}
	const asks = "ssh -F none -i /var/lib/atoll/tier/vault/key -o BatchMode=yes -o UserKnownHostsFile=/etc/atoll/tier/vault/known_hosts -o HostKeyAlias=app1 atoll-tier-vault@10.78.0.21 unison -server 2>&1"
	if said, err := f.try("app2", asks); err == nil || !strings.Contains(said, "keeps no tree with you, only an archive") {
		f.Errorf("app2's key opens %q, %v", said, err)
	}
	f.vaultRots()
	f.on("app2", "systemctl start atoll-count-vault.service")
	var found tierStatus
	f.eventually("the vault is in step", time.Minute, func() bool { found = f.lookAt("vault"); return found.Healthy })
	if len(found.Pairs) != 0 || len(found.Archives) != 1 || !found.Archives[0].Told || found.Archives[0].Problem != "" {
		f.Errorf("the status of archives is %+v", found)
	}
	if app2 := found.Nodes["app2"]; !app2.Tree || app2.Files == nil || *app2.Files != 4 || *app2.Days != 1 || app2.Mover != nil || app2.Scrub == nil || len(app2.Scrub.Mended) != 1 {
		f.Errorf("app2's archive is %+v", app2)
	}
}

// vaultRots has a file rot where it is asked for, and one where it is brought.
func (f *tree) vaultRots() {
	for _, host := range []string{"app1", "app2"} {
		f.must(f.scrubVault(host))
	}
	want := f.on("app1", inVault)
	for host, file := range map[string]string{"app1": "late2", "app2": "late1"} {
		f.on(host, "cd /srv/vault/2023/05/06; touch -r "+file+" /run/was; printf X | dd of="+file+" conv=notrunc bs=1 status=none; touch -r /run/was "+file+"; sync "+file)
	}
	if err := f.scrubVault("app2"); err == nil {
		f.Error("a scrub that found rot says that all is well")
	}
	f.comes("app2", "cat /srv/vault/2023/05/06/late1", "one")
	if err := f.scrubVault("app1"); err == nil {
		f.Error("app1 finds nothing")
	}
	f.eventually("the run that the scrub began ends", time.Minute, func() bool {
		state, _ := f.try("app2", "systemctl is-active atoll-tier-vault.app1.cold.service")
		return state == "inactive" || state == "failed"
	})
	f.carry("app2")
	f.comes("app1", "cat /srv/vault/2023/05/06/late2", "two")
	for _, host := range []string{"app1", "app2"} {
		if got := f.on(host, inVault); got != want {
			f.Errorf("%s has\n%s\nwant\n%s", host, got, want)
		}
	}
}

// archiveBeside gives two nodes a hot tree, and leaves the third its archive: trees are
// kept in step past it, and days that move come there, too.
func (f *tree) archiveBeside() {
	f.vault = map[string]string{"app1": "/srv/fresh", "app2": "", "sg1": "/srv/fresh"}
	f.declare()
	f.apply()
	f.inSync()
	const day = "2024/04/05"
	f.on("app1", "cd /srv/fresh && runuser -u www-data -- sh -ec 'echo new >new; mkdir -p "+day+"; echo old >"+day+"/old'")
	f.comes("sg1", "cat /srv/fresh/new /srv/fresh/"+day+"/old", "new\nold")
	if left := f.on("app2", "ls -d /srv/fresh 2>/dev/null || :; pgrep -a unison | grep vault || :"); left != "" {
		f.Errorf("a node that only keeps the archive has %q", left)
	}
	// Days move on two nodes, and nobody waits for the third.
	f.on("app2", "systemctl stop atoll-tier-vault.app1.cold.timer")
	f.eventually("the day has moved", 5*time.Minute, func() bool {
		for _, host := range []string{"app1", "sg1"} {
			f.on(host, "systemctl start atoll-mover-vault.service")
		}
		f.on("sg1", "systemctl start atoll-tier-vault.app1.cold-news.service")
		one, _ := f.try("app1", "readlink /srv/fresh/"+day)
		other, _ := f.try("sg1", "readlink /srv/fresh/"+day)
		return one != "" && one == other
	})
	f.on("app2", "systemctl start atoll-tier-vault.app1.cold.timer")
	f.carry("app2")
	for host, file := range map[string]string{"app1": "/srv/fresh/" + day, "sg1": "/srv/fresh/" + day, "app2": "/srv/vault/" + day} {
		if got := f.on(host, "cat "+file+"/old"); got != "old" {
			f.Errorf("%s has %q", host, got)
		}
	}
	var found tierStatus
	f.eventually("all is in step", time.Minute, func() bool {
		found = f.lookAt("vault")
		return found.Healthy && len(found.Pairs) == 1 && found.Pairs[0].State == "IN_STEP"
	})
	if len(found.Archives) != 2 || found.Pairs[0].Dials != "sg1" {
		f.Errorf("the status is %+v", found)
	}
	// A tree is not left behind unasked.
	f.vault = map[string]string{"app1": "/srv/fresh", "app2": "", "sg1": ""}
	f.declare()
	if err := f.terraform.Apply(f.Context()); err == nil || !strings.Contains(flat(err.Error()), `has no hot any more, and its tree is /srv/fresh`) {
		f.Errorf("a hot that is gone says %v", err)
	}
	f.vault["sg1"] = "/srv/fresh"
	f.declare()
}
