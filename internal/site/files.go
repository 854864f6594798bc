// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package site

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/atollhq/terraform-provider-atoll/internal/lab"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// How many files the demo writes into a day of today, and into an old one.
const (
	written = 100
	old     = 300
)

// files shows what becomes of files beside the applications.
func files(ctx context.Context, pool *remote.Pool, inventory lab.Inventory, out io.Writer) error {
	from, err := Machine(pool, inventory, "app1")
	if err != nil {
		return err
	}
	to, err := Machine(pool, inventory, "app2")
	if err != nil {
		return err
	}
	if err := carry(ctx, from, to, out); err != nil {
		return err
	}
	return moveDay(ctx, from, to, out)
}

// carry writes files beside one application and waits until all of them are, as
// they were written, beside the other.
func carry(ctx context.Context, from, to remote.Host, out io.Writer) error {
	day := "/srv/files/" + time.Now().UTC().Format("2006/01/02")
	if err := writeDay(ctx, from, day, written); err != nil {
		return err
	}
	start := time.Now()
	if err := awaitDay(ctx, to, day, written); err != nil {
		return fmt.Errorf("app2 has not got what app1 wrote: %w", err)
	}
	fmt.Fprintf(out, "\napp1 writes %d files below %s. All are on app2 after %s.\n", written, day, time.Since(start).Round(time.Second/10))
	return nil
}

func writeDay(ctx context.Context, host remote.Host, day string, files int) error {
	write := fmt.Sprintf("mkdir -p %[1]s && for i in $(seq %[2]d); do echo \"picture $i\" >%[1]s/$i || exit; done", day, files)
	_, err := host.Run(ctx, remote.Command{Name: "writing files", Script: write})
	return err
}

// awaitDay waits until a host has all of a day as it was written: in the order of
// their numbers, and none that is missing is passed over.
func awaitDay(ctx context.Context, host remote.Host, day string, files int) error {
	all := fmt.Sprintf("for i in $(seq %d); do echo \"picture $i\"; done | sha256sum", files)
	read := fmt.Sprintf("want=$(%[3]s)\nuntil [ \"$(cd %[1]s 2>/dev/null && cat $(seq %[2]d) 2>/dev/null | sha256sum)\" = \"$want\" ]; do sleep 0.1; done", day, files, all)
	ctx, cancel := context.WithTimeout(ctx, recovery)
	defer cancel()
	_, err := host.Run(ctx, remote.Command{Name: "waiting for files", Script: read, Long: true})
	return err
}

// age is how many days ago the demo's old day was: the example moves what is older
// than a month.
const age = 60

// ErrMissing is a demo in which a path could not be opened.
var ErrMissing = errors.New("paths could not be opened")

// moveDay writes an old day and has both hosts move it to their archives, which they
// do by themselves once an hour, while on both a reader opens each of its paths in a
// loop.
func moveDay(ctx context.Context, from, to remote.Host, out io.Writer) error {
	day := "/srv/files/" + time.Now().UTC().AddDate(0, 0, -age).Format("2006/01/02")
	if err := writeDay(ctx, from, day, old); err != nil {
		return err
	}
	if err := awaitDay(ctx, to, day, old); err != nil {
		return err
	}
	hosts := []remote.Host{from, to}
	read := startReaders(ctx, hosts, day)
	start := time.Now()
	moved := moveOn(ctx, from, to, day)
	took := time.Since(start)
	opens, failed, err := read()
	if err = errors.Join(moved, err); err != nil {
		return err
	}
	for _, host := range hosts {
		if err := awaitDay(ctx, host, day, old); err != nil {
			return fmt.Errorf("the day is not as it was written: %w", err)
		}
	}
	fmt.Fprintf(out, "\n%s, of %d files, is old: both hosts move it to their archives in %s. Readers opened its paths %d times meanwhile, %d could not be opened.\n",
		day, old, took.Round(time.Second/10), opens, failed)
	if failed > 0 {
		return ErrMissing
	}
	return nil
}

// moveOn runs the movers until the day is a link on both hosts. The one that dials
// carries what they say of one another.
func moveOn(ctx context.Context, from, to remote.Host, day string) error {
	const moves = "systemctl start atoll-mover-files.service\n"
	ctx, cancel := context.WithTimeout(ctx, recovery)
	defer cancel()
	for {
		links := 0
		for _, step := range []struct {
			host   remote.Host
			script string
		}{{from, moves}, {to, moves + "systemctl start atoll-tier-files.app1.cold-news.service\n"}} {
			said, err := run(ctx, step.host, "moving old days", step.script+"if [ -L "+day+" ]; then echo link; fi")
			if err != nil {
				return err
			}
			if said != "" {
				links++
			}
		}
		if links == 2 {
			return nil
		}
	}
}

// startReaders opens every path of a day on each host, again and again, until the
// function that it gives is called: that counts the opens, and those that failed.
func startReaders(ctx context.Context, hosts []remote.Host, day string) func() (opens, failed int, err error) {
	script := fmt.Sprintf(`rm -f /run/demo.end; opens=0; failed=0
while [ ! -e /run/demo.end ]; do
  for i in $(seq %d); do
    opens=$((opens + 1))
    { true <%s/$i; } 2>/dev/null || failed=$((failed + 1))
  done
  sleep 0.02
done
echo "$opens $failed"`, old, day)
	said, problems := make([]string, len(hosts)), make([]error, len(hosts))
	var group sync.WaitGroup
	for i, host := range hosts {
		group.Go(func() { said[i], problems[i] = run(ctx, host, "opening the paths of a day", script) })
	}
	return func() (opens, failed int, err error) {
		for _, host := range hosts {
			_, err := host.Run(ctx, remote.Command{Name: "ending the reader", Script: "touch /run/demo.end"})
			problems = append(problems, err)
		}
		group.Wait()
		for _, text := range said {
			if both, err := numbers(text, 2); err == nil {
				opens, failed = opens+int(both[0]), failed+int(both[1])
			} else {
				problems = append(problems, err)
			}
		}
		return opens, failed, errors.Join(problems...)
	}
}
