// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package archive

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/atollhq/terraform-provider-atoll/internal/agent"
	"github.com/atollhq/terraform-provider-atoll/internal/model/tier"
)

// Dial is the side that a timer starts.
var Dial = agent.Role{
	Name:    "archive",
	Summary: "keep this node's archive in step with another node's, once (--config FILE), or carry only what nodes say of themselves (--statements)",
	Run: func(ctx context.Context, args []string, streams agent.Streams) error {
		statements := false
		config, err := readConfig("archive", args, func(set *flag.FlagSet) { set.BoolVar(&statements, "statements", false, "") })
		if err != nil {
			return err
		}
		for i, word := range config.SSH {
			config.SSH[i] = strings.ReplaceAll(word, "$CREDENTIALS_DIRECTORY", os.Getenv("CREDENTIALS_DIRECTORY"))
		}
		if statements {
			return told(ctx, config, streams.Err)
		}
		return once(ctx, config, streams.Err)
	},
}

// once makes one run, and tells how it went.
func once(ctx context.Context, config tier.Archive, log io.Writer) error {
	status := remembered(config)
	tell := func(stage tier.Stage) {
		status.Stage, status.Since = stage, time.Now().UTC()
		// A disk that is full must not end the work.
		if err := write(config, status); err != nil {
			_, _ = fmt.Fprintln(log, "unable to write the status:", err)
		}
	}
	tell(tier.Connecting)
	left, err := both(ctx, config, log, func() {
		status.Error = ""
		tell(tier.Working)
	})
	if ctx.Err() != nil {
		return ctx.Err() // told to stop: the next run does the rest
	}
	status.Failed = left
	if err != nil {
		status.Error = err.Error()
		tell(tier.Waiting)
		return err
	}
	status.Error, status.InStep = "", time.Now().UTC()
	tell(tier.Resting)
	return nil
}

// both carries what the other node has, and then what this one has, unless their outlines
// are one. Where the archive here is full, the other way is still open. At the end either
// lends the other what rotted there: that waits for nothing, and fails nothing.
func both(ctx context.Context, config tier.Archive, log io.Writer, met func()) ([]tier.Left, error) {
	s, err := await(ctx, config)
	if err != nil {
		return nil, err
	}
	defer s.end()
	if err := s.prepare(); err != nil {
		return nil, err
	}
	defer s.connect(ctx)()
	words, there, here := s.words(time.Now()), config.Remote+":./", config.Cold+"/"
	defer s.leave(words)
	same, untold := s.same(ctx, s.node())
	if untold != nil {
		_, _ = fmt.Fprintf(log, "not known whether the archive of %s is the same as this one: %v\n", config.Peer, untold)
		// The names at the top, and nothing carried: it shows that the other node answers.
		if _, err := s.carry(ctx, false, append([]string{"-dn"}, words[1:]...), there, here); err != nil {
			return nil, fmt.Errorf("unable to reach the archive of %s: %w", config.Peer, err)
		}
	}
	met()
	defer s.lend(ctx, s.node(), log)
	if same {
		return nil, nil
	}
	left, pulled := s.carry(ctx, true, words, there, here)
	var full *FullError
	if pulled != nil && len(left) == 0 && !errors.As(pulled, &full) {
		return nil, fmt.Errorf("from %s: %w", config.Peer, pulled)
	}
	more, pushed := s.carry(ctx, false, words, here, there)
	if pushed != nil {
		pushed = fmt.Errorf("to %s: %w", config.Peer, pushed)
	}
	return append(left, more...), errors.Join(pulled, pushed)
}

// told carries what nodes say of themselves, both ways, and nothing else: that takes
// as long for a large archive as for a small one. A run that is at work carries it, too.
func told(ctx context.Context, config tier.Archive, log io.Writer) error {
	s, err := begin(config)
	if errors.Is(err, errBusy) {
		_, _ = fmt.Fprintln(log, err)
		return nil
	}
	if err != nil {
		return err
	}
	defer s.end()
	if err := s.prepare(); err != nil {
		return err
	}
	s.statements = true
	defer s.connect(ctx)()
	words, there, here := s.words(time.Now()), config.Remote+":./", config.Cold+"/"
	defer s.leave(words)
	_, pulled := s.carry(ctx, true, words, there, here)
	_, pushed := s.carry(ctx, false, words, here, there)
	return errors.Join(pulled, pushed)
}

func (s *side) carry(ctx context.Context, receives bool, words []string, from, to string) ([]tier.Left, error) {
	var said head
	words = append(append([]string{}, words...), from, to)
	return s.failure(s.run(ctx, words, receives, nil, io.Discard, &said), said.Bytes())
}

// remembered is what the last run told.
func remembered(config tier.Archive) tier.PairStatus {
	var status tier.PairStatus
	text, err := os.ReadFile(filepath.Join(config.State, tier.ArchiveStatusFile))
	if err == nil {
		_ = json.Unmarshal(text, &status)
	}
	return status
}

// write puts the status in its place.
func write(config tier.Archive, status tier.PairStatus) error {
	text, err := json.Marshal(status)
	if err != nil {
		return err
	}
	return agent.WriteStatus(filepath.Join(config.State, tier.ArchiveStatusFile), text)
}
