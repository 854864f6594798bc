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

// goalNode is the most memory that a tree of a million files may take on a node, in KiB.
const goalNode = 200 << 10

// millionFiles makes a hundred days of ten thousand files. They are as old on both
// hosts, as after a copy by hand.
const millionFiles = `for i in $(seq 0 99); do
  day=/srv/files/$(date -u -d "2099-01-01 + $i days" +%Y/%m/%d)
  mkdir -p $day && cd $day && seq 10000 | split -l 1 -a 3 -
done
find /srv/files -exec touch -d 2020-02-01 {} +
sync`

// BenchMillion measures what a tree of a million files takes on two hosts that have
// it already: the memory of each role, and the way of one more file.
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
	if err := b.apply(ctx, tierConfiguration); err != nil {
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
