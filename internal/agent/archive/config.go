// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

// Package archive keeps the archive of a tier in step with that of another node,
// by rsync, both ways and adding only: a file that one side lacks is carried, one
// that was changed later takes the other's place, and what it takes the place of
// is kept. Nothing is deleted because the other side does not have it; what is to
// go everywhere is named, and deleted on each node by itself. Where outlines show that
// both are the same, rsync is not even asked.
//
// There are two sides. The node that dials runs rsync in a unit that a timer
// starts. Its SSH key leads to a socket of systemd's on the other node, behind
// which the other side looks at what it is asked for, and starts an rsync that
// can do nothing else.
package archive

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/atollhq/terraform-provider-atoll/internal/agent"
	"github.com/atollhq/terraform-provider-atoll/internal/agent/tree"
	"github.com/atollhq/terraform-provider-atoll/internal/model/tier"
)

// readConfig reads the file that --config names. A field that is not known comes
// from a newer provider, and may be one that matters.
func readConfig(role string, args []string, more ...func(*flag.FlagSet)) (tier.Archive, error) {
	var file string
	var config tier.Archive
	err := agent.Flags(role, args, func(set *flag.FlagSet) {
		set.StringVar(&file, "config", "", "")
		for _, declare := range more {
			declare(set)
		}
	})
	var text []byte
	if err == nil {
		text, err = agent.ReadConfig(role, file)
	}
	if err == nil {
		err = agent.DecodeConfig(role, text, &config)
	}
	if err != nil {
		return config, err
	}
	for name, value := range map[string]string{"tier": config.Tier, "peer": config.Peer, "dials": config.Dials} {
		if value == "" || value != filepath.Base(value) {
			return config, &agent.UsageError{Problem: fmt.Sprintf("%s: %s is %q in the configuration: give a name", role, name, value)}
		}
	}
	for name, path := range map[string]string{"cold": config.Cold, "state": config.State} {
		if err := agent.CheckPath(name, path); err != nil {
			return config, &agent.UsageError{Problem: role + ": " + err.Error()}
		}
	}
	return config, nil
}

var errBusy = errors.New("another run of the pair is at work: it will be done without this one")

// side is one node's of a pair.
type side struct {
	tier.Archive
	// cold is the archive, open.
	cold *tree.Dir
	lock *os.File
	// statements says that only those are carried: a full archive takes them, too, or
	// nodes would wait for one another for ever.
	statements bool
}

// begin opens the archive and sees that no other run of the pair is at work here.
// An archive without the tier's mark is not mounted, or not ours.
func begin(config tier.Archive) (*side, error) {
	cold, err := tree.OpenRoot(config.Cold)
	if err == nil {
		_, err = cold.Stat(tier.Private)
	}
	if err != nil {
		cold.Close()
		return nil, fmt.Errorf("%s is not the archive of the tier %q: if it is a mount point, mount it; nothing was touched: %w", config.Cold, config.Tier, err)
	}
	if err := unix.Access(config.Cold, unix.W_OK); err != nil {
		cold.Close()
		return nil, fmt.Errorf("%s cannot be written to: %w", config.Cold, err)
	}
	lock, err := os.OpenFile(filepath.Join(config.State, "cold.held"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		cold.Close()
		return nil, err
	}
	s := &side{Archive: config, cold: cold, lock: lock}
	err = unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		err = errBusy
	}
	if err != nil {
		s.end()
		return nil, err
	}
	return s, nil
}

// await begins as soon as no other run of the pair is at work, until the context ends. The
// other one may carry only what nodes say of themselves: it does not do this one's work.
func await(ctx context.Context, config tier.Archive) (*side, error) {
	for {
		s, err := begin(config)
		if !errors.Is(err, errBusy) {
			return s, err
		}
		select {
		case <-ctx.Done():
			return nil, err
		case <-time.After(300 * time.Millisecond):
		}
	}
}

func (s *side) end() {
	s.cold.Close()
	_ = s.lock.Close()
}

// incoming is where files lie until they are whole. Each pair has its own on both
// sides, so what is in it before a run is what a killed one left.
func (s *side) incoming() string { return "incoming-" + s.Dials }

// prepare makes the workshop, and empties what is this pair's in it.
func (s *side) prepare() error {
	workshop, err := s.cold.Private(tier.Workshop)
	if err != nil {
		return err
	}
	defer workshop.Close()
	if err := workshop.RemoveAll(s.incoming()); err != nil {
		return err
	}
	return workshop.Mkdir(s.incoming())
}

// leave removes what a run leaves in the workshop: nothing, where it replaced
// nothing.
func (s *side) leave(words []string) {
	workshop, err := s.cold.Private(tier.Workshop)
	if err != nil {
		return
	}
	defer workshop.Close()
	_ = workshop.RemoveAll(s.incoming())
	replaced, err := workshop.Sub(tier.Replaced)
	if err != nil {
		return
	}
	defer replaced.Close()
	for _, word := range words {
		if kept, is := strings.CutPrefix(strings.TrimPrefix(word, "--backup-dir="), keeps); is {
			forget(replaced, kept)
		}
	}
}

// forget removes of what a run replaced what is nobody's: what nodes said before of
// themselves; and the run's directory, where it kept nothing else.
func forget(replaced *tree.Dir, kept string) {
	if of, err := replaced.Sub(kept); err == nil {
		_ = of.RemoveAll(tier.Statements)
		of.Close()
	}
	_ = replaced.RemoveEmpty(kept)
}

// FullError says that an archive takes nothing more.
type FullError struct {
	Cold                string
	FreeMiB, ReserveMiB int
	// Inodes and ReserveInodes are set where those are what is missing.
	Inodes, ReserveInodes uint64
}

func (e *FullError) Error() string {
	if e.Inodes <= e.ReserveInodes && e.FreeMiB >= e.ReserveMiB {
		return fmt.Sprintf("full: %d inodes are free where %s lies, and %d are kept free (cold_reserve_inodes); nothing comes in until there are more, and nothing was lost", e.Inodes, e.Cold, e.ReserveInodes)
	}
	return fmt.Sprintf("full: %d MiB are free where %s lies, and %d MiB are kept free (cold_reserve_mib); nothing comes in until there is room, and nothing was lost", e.FreeMiB, e.Cold, e.ReserveMiB)
}

// room says whether the archive takes more.
func (s *side) room() error {
	room, err := s.cold.Room()
	if err != nil {
		return err
	}
	// Without inodes no file can be made, whatever its size.
	if free := int(room.Bytes >> 20); free < s.ReserveMiB || room.Inodes <= s.ReserveInodes {
		return &FullError{s.Cold, free, s.ReserveMiB, room.Inodes, s.ReserveInodes}
	}
	return nil
}
