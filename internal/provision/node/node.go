// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

// Package node is the provisioning plugin for the machine itself: its name,
// its clock, swap, kernel settings, inotify limits, extra packages and where they
// come from. All of it is optional; an empty Config adopts a machine and changes nothing.
package node

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/apt"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/mysqlroot"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// Config is what one atoll_host declares. Zero values mean "leave alone".
type Config struct {
	Hostname string
	TimeSync bool
	// SwapMiB is the size of the swap file in MiB.
	SwapMiB int64
	Sysctls map[string]string
	// InotifyWatches and InotifyInstances are limits per user.
	InotifyWatches, InotifyInstances int64
	Packages                         []string
	// Sources are had before any package is installed.
	Sources []apt.Source
	// WatcherKeys are public keys that may ask, and nothing else: see Watcher.
	WatcherKeys []string
}

// Owner is the name under which a host keeps the record of what this plugin owns.
const Owner = "host"

const (
	swapFile = "/var/lib/atoll/swapfile"
	// swapUnit is the escaped form of swapFile that systemd asks for.
	swapUnit = "var-lib-atoll-swapfile.swap"
)

// Manifest is everything that the config wants on its host.
func (c Config) Manifest() converge.Manifest {
	manifest := converge.Manifest{Owner: Owner, Refusal: c.forms()}
	for _, source := range c.Sources {
		manifest.Items = append(manifest.Items, source.Item())
	}
	for _, name := range c.Packages {
		manifest.Items = append(manifest.Items, converge.Package{Name: name, Instead: instead(name)})
	}
	if c.Hostname != "" {
		manifest.Items = append(manifest.Items, hostname(c.Hostname))
	}
	if c.TimeSync {
		manifest.Items = append(manifest.Items, timeSync())
	}
	manifest.Items = append(manifest.Items, c.sysctls()...)
	if c.SwapMiB > 0 {
		manifest.Items = append(manifest.Items, c.swap()...)
	}
	manifest.Items = append(manifest.Items, c.watcher()...)
	return manifest
}

// instead is what stands in for programs while a package is installed.
func instead(name string) map[string]string {
	if !strings.Contains(name, "mysql") {
		return nil
	}
	return map[string]string{"mysqld": mysqlroot.StandIn}
}

// forms says what cannot be written: /etc/hostname, /etc/hosts and the file of
// kernel settings are read by lines.
func (c Config) forms() error {
	var problems []error
	if c.Hostname != "" {
		problems = append(problems, converge.Formed("hostname", c.Hostname, hostnameForm))
	}
	for key, value := range c.Sysctls {
		problems = append(problems, converge.Formed("the name of a kernel setting", key, converge.SysctlForm), converge.OneLine("sysctls["+strconv.Quote(key)+"]", value))
	}
	for _, source := range c.Sources {
		problems = append(problems, source.Refusal())
	}
	if err := apt.Conflict(c.Sources); err != nil {
		problems = append(problems, fmt.Errorf("package sources %w: %w", err, converge.ErrHostile))
	}
	for _, name := range c.Packages {
		problems = append(problems, converge.Formed("package", name, converge.PackageForm))
	}
	return errors.Join(append(problems, c.watcherForms())...)
}

var hostnameForm = regexp.MustCompile(`\A[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?\z`)

func (c Config) sysctls() []converge.Item {
	all := maps.Clone(c.Sysctls)
	if all == nil {
		all = map[string]string{}
	}
	if c.InotifyWatches > 0 {
		all["fs.inotify.max_user_watches"] = strconv.FormatInt(c.InotifyWatches, 10)
	}
	if c.InotifyInstances > 0 {
		all["fs.inotify.max_user_instances"] = strconv.FormatInt(c.InotifyInstances, 10)
	}
	var list []converge.Item
	for _, key := range slices.Sorted(maps.Keys(all)) {
		list = append(list, converge.Sysctl{Key: key, Value: all[key]})
	}
	return list
}

// hostname also keeps the line of /etc/hosts by which the machine resolves its
// own name: sudo, MySQL and Router stumble where it is missing.
func hostname(name string) converge.Action {
	quoted := remote.Quote(name)
	return converge.Action{
		Name: "set the host name",
		Line: converge.Line{Code: converge.CodeValue, Text: "host name differs, want " + name},
		Done: fmt.Sprintf(`[ "$(cat /etc/hostname 2>/dev/null)" = %[1]s ] && [ "$(uname -n)" = %[1]s ] && getent hosts %[1]s >/dev/null`,
			quoted),
		Run: fmt.Sprintf(`printf '%%s\n' %[1]s >/etc/hostname.atoll && mv -f /etc/hostname.atoll /etc/hostname
hostname %[1]s 2>/dev/null || printf '%%s\n' %[1]s >/proc/sys/kernel/hostname
getent hosts %[1]s >/dev/null || {
  grep -v '^127\.0\.1\.1[[:space:]]' /etc/hosts >/etc/hosts.atoll || :
  printf '127.0.1.1\t%%s\n' %[1]s >>/etc/hosts.atoll
  chmod 0644 /etc/hosts.atoll
  mv -f /etc/hosts.atoll /etc/hosts 2>/dev/null || { cat /etc/hosts.atoll >/etc/hosts; rm -f /etc/hosts.atoll; }
}`, quoted),
	}
}

// timeSync asks for a running time service of any kind, and brings systemd's
// own where there is none. A container takes its clock from the machine below.
func timeSync() converge.Action {
	return converge.Action{
		Name: "synchronise the clock",
		Line: converge.Line{Subject: "time synchronisation", Code: converge.CodeInactive, Text: "not running, want running"},
		Done: `systemd-detect-virt -cq || systemctl is-active -q systemd-timesyncd || systemctl is-active -q chrony ||
systemctl is-active -q chronyd || systemctl is-active -q ntpsec || systemctl is-active -q ntp`,
		Run: `command -v /lib/systemd/systemd-timesyncd >/dev/null ||
DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends -o DPkg::Lock::Timeout=300 systemd-timesyncd >/dev/null
systemctl enable --now systemd-timesyncd`,
	}
}

// swap is a swap file of the wanted size. A file of another size is made anew,
// which needs room in memory for what the old one holds.
func (c Config) swap() []converge.Item {
	yes, bytes := true, c.SwapMiB<<20
	return []converge.Item{
		converge.Directory{Path: "/var/lib/atoll", Mode: 0o755},
		converge.File{
			Path: "/etc/systemd/system/" + swapUnit, Mode: 0o644,
			Content: []byte("[Unit]\nDescription=Swap file kept by Atoll\n\n[Swap]\nWhat=" + swapFile + "\n\n[Install]\nWantedBy=swap.target\n"),
		},
		converge.Action{
			Name: "make the swap file",
			Line: converge.Line{Subject: "swap file", Code: converge.CodeValue, Text: fmt.Sprintf("size differs, want %d MiB", c.SwapMiB)},
			Done: fmt.Sprintf(`[ "$(stat -c %%s %s 2>/dev/null)" = %d ]`, swapFile, bytes),
			Run: fmt.Sprintf(`systemctl stop %[1]s 2>/dev/null || :
rm -f %[2]s %[2]s.new
(umask 077; fallocate -l %[3]d %[2]s.new 2>/dev/null || head -c %[3]d /dev/zero >%[2]s.new)
mkswap %[2]s.new >/dev/null && mv %[2]s.new %[2]s`, swapUnit, swapFile, bytes),
			Restart: []string{swapUnit},
		},
		converge.Unit{Name: swapUnit, Enabled: &yes, Active: &yes},
	}
}
