// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package site

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"time"

	"github.com/atollhq/terraform-provider-atoll/internal/lab"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

const archiveConfiguration = meshConfiguration + `
resource "atoll_file_tier" "files" {
  name           = "files"
  cold           = "/srv/cold"
  cold_schedule  = "weekly"
  scrub_schedule = "never"
  owner          = "root"
  mesh           = atoll_mesh.bench.id
  nodes          = { for name, node in atoll_mesh_peer.node : name => { ssh = node.ssh, address = node.address } }
}
`

// archiveWorks are what there is to carry, made in the directory that a script begins in.
var archiveWorks = []struct{ name, script string }{
	{"10 000 files of 4 KiB", `for i in $(seq 100); do mkdir $i; head -c 409600 /dev/urandom | split -b 4096 -a 3 - $i/f; done`},
	{"16 files of 8 MiB", `for i in $(seq 16); do head -c 8M /dev/urandom >$i; done`},
}

// archiveWays are what carries from the first host to the second. Plain rsync is told
// where to by what its words end with.
var archiveWays = []struct{ name, tree, words string }{
	{"`atoll_file_tier`", "/srv/cold", ""},
	{"`rsync -a`", "/srv/plain", "-a"},
	{"`rsync -aHAXS --fsync`", "/srv/safe", "-aHAXS --fsync"},
}

// kept is how many files an archive has in which nothing is to be done.
const kept = 100_000

// BenchArchive measures runs of an archive beside rsync by hand, on two hosts of a mesh.
func BenchArchive(ctx context.Context, client *lab.Client, dir string, out io.Writer) error {
	b := &tierBench{client: client, dir: filepath.Join(dir, "archive")}
	if err := b.fresh(ctx); err != nil {
		return err
	}
	defer func() { _ = b.close() }()
	if err := b.apply(ctx, archiveConfiguration); err != nil {
		return err
	}
	if err := b.both(ctx, "rsync", "systemctl stop atoll-count-files.timer; mkdir -p /srv/plain /srv/safe"); err != nil {
		return err
	}
	if err := b.trusted(ctx); err != nil {
		return err
	}
	if err := delay(ctx, client, Delay); err != nil {
		return err
	}
	idle, err := b.idle(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "\n### An archive on two hosts of a mesh, %s each way\n\n", Delay)
	fmt.Fprintln(out, "| to carry | by | time | CPU of both hosts | memory of the first host, of the second |\n| --- | --- | ---: | ---: | ---: |")
	for _, work := range archiveWorks {
		for _, way := range archiveWays {
			script := fmt.Sprintf("mkdir -p %[1]s/2026/01 && cd $(mktemp -d %[1]s/2026/01/XXXXXX) && chmod 755 .\n%[2]s\nsync", way.tree, work.script)
			if _, err := run(ctx, b.from, "making files", script); err != nil {
				return err
			}
			if err := b.archived(ctx, out, work.name, way.name, way.tree, way.words, idle); err != nil {
				return err
			}
		}
	}
	for _, way := range archiveWays {
		script := fmt.Sprintf("mkdir -p %[1]s/2020/02/01 && cd %[1]s/2020/02/01 && seq %[2]d | split -l 1 -a 4 - && find %[1]s/2020 -exec touch -d 2020-02-01 {} +\nsync", way.tree, kept)
		if err := b.both(ctx, "", script); err != nil {
			return err
		}
		name := fmt.Sprintf("nothing, of %d files", kept)
		if err := b.archived(ctx, out, name, way.name, way.tree, way.words, idle); err != nil {
			return err
		}
	}
	return nil
}

// used is what a run took: seconds of CPU of both hosts, and KiB of memory of each.
type used struct {
	cpu    float64
	memory [2]float64
}

// idle is what both hosts use in a second without a run.
func (b *tierBench) idle(ctx context.Context) (used, error) {
	const while = 20 * time.Second
	before, err := b.use(ctx)
	if err != nil {
		return used{}, err
	}
	if err := remote.Pause(ctx, while); err != nil {
		return used{}, err
	}
	after, err := b.use(ctx)
	return used{(after.cpu - before.cpu) / while.Seconds(), after.memory}, err
}

// use reads what both hosts have used so far; the memory is the peak since the last
// reading, of what processes have of their own, looked at five times a second.
func (b *tierBench) use(ctx context.Context) (used, error) {
	var all used
	for i, host := range []remote.Host{b.from, b.to} {
		text, err := run(ctx, host, "reading what was used", `awk '/^usage_usec/ { print $2 / 1e6 }' /sys/fs/cgroup/cpu.stat
if [ -e /run/peak ]; then sort -n /run/peak | tail -n 1; : >/run/peak; else echo 0
systemd-run --quiet --collect sh -c 'while sleep 0.2; do awk "/^RssAnon/ { sum += \$2 } END { print sum }" /proc/[0-9]*/status 2>/dev/null >>/run/peak; done'; fi`)
		if err != nil {
			return all, err
		}
		both, err := numbers(text, 2)
		if err != nil {
			return all, err
		}
		all.cpu += both[0]
		all.memory[i] = both[1]
	}
	return all, nil
}

// archived makes one run and prints what it took.
func (b *tierBench) archived(ctx context.Context, out io.Writer, work, way, tree, words string, idle used) error {
	host, command := b.to, "systemctl start atoll-tier-files.app1.cold.service"
	if words != "" {
		host, command = b.from, fmt.Sprintf("rsync %[1]s %[2]s/ root@%[3]s:%[2]s/", words, tree, secondAddress)
	}
	before, err := b.use(ctx)
	if err != nil {
		return err
	}
	text, err := run(ctx, host, "carrying", "date +%s.%N\n"+command+"\ndate +%s.%N")
	if err != nil {
		return err
	}
	after, err := b.use(ctx)
	if err != nil {
		return err
	}
	times, err := numbers(text, 2)
	if err != nil {
		return err
	}
	// A run that carried nothing would be the fastest.
	sums := [2]string{}
	for i, one := range []remote.Host{b.from, b.to} {
		if sums[i], err = run(ctx, one, "comparing", "cd "+tree+"; find . -path './.tier*' -prune -o -type f -printf '%P %s %T@\\n' | sort | sha256sum"); err != nil {
			return err
		}
	}
	if sums[0] != sums[1] {
		return fmt.Errorf("%s by %s: the hosts do not have the same", work, way)
	}
	took := times[1] - times[0]
	fmt.Fprintf(out, "| %s | %s | %.1f s | %.1f s | %.0f and %.0f MiB |\n", work, way, took, after.cpu-before.cpu-idle.cpu*took,
		(after.memory[0]-idle.memory[0])/1024, (after.memory[1]-idle.memory[1])/1024)
	return nil
}
