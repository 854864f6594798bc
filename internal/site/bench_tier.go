// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package site

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/atollhq/terraform-provider-atoll/internal/lab"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

const (
	// trickle is how many small files are written one after the other, 50 a second.
	trickle = 500
	// day is how many files of 4 KiB are written at once, in 100 directories.
	day = 10_000
	// goalDay is how many times as long as unison by hand a day may take.
	goalDay = 1.3
	// goalMiddle and goalLate bound how long a small file is on its way: half of
	// them, and all but one in a hundred.
	goalMiddle, goalLate = 2500 * time.Millisecond, 6 * time.Second
	// goalLighter is how many times less than gluster's CPU and memory ours are.
	goalLighter = 3
)

// tierBench has two hosts with fresh disks, on which one carrier after the other
// keeps /srv/files the same.
type tierBench struct {
	client   *lab.Client
	dir      string
	from, to remote.Host
	// close ends the connections to both.
	close func() error
}

// carried is what a carrier was seen to do.
type carried struct {
	// middle and late are how long the trickle's files were on their way.
	middle, late time.Duration
	// day is the time from the first write to the last file's arrival; written and
	// read are what the application waits for.
	day, written, read time.Duration
	// cpu is of both hosts, and memory is the peak of both hosts' processes, in KiB.
	cpu    time.Duration
	memory int64
}

// BenchTier measures a file tier beside what else keeps trees the same, on two
// hosts 100 ms from each other, over one mesh.
func BenchTier(ctx context.Context, client *lab.Client, dir string, out io.Writer) error {
	fmt.Fprintf(out, "\n### A tree on two hosts of a mesh, %s each way\n\n", Delay)
	fmt.Fprintln(out, "| | a small file, of 50 a second: half, and 99 of 100 | 10 000 files at once | CPU | memory | written | read |")
	fmt.Fprintln(out, "| --- | ---: | ---: | ---: | ---: | ---: | ---: |")
	seen := map[string]carried{}
	var idle carried
	for _, one := range carriers {
		got, err := (&tierBench{client: client, dir: filepath.Join(dir, one.name)}).measure(ctx, one)
		if err != nil {
			return fmt.Errorf("%s: %w", one.name, err)
		}
		if one.name == nothing {
			idle = got
		} else {
			// What hosts and writers use by themselves is nobody's.
			got.cpu, got.memory = got.cpu-idle.cpu, got.memory-idle.memory
		}
		seen[one.name] = got
		fmt.Fprintln(out, got.row(one))
	}
	fmt.Fprintln(out, "\nEvery write to glusterfs waits for the other host, so its 10 000 files went over lines without a delay.")
	ours, hand, gluster := seen[atoll], seen[byHand], seen["glusterfs"]
	fmt.Fprintf(out, "\nA small file: %s and %s (goal: %s and %s): **%s**.\n", tenths(ours.middle), tenths(ours.late), goalMiddle, goalLate,
		verdict(ours.middle <= goalMiddle && ours.late <= goalLate))
	fmt.Fprintf(out, "A day at once: %.2f times unison by hand (goal: %.1f): **%s**.\n", float64(ours.day)/float64(hand.day), goalDay, verdict(float64(ours.day) <= goalDay*float64(hand.day)))
	fmt.Fprintf(out, "glusterfs takes %.1f times our CPU and %.1f times our memory (goal: %d): **%s**.\n", float64(gluster.cpu)/float64(ours.cpu), float64(gluster.memory)/float64(ours.memory),
		goalLighter, verdict(gluster.cpu >= goalLighter*ours.cpu && gluster.memory >= goalLighter*ours.memory))
	return nil
}

func tenths(d time.Duration) string { return fmt.Sprintf("%.1f s", d.Seconds()) }

func (c carried) row(one carrier) string {
	way, carriedDay := "–", "–"
	if one.continues {
		way = tenths(c.middle) + ", " + tenths(c.late)
	}
	if one.name != nothing {
		carriedDay = tenths(c.day)
	}
	return fmt.Sprintf("| %s | %s | %s | %s | %d MiB | %s | %s |", one.name, way, carriedDay, tenths(c.cpu), c.memory>>10, tenths(c.written), tenths(c.read))
}

// fresh gives both hosts empty disks and one mesh, on lines without a delay.
func (b *tierBench) fresh(ctx context.Context) error {
	if err := os.MkdirAll(b.dir, 0o700); err != nil {
		return err
	}
	if err := delay(ctx, b.client, 0); err != nil {
		return err
	}
	for _, host := range b.client.Inventory.Hosts {
		if err := b.client.Rebuild(ctx, host.Name); err != nil {
			return err
		}
	}
	pool, err := Machines(b.client.Inventory)
	if err != nil {
		return err
	}
	b.close = pool.Close
	if b.from, err = Machine(pool, b.client.Inventory, "app1"); err != nil {
		return err
	}
	if b.to, err = Machine(pool, b.client.Inventory, "app2"); err != nil {
		return err
	}
	if err := b.apply(ctx, meshConfiguration); err != nil {
		return err
	}
	return b.both(ctx, "", "true")
}

// measure sets a carrier up on fresh disks and gives it both works.
func (b *tierBench) measure(ctx context.Context, one carrier) (carried, error) {
	if err := b.fresh(ctx); err != nil {
		return carried{}, err
	}
	defer func() { _ = b.close() }()
	if err := one.begin(ctx, b); err != nil {
		return carried{}, err
	}
	if err := delay(ctx, b.client, Delay); err != nil {
		return carried{}, err
	}
	var got carried
	if one.continues {
		if err := b.small(ctx, one, &got); err != nil {
			return got, err
		}
	}
	if one.near {
		if err := delay(ctx, b.client, 0); err != nil {
			return got, err
		}
	}
	return got, b.whole(ctx, one, &got)
}

