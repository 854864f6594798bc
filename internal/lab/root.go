// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package lab

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// RootKind is what a fresh host has on its disk.
type RootKind string

const (
	// Bare is a server as a hoster hands it over: systemd, sshd, no more.
	Bare RootKind = "bare"
	// Prepared has the software installed and nothing configured, so that
	// tests do not download it again and again.
	Prepared RootKind = "prepared"
	// Stock is Debian's stable release without anything that a small image
	// lacks: no MySQL in its package sources, no cloud-init and so no Python.
	// The lab serves such hosts a repository of its own.
	Stock RootKind = "stock"
)

const (
	suite      = "sid"
	stockSuite = "trixie"
	minimal    = "systemd,systemd-sysv,dbus,openssh-server,iproute2,iputils-ping,nftables,ca-certificates,procps,kmod,sudo"
	included   = minimal + ",netcat-openbsd"
	software   = "mysql-server mysql-router tinc unison openssh-client rsync nftables"
)

// baseRecipe finishes a bootstrapped root. Host keys and machine-id are made
// per host; packages come from the machine's own mirror.
const baseRecipe = `set -e
rm -f /etc/ssh/ssh_host_* /etc/machine-id /var/lib/dbus/machine-id
: >/etc/machine-id
printf 'UseDNS no\nPermitRootLogin prohibit-password\n' >/etc/ssh/sshd_config.d/lab.conf
printf 'Acquire::Check-Valid-Until "false";\nAcquire::Languages "none";\n' >/etc/apt/apt.conf.d/90lab
systemctl mask systemd-networkd.service systemd-networkd-wait-online.service systemd-resolved.service console-getty.service getty@.service >/dev/null 2>&1 || :
systemctl disable ssh.socket >/dev/null 2>&1 || :
systemctl enable ssh.service >/dev/null 2>&1
`

// stockRecipe leaves no package lists, as images have none.
const stockRecipe = baseRecipe + `apt-get clean
rm -rf /var/lib/apt/lists/*
`

// bareRecipe adds cloud-init, which is off where no user data are seeded, and
// otherwise as in the images of a VPS hoster: root logs in, network and package
// sources stay.
const bareRecipe = baseRecipe + `apt-get -q update >/dev/null
DEBIAN_FRONTEND=noninteractive apt-get -q install -y --no-install-recommends cloud-init >/dev/null
apt-get clean
cat >/etc/cloud/cloud.cfg.d/90-lab.cfg <<'END'
datasource_list: [ NoCloud ]
network: {config: disabled}
apt: {preserve_sources_list: true}
disable_root: false
preserve_hostname: true
users: []
END
: >/etc/cloud/cloud-init.disabled
useradd -m -s /bin/bash admin; echo 'admin ALL=(ALL) NOPASSWD: ALL' >/etc/sudoers.d/admin
useradd -m -s /bin/bash operator0 2>/dev/null || :; echo 'operator0:atoll-lab' | chpasswd; echo 'operator0 ALL=(ALL) ALL' >/etc/sudoers.d/operator0
useradd -m -s /bin/bash nobody0 2>/dev/null || :
`

// preparedRecipe installs the software without starting any of it. The
// server_uuid that the package makes is left: all hosts have the same one, as
// virtual machines cloned from one image do.
const preparedRecipe = `set -e
printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d; chmod 0755 /usr/sbin/policy-rc.d
DEBIAN_FRONTEND=noninteractive apt-get -q install -y --no-install-recommends ` + software + `
rm -f /usr/sbin/policy-rc.d
apt-get clean
for unit in mysql mysqlrouter tinc; do systemctl disable $unit >/dev/null 2>&1 || :; done
`

// recipe makes a root: from another one, or from a suite of Debian.
type recipe struct {
	from            RootKind
	suite, packages string
	script          string
}

var recipes = map[RootKind]recipe{
	Bare:     {suite: suite, packages: included, script: bareRecipe},
	Prepared: {from: Bare, script: preparedRecipe},
	Stock:    {suite: stockSuite, packages: minimal, script: stockRecipe},
}

// text is all that decides how a root comes out.
func (r recipe) text() string {
	if r.from != "" {
		return recipes[r.from].text() + software + r.script
	}
	return r.suite + r.packages + r.script
}

// recipeHash names a cached root, so that a changed recipe builds a new one.
func recipeHash(kind RootKind) string { return cacheName(string(kind), recipes[kind].text()) }

func cacheName(kind, text string) string {
	sum := sha256.Sum256([]byte(text))
	return kind + "-" + hex.EncodeToString(sum[:6])
}

