// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package acceptance

import (
	"strings"
	"testing"

	"github.com/atollhq/terraform-provider-atoll/internal/lab"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

const signedBy = "/etc/apt/keyrings/lab.asc"

// stock gives a test a lab of stock hosts: make testacc brings one up for it.
func stock(t *testing.T) (*fixture, lab.Repository) {
	t.Helper()
	f := open(t)
	if f.lab.Inventory.Repository == nil {
		t.Skip("needs stock hosts: bin/lab up --stock --user deploy")
	}
	return f, *f.lab.Inventory.Repository
}

// A hoster's image of Debian's stable release has no MySQL anywhere; the lab's
// repository has one that runs there, and apt refuses it without the key.
func TestStockHostTakesMySQLFromTheLab(t *testing.T) {
	f, repository := stock(t)
	const host = "hk1"
	if found := f.on(host, ". /etc/os-release; echo $VERSION_CODENAME; command -v python3 cloud-init mysqld tincd || :"); found != "trixie" {
		t.Errorf("a fresh stock host has %q", found)
	}
	if user := f.on(host, "echo $SUDO_USER"); user != "deploy" {
		t.Errorf("root was reached as %q", user)
	}
	f.on(host, "apt-get -q update >/dev/null")
	if offered := f.on(host, "apt-cache policy mysql-server | sed -n 's/ *Candidate: //p'"); offered != "" && offered != "(none)" {
		t.Errorf("Debian itself offers mysql-server %s", offered)
	}
	f.on(host, "cat >/etc/apt/sources.list.d/lab.sources <<'END'\n"+repository.Source(signedBy)+"END")
	if output, err := f.try(host, "apt-get -q -o APT::Update::Error-Mode=any update 2>&1"); err == nil {
		t.Errorf("apt takes the repository without its key:\n%s", output)
	}
	f.on(host, "install -d /etc/apt/keyrings && cat >"+signedBy+" <<'END'\n"+repository.Key+"\nEND\napt-get -q -o APT::Update::Error-Mode=any update")
	f.on(host, "DEBIAN_FRONTEND=noninteractive apt-get -q -y install --no-install-recommends mysql-server mysql-router tinc")
	answered := f.on(host, "systemctl start mysql && mysql -N -B -e 'SELECT VERSION()' && mysqlrouter --version && tincd --version | head -n 1")
	t.Log(answered)
	for _, want := range []string{"9.7.", "MySQL Router", "tinc version"} {
		if !strings.Contains(answered, want) {
			t.Errorf("%q does not say %q", answered, want)
		}
	}
	if release := f.on(host, "dpkg-query -W -f '${Version}' libc6"); !strings.HasPrefix(release, "2.41") {
		t.Errorf("the C library is %s, and should have stayed that of the release", release)
	}
}

// Root has no key on a host that has a user instead, and the user's sudo asks.
func TestStockHostLetsOnlyItsUserIn(t *testing.T) {
	f, _ := stock(t)
	found, err := f.lab.Inventory.Host("hk2")
	f.must(err)
	root := f.pool.Host(remote.Target{Host: found.Address, HostKey: found.HostKey})
	if _, err := root.Run(t.Context(), remote.Command{Name: "testing", Script: "true"}); err == nil {
		t.Error("root logs in")
	}
	if name := f.on("hk2", "id -un; su -s /bin/sh deploy -c 'sudo -n true' 2>&1"+" || :"); !strings.HasPrefix(name, "root\n") || !strings.Contains(name, "password") {
		t.Errorf("sudo says %q", name)
	}
}