// small writes the trickle. Each file says when it was written, and the time of
// its last change of state on the other disk is when it was there as it is: both
// hosts have one clock.
func (b *tierBench) small(ctx context.Context, one carrier, got *carried) error {
	_, err := run(ctx, b.from, "writing small files", fmt.Sprintf(`mkdir -p /srv/files/small && cd /srv/files/small
exec bash -c 'exec 3<> <(:); for i in $(seq %d); do echo $EPOCHREALTIME >$i; read -t 0.02 -u 3 || :; done'`, trickle))
	if err != nil {
		return err
	}
	text, err := run(ctx, b.to, "waiting for small files", fmt.Sprintf(`mkdir -p %[1]s/small; cd %[1]s/small
until [ "$(find . -type f -size +0 -name '[0-9]*' | wc -l)" = %[2]d ]; do sleep 1; done
find . -type f -printf '%%f %%C@\n' | sort >/run/arrived
grep -H . [0-9]* | tr : ' ' | sort | join - /run/arrived`, one.disk(), trickle))
	if err != nil {
		return err
	}
	var ways []time.Duration
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		if len(fields) != 3 {
			return fmt.Errorf("line %q makes no sense", line)
		}
		written, wrong := strconv.ParseFloat(fields[1], 64)
		arrived, wrongToo := strconv.ParseFloat(fields[2], 64)
		if wrong != nil || wrongToo != nil {
			return fmt.Errorf("line %q makes no sense", line)
		}
		ways = append(ways, time.Duration((arrived-written)*float64(time.Second)))
	}
	if len(ways) != trickle {
		return fmt.Errorf("%d files arrived, want %d", len(ways), trickle)
	}
	slices.Sort(ways)
	got.middle, got.late = ways[len(ways)/2], ways[len(ways)*99/100]
	return nil
}

// whole writes a day at once, and reads it again.
func (b *tierBench) whole(ctx context.Context, one carrier, got *carried) error {
	_, err := run(ctx, b.from, "making a day's files", fmt.Sprintf(`mkdir -p /root/day && cd /root/day
for i in $(seq 100); do mkdir $i; head -c %[1]d /dev/urandom | split -b 4096 -a 3 - $i/f; done
tar cf /root/day.tar . && sync`, day/100*4096))
	if err != nil {
		return err
	}
	before, err := b.meter(ctx)
	if err != nil {
		return err
	}
	text, err := run(ctx, b.from, "writing a day's files", `mkdir -p /srv/files/day && cd /srv/files/day
date +%s.%N && tar xf /root/day.tar && date +%s.%N
`+one.carry)
	if err != nil {
		return err
	}
	times, err := numbers(text, 2)
	if err != nil {
		return err
	}
	got.written = time.Duration((times[1] - times[0]) * float64(time.Second))
	if one.name != nothing {
		text, err = run(ctx, b.to, "waiting for a day's files", fmt.Sprintf(`mkdir -p %[1]s/day; cd %[1]s/day
until [ "$(find . -type f -size 4096c -name 'f???' | wc -l)" = %[2]d ]; do sleep 1; done
find . -type f -printf '%%C@\n' | sort -n | tail -n 1`, one.disk(), day))
		if err != nil {
			return err
		}
		last, err := numbers(text, 1)
		if err != nil {
			return err
		}
		got.day = time.Duration((last[0] - times[0]) * float64(time.Second))
	}
	// What a carrier does afterwards, as unison's last scan, is its own, too.
	if err := remote.Pause(ctx, 10*time.Second); err != nil {
		return err
	}
	after, err := b.meter(ctx)
	if err != nil {
		return err
	}
	got.cpu, got.memory = after.cpu-before.cpu, after.memory
	text, err = run(ctx, b.from, "reading a day's files", "cd /srv/files/day\ndate +%s.%N && tar cf - . | cat >/dev/null && date +%s.%N")
	if err != nil {
		return err
	}
	if times, err = numbers(text, 2); err != nil {
		return err
	}
	got.read = time.Duration((times[1] - times[0]) * float64(time.Second))
	return nil
}

// meter reads what both hosts have used so far. Memory is what processes have of
// their own, what several share of it once, looked at twice a second from the first
// reading on.
func (b *tierBench) meter(ctx context.Context) (used carried, err error) {
	for _, host := range []remote.Host{b.from, b.to} {
		text, err := run(ctx, host, "reading what was used", `awk '/^usage_usec/ { print $2 }' /sys/fs/cgroup/cpu.stat
if [ -e /run/memory ]; then sort -n /run/memory | tail -n 1; else echo 0
systemd-run --quiet --collect sh -c 'while sleep 0.5; do cat /proc/[0-9]*/smaps_rollup 2>/dev/null | awk "/^Pss_Anon/ { sum += \$2 } END { print sum }" >>/run/memory; done'; fi`)
		if err != nil {
			return used, err
		}
		both, err := numbers(text, 2)
		if err != nil {
			return used, err
		}
		used.cpu += time.Duration(both[0]) * time.Microsecond
		used.memory += int64(both[1])
	}
	return used, nil
}

func run(ctx context.Context, host remote.Host, name, script string) (string, error) {
	result, err := host.Run(ctx, remote.Command{Name: name, Script: "set -e\n" + script, Long: true})
	return string(result.Stdout), err
}

// numbers are those of a text, which must hold just so many.
func numbers(text string, count int) ([]float64, error) {
	fields := strings.Fields(text)
	if len(fields) != count {
		return nil, fmt.Errorf("%q holds %d numbers, want %d", text, len(fields), count)
	}
	var all []float64
	for _, field := range fields {
		one, err := strconv.ParseFloat(field, 64)
		if err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	return all, nil
}