// ensureRoot gives the path of a cached root and builds it when it is missing.
// Two labs that want it at once wait for each other.
func ensureRoot(ctx context.Context, log io.Writer, kind RootKind) (string, error) {
	unlock, err := lockFile(filepath.Join(cacheRoot(), "lock"))
	if err != nil {
		return "", err
	}
	defer unlock()
	return buildRoot(ctx, log, kind)
}

// lockFile waits until no other lab on this machine holds the lock.
func lockFile(path string) (unlock func(), err error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, fmt.Errorf("making the directory of a lock: %w", err)
	}
	lock, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("opening a lock: %w", err)
	}
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX); err != nil {
		_ = lock.Close()
		return nil, fmt.Errorf("locking %s: %w", path, err)
	}
	return func() { _ = lock.Close() }, nil
}

func buildRoot(ctx context.Context, log io.Writer, kind RootKind) (string, error) {
	final := filepath.Join(cacheRoot(), recipeHash(kind))
	if _, err := os.Stat(filepath.Join(final, "etc")); err == nil {
		return final, nil
	}
	start := time.Now()
	building := final + ".building"
	if err := removeRoot(building); err != nil {
		return "", err
	}
	_, _ = fmt.Fprintf(log, "lab: building the %s root (once on this machine)\n", kind)
	wanted, known := recipes[kind]
	if !known {
		return "", fmt.Errorf("there is no root of the kind %q", kind)
	}
	if wanted.from != "" {
		below, err := buildRoot(ctx, log, wanted.from)
		if err != nil {
			return "", err
		}
		if err := copyRoot(ctx, below, building); err != nil {
			return "", err
		}
	} else if err := bootstrap(ctx, building, wanted); err != nil {
		return "", err
	}
	if err := runIn(ctx, building, wanted.script); err != nil {
		return "", fmt.Errorf("preparing the %s root: %w", kind, err)
	}
	if err := os.Rename(building, final); err != nil {
		return "", fmt.Errorf("keeping the root: %w", err)
	}
	_, _ = fmt.Fprintf(log, "lab: %s root ready after %s\n", kind, time.Since(start).Round(time.Second))
	return final, nil
}

func copyRoot(ctx context.Context, from, to string) error {
	if out, err := exec.CommandContext(ctx, "cp", "-a", "--reflink=auto", from, to).CombinedOutput(); err != nil {
		return fmt.Errorf("copying %s: %w\n%s", from, err, lastLines(out, 5))
	}
	return nil
}

func bootstrap(ctx context.Context, dir string, wanted recipe) error {
	command := exec.CommandContext(ctx, "debootstrap", "--variant=minbase", "--include="+wanted.packages, wanted.suite, dir, mirror())
	if out, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("debootstrap: %w\n%s", err, lastLines(out, 10))
	}
	sources := fmt.Sprintf("deb %s %s main\n", mirror(), wanted.suite)
	return os.WriteFile(filepath.Join(dir, "etc/apt/sources.list"), []byte(sources), 0o644)
}

// runIn runs a script inside of a root, with the machine's resolver.
func runIn(ctx context.Context, dir, script string) error {
	resolver, err := os.ReadFile("/etc/resolv.conf")
	if err != nil {
		return fmt.Errorf("reading the machine's resolver: %w", err)
	}
	target := filepath.Join(dir, "etc/resolv.conf")
	_ = os.Remove(target)
	if err := os.WriteFile(target, resolver, 0o644); err != nil {
		return fmt.Errorf("giving the root a resolver: %w", err)
	}
	command := exec.CommandContext(ctx, "unshare", "--mount", "--pid", "--fork", "--propagation=private", "sh", "-ec",
		`mount -t proc proc "$0/proc"; mount --bind /dev "$0/dev"; exec chroot "$0" /bin/sh -s`, dir)
	command.Stdin = strings.NewReader(script)
	command.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "LC_ALL=C.UTF-8"}
	if out, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("%w\n%s", err, lastLines(out, 15))
	}
	return nil
}

// removeRoot deletes a half-made root, but never through a mount in it.
func removeRoot(dir string) error {
	mounts, _ := os.ReadFile("/proc/self/mountinfo")
	if strings.Contains(string(mounts), " "+dir+"/") {
		return fmt.Errorf("%s still has mounts below it: unmount them first", dir)
	}
	if err := os.RemoveAll(dir); err != nil {
		return fmt.Errorf("removing a half-made root: %w", err)
	}
	return nil
}
