// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package mover

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/atollhq/terraform-provider-atoll/internal/model/tier"
)

func do(t testing.TB, problems ...error) {
	t.Helper()
	if err := errors.Join(problems...); err != nil {
		t.Fatal(err)
	}
}

// quickDir is a directory in memory where there is one: these tests make much
// safe on disk, and the disk of a busy machine is slow at that. ATOLL_TEST_DIR
// puts them on another file system.
func quickDir(t *testing.T) string {
	t.Helper()
	within := os.Getenv("ATOLL_TEST_DIR")
	if within == "" {
		within = "/dev/shm"
	}
	dir, err := os.MkdirTemp(within, "atoll-mover-")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// replica is one node of a tier.
type replica struct {
	t    *testing.T
	name string
	down error
	*Mover
}

func (r *replica) Name() string { return r.name }

func (r *replica) Report(ctx context.Context, days []string) (tier.Report, error) {
	if r.down != nil {
		return tier.Report{}, r.down
	}
	return report(ctx, r.Config, days)
}

// report tells how far this node is with the days, from its disk alone.
func report(ctx context.Context, config Config, days []string) (tier.Report, error) {
	t, err := openTrees(config)
	if err != nil {
		return tier.Report{}, err
	}
	defer t.close()
	report := tier.Report{Tier: config.Tier, Days: map[string]tier.DayReport{}}
	for _, day := range days {
		if err := ctx.Err(); err != nil {
			return report, err
		}
		if _, is := t.layout.Day(day); !is {
			// The tiers differ in their layout: nobody may take that for "nothing here".
			continue
		}
		if report.Days[day], err = t.report(day); err != nil {
			return report, err
		}
	}
	return report, nil
}

// replicas makes nodes that know one another.
func replicas(t *testing.T, names ...string) []*replica {
	t.Helper()
	var all []*replica
	for _, name := range names {
		top := filepath.Join(quickDir(t), name)
		config := Config{Tier: "files", Hot: filepath.Join(top, "hot"), Cold: filepath.Join(top, "cold"), Layout: "%Y/%m/%d"}
		do(t, os.MkdirAll(config.Hot, 0o755), os.MkdirAll(config.Cold, 0o755), Prepare(config))
		all = append(all, &replica{t: t, name: name, Mover: &Mover{Config: config}})
	}
	for _, one := range all {
		for _, other := range all {
			if one != other {
				one.Nodes = append(one.Nodes, other)
			}
		}
	}
	return all
}

func (r *replica) hot(path ...string) string {
	return filepath.Join(append([]string{r.Config.Hot}, path...)...)
}

func (r *replica) cold(path ...string) string {
	return filepath.Join(append([]string{r.Config.Cold}, path...)...)
}

// write writes a file into the hot tree, with all directories that lead to it.
func (r *replica) write(path, content string) {
	r.t.Helper()
	do(r.t, os.MkdirAll(filepath.Dir(r.hot(path)), 0o755), os.WriteFile(r.hot(path), []byte(content), 0o644))
}

// stillInUse runs the mover, which leaves an old directory of the day that somebody uses.
func (r *replica) stillInUse() {
	r.t.Helper()
	if outcome := r.run()[oneDay]; outcome.Step != Wait || !strings.Contains(outcome.Why, "still in use") {
		r.t.Errorf("%+v", outcome)
	}
}

// run runs the mover, and gives where it left each day.
func (r *replica) run() map[string]Outcome {
	r.t.Helper()
	result, err := r.Run(context.Background())
	if err != nil {
		r.t.Fatalf("%s: %v", r.name, err)
	}
	outcomes := map[string]Outcome{}
	for _, outcome := range result.Days {
		if outcome.Err != nil {
			r.t.Fatalf("%s: %s: %v", r.name, outcome.Day, outcome.Err)
		}
		outcomes[outcome.Day] = outcome
	}
	return outcomes
}

// files lists all that opens below the hot tree, through the links, with its content.
func (r *replica) files() map[string]string {
	r.t.Helper()
	found := map[string]string{}
	var visit func(string)
	visit = func(at string) {
		entries, err := os.ReadDir(r.hot(at))
		if err != nil {
			r.t.Errorf("%s: %v", r.name, err)
		}
		for _, entry := range entries {
			path := filepath.Join(at, entry.Name())
			stat, err := os.Stat(r.hot(path))
			switch {
			case path == private:
			case err != nil:
				r.t.Errorf("%s: %v", r.name, err)
			case stat.IsDir():
				visit(path)
			default:
				text, err := os.ReadFile(r.hot(path))
				if err != nil {
					r.t.Errorf("%s: %v", r.name, err)
				}
				found[path] = string(text)
			}
		}
	}
	visit("")
	return found
}

// dayOf is the day that a file is in.
func dayOf(path string) string { return path[:len("2020/02/01")] }

// flipped tells whether the day is a link.
func (r *replica) flipped(day string) bool {
	stat, err := os.Lstat(r.hot(day))
	return err == nil && stat.Mode()&fs.ModeSymlink != 0
}

// left lists what the mover still keeps in its private directories.
func (r *replica) left() []string {
	var found []string
	for _, dir := range []string{r.hot(private), r.cold(private)} {
		entries, err := os.ReadDir(dir)
		do(r.t, err)
		for _, entry := range entries {
			if !slices.Contains([]string{"name", "lock", "journal"}, entry.Name()) && !strings.HasSuffix(entry.Name(), ScrubSuffix) {
				found = append(found, entry.Name())
			}
		}
	}
	return found
}

// readers open every path on every node, over and over, and count.
type readers struct {
	opens, failed atomic.Int64
	first         atomic.Pointer[error]
	stop          chan struct{}
	group         sync.WaitGroup
}

func startReaders(all []*replica, paths []string) *readers {
	r := &readers{stop: make(chan struct{})}
	for _, node := range all {
		r.group.Go(func() {
			for {
				for _, path := range paths {
					file, err := os.Open(node.hot(path))
					r.opens.Add(1)
					if err != nil {
						r.failed.Add(1)
						r.first.CompareAndSwap(nil, &err)
						continue
					}
					_ = file.Close()
				}
				select {
				case <-r.stop:
					return
				default:
				}
			}
		})
	}
	return r
}

func (r *readers) check(t *testing.T) {
	t.Helper()
	close(r.stop)
	r.group.Wait()
	if failed := r.failed.Load(); failed > 0 {
		t.Errorf("%d of %d opens failed, the first: %v", failed, r.opens.Load(), *r.first.Load())
	}
	t.Logf("%d opens, none failed", r.opens.Load())
}

// fill gives every node the same files, in days that are old, and gives their contents.
func fill(all []*replica, days, files int) map[string]string {
	want := map[string]string{}
	for day := range days {
		for file := range files {
			path := fmt.Sprintf("2020/02/%02d/dir%d/file %d", day+1, file%3, file)
			want[path] = strings.Repeat(path, file+1)
		}
	}
	for _, node := range all {
		for path, content := range want {
			node.write(path, content)
		}
	}
	return want
}

func checkFiles(t *testing.T, all []*replica, want map[string]string) {
	t.Helper()
	for _, node := range all {
		if got := node.files(); !maps.Equal(got, want) {
			t.Errorf("%s: has %d files, want %d", node.name, len(got), len(want))
			for path, content := range want {
				if got[path] != content {
					t.Errorf("%s: %q is %.40q, want %.40q", node.name, path, got[path], content)
					break
				}
			}
		}
	}
}

// settled runs all nodes until nothing more happens, and checks at each step
// that no node flips before all have a copy.
func settled(t *testing.T, all []*replica, want map[string]string) {
	t.Helper()
	for range 10 {
		steps := 0
		for _, node := range all {
			for _, outcome := range node.run() {
				// What waits for the grace time to end is swept each time.
				for _, step := range outcome.Done {
					if step != Sweep {
						steps++
					}
				}
			}
			checkPromise(t, all, want)
		}
		if steps == 0 {
			return
		}
	}
	t.Fatal("the nodes never come to rest")
}

func checkPromise(t *testing.T, all []*replica, want map[string]string) {
	t.Helper()
	for path, content := range want {
		day := dayOf(path)
		if !slices.ContainsFunc(all, func(node *replica) bool { return node.flipped(day) }) {
			continue
		}
		for _, node := range all {
			if text, err := os.ReadFile(node.cold(path)); err != nil || string(text) != content {
				t.Fatalf("a node flipped %s before %s had %q: %v", day, node.name, path, err)
			}
		}
	}
}

// checkMoved checks that all days are links, and nothing else is left.
func checkMoved(t *testing.T, all []*replica, want map[string]string) {
	t.Helper()
	checkFiles(t, all, want)
	for _, node := range all {
		for path := range want {
			if day := dayOf(path); !node.flipped(day) {
				t.Errorf("%s: %s is no link", node.name, day)
			}
		}
		if left := node.left(); len(left) > 0 {
			t.Errorf("%s: left behind: %q", node.name, left)
		}
	}
}
