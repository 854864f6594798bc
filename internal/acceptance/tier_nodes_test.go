// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package acceptance

import (
	"fmt"
	"strings"
	"time"
)

func (f *tree) byHand() {
	f.deletions, f.reserve = nil, 0
	f.declare()
	f.on("app2", "echo '{}' >/etc/atoll/tier/files/app1.json; systemctl stop atoll-tier-files.app1")
	f.on("app1", "sed -i /sg1/d /var/lib/atoll/tier/files/ssh/.ssh/authorized_keys; sed -i s/1024M/64M/ /etc/systemd/system/atoll-tier-files.sg1@.service; chmod 0666 /etc/systemd/system/atoll-tier-files.sg1.socket")
	f.on("app1", "systemctl stop atoll-tier-files.app2.cold.socket")
	f.on("app2", "systemctl stop atoll-tier-files.app1.cold.timer; systemctl restart atoll-tier-files.app1.cold || :")
	f.on("sg1", "rm /var/lib/atoll/tier/files/key; chown root /var/lib/atoll/tier/files/pairs/app1")
	drift := strings.Join(f.plan().Drift[tierAddress], "\n")
	for _, line := range []string{
		"app2: file /etc/atoll/tier/files/app1.json: content differs",
		"app2: unit atoll-tier-files.app1.service: inactive, want active",
		"app2: unit atoll-tier-files.app1.cold.timer: inactive, want active",
		"app1: unit atoll-tier-files.app2.cold.socket: inactive, want active",
		"app1: archive /srv/cold: takes nothing from app2: full: ",
		"archive app2 ↔ app1: not kept in step: unable to reach the archive of app1: rsync ended with code ",
		"app1: file /var/lib/atoll/tier/files/ssh/.ssh/authorized_keys: content differs",
		"app1: file /etc/systemd/system/atoll-tier-files.sg1@.service: content differs",
		"app1: file /etc/systemd/system/atoll-tier-files.sg1.socket: mode 0666, want 0644",
		"sg1: SSH key /var/lib/atoll/tier/files/key: missing, or its halves do not match",
		"sg1: directory /var/lib/atoll/tier/files/pairs/app1: owner root, want www-data",
	} {
		if !strings.Contains(drift, line) {
			f.Errorf("the plan lacks %q:\n%s", line, drift)
		}
	}
	f.apply()
	f.inSync()
	// A plan goes on where the tier's own directory was given away, and an apply says how to
	// give it back.
	f.on("sg1", "chown www-data: /srv/files/.tier")
	f.says("sg1: directory /srv/files/.tier: is not root's alone")
	if err := f.terraform.Apply(f.Context()); err == nil || !strings.Contains(flat(err.Error()), "chown root: /srv/files/.tier && chmod 0700 /srv/files/.tier") {
		f.Errorf("an apply beside a directory that was given away says %v", err)
	}
	f.on("sg1", "chown root: /srv/files/.tier")
	f.inSync()
	f.as("sg1", "echo mended >hand")
	f.comes("app2", "cat hand", "mended")
	// What was deleted by hand came back, and what was named did not.
	for _, host := range []string{"app2", "sg1"} {
		f.must(f.run(host))
		if got := f.on(host, "cd /srv/cold/2025/01; find . -mindepth 1 ! -name 'again*' -printf '%P ' | xargs -n1 | sort | xargs"); got != "02 02/both 02/link 02/two" {
			f.Errorf("%s has %s", host, got)
		}
	}
}

func (f *tree) unmounted() {
	before := f.on("app1", "cd /srv/files; find . -path ./.tier -prune -o ! -name '.tier-probe-*' -print | sort")
	f.on("sg1", "mount -t tmpfs none /srv/files && systemctl restart atoll-tier-files.app1")
	f.says("sg1: tree /srv/files: does not carry the tier's name")
	if err := f.terraform.Apply(f.Context()); err == nil || !strings.Contains(flat(err.Error()), "if it is a mount point, mount it") {
		f.Errorf("an apply without the tree says %v", err)
	}
	if after := f.on("app1", "cd /srv/files; find . -path ./.tier -prune -o ! -name '.tier-probe-*' -print | sort"); after != before {
		f.Errorf("files went:\n%s\nwere\n%s", after, before)
	}
	f.as("app2", "echo meanwhile >unmounted")
	f.comes("app1", "cat unmounted", "meanwhile")
	f.on("sg1", "umount /srv/files")
	f.comes("sg1", "cat unmounted", "meanwhile")
	f.watching()
	f.inSync()
}

