// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package site

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// carrier keeps /srv/files of two hosts the same.
type carrier struct {
	name  string
	begin func(context.Context, *tierBench) error
	// continues says that it carries by itself; else carry is what is run for it
	// on the first host.
	continues bool
	carry     string
	// near says that each write waits for the other host: a day at a distance
	// would take hours, so its hosts stand beside each other then.
	near bool
	// brick is where it keeps the files on the second host's disk; "" means
	// /srv/files itself.
	brick string
}

func (c carrier) disk() string {
	if c.brick != "" {
		return c.brick
	}
	return "/srv/files"
}

const nothing, atoll, byHand = "nothing", "atoll_file_tier", "unison by hand"

// carriers in the order in which they are measured. Those of others are Debian's
// packages, told to be as quick as they can: a second until changes are carried.
var carriers = []carrier{
	{name: nothing, begin: func(context.Context, *tierBench) error { return nil }},
	{name: atoll, begin: beginTier, continues: true},
	{name: byHand, begin: beginByHand, carry: "unison -batch -silent /srv/files ssh://" + secondAddress + "//srv/files"},
	{name: "lsyncd", begin: beginLsyncd, continues: true},
	{name: "syncthing", begin: beginSyncthing, continues: true},
	{name: "glusterfs", begin: beginGluster, continues: true, near: true, brick: "/srv/brick"},
}

// The addresses of the lab's two application hosts in the mesh: all carriers go over
// it, as a site's do.
const firstAddress, secondAddress = "10.77.0.21", "10.77.0.22"

// both installs packages on both hosts, then runs a script there.
func (b *tierBench) both(ctx context.Context, packages, script string) error {
	prepare := "mkdir -p /srv/files\n"
	if packages != "" {
		// A package may be content to fail at its start without a configuration.
		prepare += "DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends " + packages + " >/run/installed 2>&1 || dpkg --status " + packages + " >/dev/null\n"
	}
	var problems [2]error
	var group sync.WaitGroup
	for i, host := range []remote.Host{b.from, b.to} {
		group.Go(func() {
			_, problems[i] = run(ctx, host, "setting up", prepare+script)
		})
	}
	group.Wait()
	return errors.Join(problems[:]...)
}

const meshConfiguration = `terraform {
  required_providers {
    atoll = { source = "atollhq/atoll" }
  }
}

variable "machines" {}
variable "key" {}

provider "atoll" {
  ssh = { key_files = { default = var.key } }
}

resource "atoll_mesh_peer" "node" {
  for_each = var.machines
  ssh      = { host = each.value.host, host_key = each.value.host_key }
  mesh     = "bench"
  name     = each.key
  address  = each.value.mesh
}

resource "atoll_mesh" "bench" {
  name  = "bench"
  cidr  = "10.77.0.0/24"
  peers = { for name, node in atoll_mesh_peer.node : name => node.peer }
}
`

const tierConfiguration = meshConfiguration + `
resource "atoll_file_tier" "files" {
  name  = "files"
  hot   = "/srv/files"
  owner = "root"
  mesh  = atoll_mesh.bench.id
  nodes = { for name, node in atoll_mesh_peer.node : name => { ssh = node.ssh, address = node.address } }
}
`

func beginTier(ctx context.Context, b *tierBench) error { return b.apply(ctx, tierConfiguration) }

// apply brings the hosts to a configuration.
func (b *tierBench) apply(ctx context.Context, configuration string) error {
	if err := os.WriteFile(filepath.Join(b.dir, "main.tf"), []byte(configuration), 0o600); err != nil {
		return err
	}
	root, err := Root()
	if err != nil {
		return err
	}
	program, err := Find(root)
	if err != nil {
		return err
	}
	terraform, err := New(program, b.dir, filepath.Join(root, "bin"))
	if err != nil {
		return err
	}
	machines := map[string]any{}
	for _, host := range b.client.Inventory.Hosts {
		machines[host.Name] = map[string]any{"host": host.Address, "host_key": host.HostKey, "mesh": MeshAddress(host.HostSpec)}
	}
	if err := terraform.Variables(map[string]any{"machines": machines, "key": b.client.Inventory.Key}); err != nil {
		return err
	}
	return terraform.Apply(ctx)
}

