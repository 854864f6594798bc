// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package status

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/atollhq/terraform-provider-atoll/internal/model/tier"
)

// Home is all that the roles of a tier have told on this node.
type Home struct {
	Tier string `json:"tier"`
	// Tree is the hot tree and Archive the cold one; nil where the node has none.
	Tree    *Held `json:"tree,omitempty"`
	Archive *Held `json:"archive,omitempty"`
	// Pairs has the nodes that this one dials, Archives also those by which it is dialled
	// and has something to say of.
	Pairs    map[string]tier.PairStatus `json:"pairs,omitempty"`
	Archives map[string]tier.PairStatus `json:"archives,omitempty"`
	Mover    *tier.MoverStatus          `json:"mover,omitempty"`
	Scrub    *tier.ScrubStatus          `json:"scrub,omitempty"`
	// moves says that days move here, whatever was told of them.
	moves bool
}

// Held is a tree and what it holds.
type Held struct {
	Path string `json:"path"`
	// Count is as of the last counting; nil before the first.
	Count *tier.Count `json:"count,omitempty"`
	// Free and Size are of the file system now; Problem says why they are not known.
	Free    Free   `json:"free"`
	Size    uint64 `json:"size"`
	Problem string `json:"problem,omitempty"`
	// Full is the day on which that is full if it goes on filling; "" where that is not known.
	Full string `json:"full_on,omitempty"`
}

// homeOf is the home that a program lies in; "" where it is in none of a tier.
func homeOf(program string) string {
	home := filepath.Dir(program)
	if stat, err := os.Stat(filepath.Join(home, tier.HomePairs)); err != nil || !stat.IsDir() {
		return ""
	}
	return home
}

// told reads what a role wrote, and leaves it nil where that has told nothing.
func told[T any](into **T, path ...string) error {
	file := filepath.Join(path...)
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) || err == nil && len(text) == 0 {
		return nil
	}
	said := new(T)
	if err == nil {
		err = json.Unmarshal(text, said)
	}
	if err != nil {
		return fmt.Errorf("unable to read %s: %w", file, err)
	}
	*into = said
	return nil
}

// ofHome reads all that was told in a home.
func ofHome(home string, now time.Time) (Home, error) {
	found := Home{Tier: filepath.Base(home), Pairs: map[string]tier.PairStatus{}, Archives: map[string]tier.PairStatus{}}
	peers, err := os.ReadDir(filepath.Join(home, tier.HomePairs))
	if err != nil {
		return found, fmt.Errorf("unable to read which nodes the tier is kept in step with: %w", err)
	}
	var problems []error
	for _, peer := range peers {
		for file, into := range map[string]map[string]tier.PairStatus{tier.StatusFile: found.Pairs, tier.ArchiveStatusFile: found.Archives} {
			var status *tier.PairStatus
			problems = append(problems, told(&status, home, tier.HomePairs, peer.Name(), file))
			if status != nil {
				into[peer.Name()] = *status
			}
		}
	}
	problems = append(problems, told(&found.Mover, home, tier.HomeMover, tier.MoverFile), told(&found.Scrub, home, tier.HomeScrub, tier.ScrubFile),
		held(&found.Tree, home, tier.HomeHot, tier.HomeCount, now))
	_, err = os.Stat(filepath.Join(home, tier.HomeMover))
	found.moves = err == nil
	counted := tier.HomeCountCold
	if found.Tree == nil {
		counted = tier.HomeCount
	}
	return found, errors.Join(append(problems, held(&found.Archive, home, tier.HomeCold, counted, now))...)
}

// held looks at a tree by the note that says where it lies, and leaves it nil where there
// is no such note.
func held(into **Held, home, note, counted string, now time.Time) error {
	text, err := os.ReadFile(filepath.Join(home, note))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("unable to read where the tree lies: %w", err)
	}
	found := &Held{Path: strings.TrimSpace(string(text))}
	*into = found
	if err := found.look(); err != nil {
		found.Problem = err.Error()
	}
	err = told(&found.Count, home, counted, tier.CountFile)
	if found.Count != nil {
		if full, is := tier.FullAt(found.Count.Filling, found.Free.Bytes, now); is && found.Problem == "" {
			found.Full = full.UTC().Format(time.DateOnly)
		}
	}
	return err
}

// look asks for the room where a tree lies.
func (h *Held) look() error {
	if _, err := os.Lstat(filepath.Join(h.Path, tier.Private)); err != nil {
		return fmt.Errorf("it does not carry the tier's name: if it is a mount point, mount it: %w", err)
	}
	var stat unix.Statfs_t
	if err := unix.Statfs(h.Path, &stat); err != nil {
		return fmt.Errorf("unable to ask for the room where %s lies: %w", h.Path, err)
	}
	size := uint64(stat.Bsize)
	h.Size, h.Free = stat.Blocks*size, Free{Bytes: stat.Bavail * size, Inodes: stat.Ffree}
	if stat.Files == 0 {
		h.Free.Inodes = ^uint64(0)
	}
	return nil
}

// inHome tells a person, or a program, what was told in a home.
func inHome(home string, asJSON bool, to io.Writer) error {
	found, err := ofHome(home, time.Now())
	if asJSON {
		return errors.Join(json.NewEncoder(to).Encode(found), err)
	}
	return errors.Join(found.print(to), err)
}