func (f *tree) reboot() {
	f.must(f.lab.PullPlug(f.Context(), "app1"))
	f.as("app2", "echo off >power")
	if found := f.look(); found.Healthy || found.Nodes["app1"].Asked || found.Pairs[0].InStep || found.Pairs[1].State != "UNKNOWN" {
		f.Errorf("without power on app1 the status is %+v", found)
	}
	f.must(f.lab.PlugIn(f.Context(), "app1"))
	f.comes("sg1", "cat power", "off")
	f.watching()
	// And who just gets many files loses it while they come.
	f.as("app1", "mkdir pulled; cd pulled; head -c 6000000 /dev/urandom | split -b 2000 -a 4 -")
	f.eventually("files come to sg1", 5*time.Minute, func() bool {
		some, _ := f.try("sg1", "find /srv/files -path '*pulled*' -type f | wc -l")
		return some != "" && some != "0"
	})
	f.must(f.lab.PullPlug(f.Context(), "sg1"))
	f.must(f.lab.PlugIn(f.Context(), "sg1"))
	for _, host := range []string{"sg1", "app2"} {
		f.arrives(host, "cat pulled/x* | sha256sum; ls pulled | wc -l", f.as("app1", "cat pulled/x* | sha256sum; ls pulled | wc -l"))
	}
	f.as("app2", "rm -r pulled")
	f.arrives("sg1", "ls -d pulled 2>/dev/null || echo gone", "gone")
	f.watching()
	f.inSync()
}

func (f *tree) leaves() {
	f.as("app2", "echo dark >dark")
	f.comes("sg1", "cat dark", "dark")
	f.nodes = []string{"app1", "app2"}
	f.declare()
	f.apply()
	f.inSync()
	if left := f.on("sg1", "ls -A /var/lib/atoll/tier /etc/atoll/tier /etc/systemd/system 2>/dev/null | grep -e atoll-tier -e files; ls -A /srv/files/.tier 2>&1 | head -c 20; cat /srv/files/dark"); left != "ls: cannot access '/dark" {
		f.Errorf("sg1 still holds %q", left)
	}
	if known := f.on("app1", "grep -c sg1 /var/lib/atoll/tier/files/ssh/.ssh/authorized_keys; ls /var/lib/atoll/tier/files/pairs /etc/atoll/tier/files"); known != "0\n/etc/atoll/tier/files:\napp2.cold.json\napp2.json\ntier.scrub.json\n\n/var/lib/atoll/tier/files/pairs:\napp2" {
		f.Errorf("app1 still knows sg1: %s", known)
	}
	f.as("sg1", "rm dark; echo alone >alone")
	f.nodes = []string{"app1", "app2", "sg1"}
	f.declare()
	f.misled()
	if err := f.terraform.Apply(f.Context()); err == nil || !strings.Contains(flat(err.Error()), `both have files, and not the same: nothing was touched`) {
		f.Errorf("trees that differ meet: %v", err)
	}
	f.initial = "merge"
	f.declare()
	f.apply()
	f.comes("sg1", "cat dark alone", "dark\nalone")
	f.comes("app2", "cat dark alone", "dark\nalone")
	f.inSync()
}