// trusted lets root of the first host log in on the second.
func (b *tierBench) trusted(ctx context.Context) error {
	key, err := run(ctx, b.from, "making a key", "ssh-keygen -q -t ed25519 -N '' -f /root/.ssh/id_ed25519 && cat /root/.ssh/id_ed25519.pub")
	if err != nil {
		return err
	}
	if _, err := run(ctx, b.to, "trusting the key", "printf '\\n%s\\n' "+remote.Quote(strings.TrimSpace(key))+" >>/root/.ssh/authorized_keys"); err != nil {
		return err
	}
	_, err = run(ctx, b.from, "trusting the host", "ssh -o BatchMode=yes -o StrictHostKeyChecking=accept-new "+secondAddress+" true")
	return err
}

func beginByHand(ctx context.Context, b *tierBench) error {
	if err := b.both(ctx, "unison", "true"); err != nil {
		return err
	}
	if err := b.trusted(ctx); err != nil {
		return err
	}
	_, err := run(ctx, b.from, "a first run", "unison -batch -silent /srv/files ssh://"+secondAddress+"//srv/files")
	return err
}

func beginLsyncd(ctx context.Context, b *tierBench) error {
	if err := b.both(ctx, "lsyncd rsync", "true"); err != nil {
		return err
	}
	if err := b.trusted(ctx); err != nil {
		return err
	}
	_, err := run(ctx, b.from, "starting lsyncd", `cat >/root/lsyncd.conf <<'X'
settings { nodaemon = true, statusFile = "/run/lsyncd.status" }
sync { default.rsyncssh, source = "/srv/files", host = "`+secondAddress+`", targetdir = "/srv/files", delay = 1, rsync = { archive = true } }
X
systemd-run --quiet --unit=carrier lsyncd /root/lsyncd.conf`)
	return err
}

func beginSyncthing(ctx context.Context, b *tierBench) error {
	if err := b.both(ctx, "syncthing", "export HOME=/root\nsyncthing generate --home=/var/lib/carrier --no-default-folder >/dev/null"); err != nil {
		return err
	}
	var devices [2]string
	for i, host := range []remote.Host{b.from, b.to} {
		text, err := run(ctx, host, "reading the device", "HOME=/root syncthing --home=/var/lib/carrier --device-id")
		if err != nil {
			return err
		}
		devices[i] = strings.TrimSpace(text)
	}
	if err := b.both(ctx, "", fmt.Sprintf(`cat >/var/lib/carrier/config.xml <<'X'
<configuration version="37">
  <folder id="files" path="/srv/files" type="sendreceive" fsWatcherEnabled="true" fsWatcherDelayS="1" rescanIntervalS="3600"><device id="%[1]s"/><device id="%[2]s"/></folder>
  <device id="%[1]s"><address>tcp://%[3]s:22000</address></device>
  <device id="%[2]s"><address>tcp://%[4]s:22000</address></device>
  <gui enabled="false"/>
  <options>
    <globalAnnounceEnabled>false</globalAnnounceEnabled><localAnnounceEnabled>false</localAnnounceEnabled>
    <relaysEnabled>false</relaysEnabled><natEnabled>false</natEnabled><urAccepted>-1</urAccepted><reconnectionIntervalS>5</reconnectionIntervalS>
  </options>
</configuration>
X
systemd-run --quiet --unit=carrier --setenv=HOME=/root syncthing serve --home=/var/lib/carrier --no-browser --no-restart`, devices[0], devices[1], firstAddress, secondAddress)); err != nil {
		return err
	}
	// Where both dial before either listens, the next try comes later.
	return b.both(ctx, "", "until [ -n \"$(ss -Htn state established '( sport = :22000 or dport = :22000 )')\" ]; do sleep 1; done")
}

// beginGluster replicates a volume over both hosts, which each mounts: its files
// are read and written through FUSE.
func beginGluster(ctx context.Context, b *tierBench) error {
	if err := b.both(ctx, "glusterfs-server glusterfs-client", "mkdir -p /srv/brick\n[ -e /dev/fuse ] || mknod -m 0666 /dev/fuse c 10 229\nsystemctl start glusterd"); err != nil {
		return err
	}
	_, err := run(ctx, b.from, "making a volume", `gluster --mode=script peer probe `+secondAddress+`
for i in $(seq 60); do gluster peer status | grep -q '(Connected)' && break; sleep 1; done
gluster --mode=script volume create files replica 2 `+firstAddress+`:/srv/brick `+secondAddress+`:/srv/brick force
gluster --mode=script volume start files`)
	if err != nil {
		return err
	}
	return b.both(ctx, "", "mount -t glusterfs localhost:/files /srv/files")
}
