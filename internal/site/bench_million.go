// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package site

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"sync"
	"time"

	"github.com/atollhq/terraform-provider-atoll/internal/lab"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// goalNode is the most memory that a tree of a million files may take on a node, in KiB.
const goalNode = 200 << 10

const archiveConfiguration = meshConfiguration + `
resource "atoll_file_tier" "files" {
  name     = "files"
  hot      = "/srv/files"
  cold     = "/srv/archive"
  owner    = "root"
  hot_days = 30
  initial  = "merge"
  mesh     = atoll_mesh.bench.id
  nodes    = { for name, node in atoll_mesh_peer.node : name => { ssh = node.ssh, address = node.address } }
}
`

// millionFiles makes a hundred days of ten thousand files that are too young to move,
// and one of a thousand that is old enough. They are as old on both hosts, as after
// a copy by hand.
const millionFiles = `mkdir -p /srv/files /srv/archive
for i in $(seq 0 99); do
  day=/srv/files/$(date -u -d "2099-01-01 + $i days" +%Y/%m/%d)
  mkdir -p $day && cd $day && seq 10000 | split -l 1 -a 3 -
done
mkdir -p /srv/files/2020/02/01 && cd /srv/files/2020/02/01 && seq 1000 | split -l 1 -a 3 -
find /srv/files -exec touch -d 2020-02-01 {} +
sync`

// BenchMillion measures what a tree of a million files takes on two hosts that have
// it already: the memory of each role, the way of one more file, and the mover's run.
func BenchMillion(ctx context.Context, client *lab.Client, dir string, out io.Writer) error {
	b := &tierBench{client: client, dir: filepath.Join(dir, "million")}
	if err := b.fresh(ctx); err != nil {
		return err
	}
	defer func() { _ = b.close() }()
	if err := b.both(ctx, "", millionFiles); err != nil {
		return err
	}
	if _, err := b.meter(ctx); err != nil {
		return err
	}
	if err := remote.Pause(ctx, 5*time.Second); err != nil {
		return err
	}
	idle, err := b.meter(ctx)
	if err != nil {
		return err
	}
	began := time.Now()
	if err := b.apply(ctx, archiveConfiguration); err != nil {
		return err
	}
	if _, err := b.oneMore(ctx, "first"); err != nil {
		return err
	}
	fmt.Fprintf(out, "\n### A tree of 1 000 000 files, on two hosts that both have it\n\nIn step %s after the apply began.\n", tenths(time.Since(began)))
	// The first unison is followed by the one that stays.
	if err := remote.Pause(ctx, 5*time.Second); err != nil {
		return err
	}
	if _, err := b.oneMore(ctx, "second"); err != nil {
		return err
	}
	way, err := b.oneMore(ctx, "third")
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "One more file takes %s.\n", tenths(way))
	if err := b.moveOne(ctx, out); err != nil {
		return err
	}
	peak, err := b.meter(ctx)
	if err != nil {
		return err
	}
	for _, host := range []remote.Host{b.from, b.to} {
		text, err := run(ctx, host, "looking at processes", `ps -C unison,atoll-agent -o rss=,args= | cut -c1-100`)
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "\n%s\n", text)
	}
	each := (peak.memory - idle.memory) / 2
	fmt.Fprintf(out, "Memory on each of both at its peak: %d MiB (goal: %d): **%s**.\n", each>>10, goalNode>>10, verdict(each <= goalNode))
	return nil
}

// oneMore gives how long a new file is on its way.
func (b *tierBench) oneMore(ctx context.Context, name string) (time.Duration, error) {
	written, err := run(ctx, b.from, "writing a file", "date +%s.%N; echo > /srv/files/"+name)
	if err != nil {
		return 0, err
	}
	arrived, err := run(ctx, b.to, "waiting for a file", fmt.Sprintf("cd /srv/files\nuntil [ -e %[1]s ]; do sleep 0.1; done\nstat -c %%.9Z %[1]s", name))
	if err != nil {
		return 0, err
	}
	times, err := numbers(written+" "+arrived, 2)
	if err != nil {
		return 0, err
	}
	return time.Duration((times[1] - times[0]) * float64(time.Second)), nil
}

// moveOne has both movers work until the old day is a link on both hosts.
func (b *tierBench) moveOne(ctx context.Context, out io.Writer) error {
	var problems [2]error
	var told [2]string
	var group sync.WaitGroup
	began := time.Now()
	for i, host := range []remote.Host{b.from, b.to} {
		group.Go(func() {
			told[i], problems[i] = run(ctx, host, "moving a day", `until [ -L /srv/files/2020/02/01 ]; do systemctl start atoll-mover-files.service || :; systemctl start --all 'atoll-archive-*.service' || :; sleep 1; done
systemctl show -P CPUUsageNSec -P MemoryPeak atoll-mover-files.service | tr '\n' ' '`)
		})
	}
	group.Wait()
	for i := range problems {
		if problems[i] != nil {
			return problems[i]
		}
		fmt.Fprintf(out, "The mover's last run, CPU in ns and memory with its part of the page cache: %s\n", told[i])
	}
	fmt.Fprintf(out, "A day of 1 000 files has moved on both after %s.\n", tenths(time.Since(began)))
	return nil
}
