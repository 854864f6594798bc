// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package archive

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/atollhq/terraform-provider-atoll/internal/agent"
	"github.com/atollhq/terraform-provider-atoll/internal/model/tier"
)

// Serve is the side that is dialled.
var Serve = agent.Role{
	Name:    "archive-serve",
	Summary: "let another node keep this one's archive in step (started by systemd: --config FILE)",
	Run: func(ctx context.Context, args []string, streams agent.Streams) error {
		config, err := readConfig("archive-serve", args)
		if err != nil {
			return err
		}
		line, err := readLine(streams.In, longest)
		if err != nil {
			return err
		}
		return serve(ctx, config, line, streams)
	},
}

// longest is how long what the other side asks for may be.
const longest = 4096

// readLine reads a line and nothing after it, which is rsync's, or a file.
func readLine(from io.Reader, most int) (string, error) {
	var line []byte
	for one := make([]byte, 1); len(line) < most; {
		if _, err := io.ReadFull(from, one); err != nil {
			return "", fmt.Errorf("unable to read what the other node asks for: %w", err)
		}
		if one[0] == '\n' {
			return string(line), nil
		}
		line = append(line, one[0])
	}
	return "", errors.New("unable to read what the other node asks for: it is too long")
}

// linger is how long a run is waited for of which the other side is gone: rsync
// itself takes a line for cut after so long.
const linger = (silence + 10) * time.Second

func serve(ctx context.Context, config tier.Archive, line string, streams agent.Streams) error {
	waits, cancel := context.WithTimeout(ctx, linger)
	s, err := await(waits, config)
	cancel()
	if err != nil {
		return err
	}
	defer s.end()
	if line == tier.Converse {
		return s.converse(ctx, streams.In, streams.Out)
	}
	words, receives, err := s.asked(line)
	if err != nil {
		return err
	}
	if receives {
		if err := s.prepare(); err != nil {
			return err
		}
		defer s.leave(words)
	}
	in, _ := streams.In.(*os.File)
	err = s.run(ctx, words, receives, in, streams.Out, streams.Err)
	if receives && !s.statements {
		return errors.Join(err, s.note(err))
	}
	return err
}

// note tells that this side is full, or no longer is. Whatever else ends a run, the
// side that dials tells.
func (s *side) note(err error) error {
	status := tier.PairStatus{Dialled: true, Stage: tier.Resting, Since: time.Now().UTC()}
	var full *FullError
	if errors.As(err, &full) {
		status.Stage, status.Error = tier.Waiting, full.Error()
	}
	return write(s.Archive, status)
}