// misled declares an address and a mesh that a machine has not, and a mesh that is down
// there: each is refused before anything is touched on any machine. What is left down the
// next apply brings up.
func (f *tree) misled() {
	f.Helper()
	const made = "ls -A /var/lib/atoll/tier; ls -d /srv/files/.tier /srv/cold/.tier; systemctl show -p InvocationID atoll-tier-files.app1.service atoll-tier-files.app2.socket; " +
		"find /etc/atoll /etc/systemd/system /var/lib/atoll/tier/*/ssh /var/lib/atoll/tier/*/key -printf '%p %C@\\n' | sort"
	before := map[string]string{}
	for _, host := range f.nodes {
		before[host], _ = f.try(host, "{ "+made+"; } 2>/dev/null; :")
	}
	if !strings.Contains(before["app1"], "/etc/atoll/tier/files/app2.json") || strings.Contains(before["sg1"], "tier/files") {
		f.Fatalf("this is not what the tier made: %v", before)
	}
	for _, row := range []struct{ mesh, sg1, script, want string }{
		{"lagoon", `"10.78.0.99"`, "", `node sg1: address = "10.78.0.99" is not an address of the machine: it has ` + fmt.Sprint(f.machines()["sg1"].(map[string]any)["mesh"]) + ` in the mesh "lagoon". Give that`},
		{"lagon", "var.machines[name].mesh", "", `node sg1: mesh = "lagon": there is no such mesh on the machine (it has "lagoon"`},
		{"lagoon", "var.machines[name].mesh", "systemctl stop tinc@lagoon", `and its mesh "lagoon" is down, since no interface of that name has an address: systemctl status tinc@lagoon.service`},
	} {
		f.on("sg1", row.script)
		// Without a word of the mesh's own resources, which would mend what is wrong before.
		f.override(tierAddress, fmt.Sprintf(`mesh = %q
nodes = { for name in var.nodes : name => {
  ssh     = { host = var.machines[name].host, host_key = var.machines[name].host_key }
  address = name == "sg1" ? %s : var.machines[name].mesh
} }`, row.mesh, row.sg1))
		began := time.Now()
		err := f.terraform.Apply(f.Context(), "-target="+tierAddress)
		if err == nil || !strings.Contains(flat(err.Error()), row.want) {
			f.Errorf("want %s, got %v", row.want, err)
		}
		f.Logf("%s: refused within %s", row.want, time.Since(began).Round(time.Second/10))
		for _, host := range f.nodes {
			if after, _ := f.try(host, "{ "+made+"; } 2>/dev/null; :"); after != before[host] {
				f.Errorf("%s is not as it was:\n%s\nwas\n%s", host, after, before[host])
			}
		}
	}
	f.override(tierAddress, "")
}

func (f *tree) destroyed() {
	// A unison that was killed, or whose file went while it came, keeps what it had
	// got so far under such a name for the next attempt: that is nobody's file.
	const all = "cd /srv/files; find . -path ./.tier -prune -o -type f ! -name '.unison.*.unison.tmp' ! -name '.tier-probe-*' -print0 | sort -z | xargs -0 sha256sum"
	const archive = "cd /srv/cold; find . -path './.tier*' -prune -o -type f -print0 | sort -z | xargs -0 sha256sum"
	archived := f.on("app1", archive)
	before := f.on("app1", all)
	vault, _ := f.try("app1", inVault) // none but in test-faults
	f.must(f.terraform.Destroy(f.Context()))
	for _, host := range f.nodes {
		if after := f.on(host, all); after != before {
			f.Errorf("%s has other files than before:\n%s\nwere\n%s", host, after, before)
		}
		if after := f.on(host, archive); after != archived || archived == "" {
			f.Errorf("%s has another archive than before:\n%s\nwas\n%s", host, after, archived)
		}
		if left := f.on(host, "ls -A /srv/files/.tier /srv/cold/.tier /var/lib/atoll/tier /etc/atoll/tier 2>/dev/null; systemctl list-units --all --no-legend 'atoll-tier*'; pgrep -u www-data -a || :"); strings.Contains(left, "files") {
			f.Errorf("%s still holds %q", host, left)
		}
	}
	for _, host := range []string{"app1", "app2"} {
		if after, _ := f.try(host, inVault); after != vault {
			f.Errorf("%s has another vault than before:\n%s\nwas\n%s", host, after, vault)
		}
		if left := f.on(host, "ls -A /srv/vault/.tier /var/lib/atoll/tier /etc/atoll/tier 2>/dev/null; ls /etc/systemd/system | grep vault || :"); strings.Contains(left, "vault") {
			f.Errorf("%s still holds %q", host, left)
		}
	}
}
