// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

// Package count counts what the tree of a tier holds, now and then and as the
// owner of the files, so that whoever asks for the status need not walk it.
package count

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/atollhq/terraform-provider-atoll/internal/agent"
	"github.com/atollhq/terraform-provider-atoll/internal/model/tier"
)

// Role counts once; a timer starts it.
var Role = agent.Role{
	Name:    "count",
	Summary: "count what a tree holds (started by systemd: --root DIRECTORY --layout LAYOUT --into DIRECTORY [--within DURATION])",
	Run: func(ctx context.Context, args []string, _ agent.Streams) error {
		var root, pattern, into string
		var within time.Duration
		err := agent.Flags("count", args, func(set *flag.FlagSet) {
			set.StringVar(&root, "root", "", "")
			set.StringVar(&pattern, "layout", "", "")
			set.StringVar(&into, "into", "", "")
			set.DurationVar(&within, "within", 10*time.Minute, "")
		})
		if err != nil {
			return err
		}
		for name, path := range map[string]string{"root": root, "into": into} {
			if err := agent.CheckPath("--"+name, path); err != nil {
				return &agent.UsageError{Problem: "count: " + err.Error()}
			}
		}
		layout, err := tier.ParseLayout(pattern)
		if err != nil {
			return &agent.UsageError{Problem: "count: " + err.Error()}
		}
		return count(ctx, within, root, layout, filepath.Join(into, tier.CountFile))
	},
}

// count writes what it found in the time that there is for it. A tree that does not
// carry a tier's mark is not mounted, so that what was counted before is not replaced
// by nothing.
func count(ctx context.Context, within time.Duration, root string, layout tier.Layout, file string) error {
	if _, err := os.Lstat(filepath.Join(root, tier.Private)); err != nil {
		return fmt.Errorf("%s is not a tier's tree: if it is a mount point, mount it: %w", root, err)
	}
	limited, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	found, err := walk(limited, root, layout)
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		return err
	}
	used, err := inUse(root)
	if err != nil {
		return err
	}
	found.At = time.Now().UTC()
	found.Filling = tier.Fill(before(file).Filling, tier.Filling{At: found.At, Bytes: used})
	text, err := json.Marshal(found)
	if err != nil {
		return err
	}
	return agent.WriteStatus(file, text)
}

// before is what was counted the last time.
func before(file string) tier.Count {
	var known tier.Count
	text, err := os.ReadFile(file)
	if err == nil && json.Unmarshal(text, &known) != nil {
		known = tier.Count{}
	}
	return known
}

// inUse is how much of the tree's file system is.
func inUse(root string) (uint64, error) {
	var stat unix.Statfs_t
	if err := unix.Statfs(root, &stat); err != nil {
		return 0, fmt.Errorf("unable to ask for the room that is in use where %s lies: %w", root, err)
	}
	return (stat.Blocks - stat.Bfree) * uint64(stat.Bsize), nil
}

// ours are the directories at the top of a tree, or of an archive, that are the
// tier's own.
var ours = []string{tier.Private, tier.Workshop, tier.Statements}

// walk counts until the context ends. Links are not followed. What goes away while
// it is looked at was not there; what cannot be looked at is counted as such.
func walk(ctx context.Context, root string, layout tier.Layout) (tier.Count, error) {
	found := tier.Count{Whole: true}
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, problem error) error {
		switch {
		case ctx.Err() != nil:
			found.Whole = false
			return fs.SkipAll
		case path == root:
			return problem
		case problem != nil:
			miss(&found, problem)
			return nil
		}
		below := strings.TrimPrefix(path, root+"/")
		switch {
		case entry.IsDir() && slices.Contains(ours, below):
			return fs.SkipDir
		case strings.HasPrefix(below, tier.ProbePrefix):
			return nil
		}
		add(&found, below, entry, layout)
		return nil
	})
	if err != nil {
		return found, fmt.Errorf("unable to count what %s holds: %w", root, err)
	}
	return found, nil
}

// miss counts what cannot be looked at.
func miss(found *tier.Count, problem error) {
	if !errors.Is(problem, fs.ErrNotExist) {
		found.Unread++
	}
}

// add counts one name.
func add(found *tier.Count, below string, entry fs.DirEntry, layout tier.Layout) {
	switch {
	case entry.IsDir():
		found.Directories++
		if _, is := layout.Day(below); is {
			found.Days++
			if found.First == "" || below < found.First {
				found.First = below
			}
			found.Last = max(found.Last, below)
		}
	case entry.Type().IsRegular():
		info, err := entry.Info()
		if err != nil {
			miss(found, err)
			return
		}
		found.Files++
		found.Bytes += info.Size()
	default:
		found.Others++
	}
}
