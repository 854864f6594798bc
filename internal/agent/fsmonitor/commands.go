// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package fsmonitor

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// command does what a line of unison says.
func (s *session) command(line string) error {
	_, _ = fmt.Fprintf(s.log, "fsmonitor: %s\n", line)
	command, quoted := words(line)
	if command != "WAIT" {
		s.waiting = nil
	}
	if s.scan != nil {
		return s.scanning(command, quoted)
	}
	switch command {
	case "VERSION":
		return nil
	case "DEBUG":
		s.log = s.trace
		return nil
	case "START":
		return s.start(quoted)
	case "WAIT", "CHANGES", "RESET":
		arguments, err := unquoteAll(command, quoted, 1)
		if err != nil {
			return err
		}
		s.about(command, arguments[0])
		return nil
	}
	return fmt.Errorf("unknown command %q", command)
}

func (s *session) start(quoted []string) error {
	arguments, err := unquoteAll("START", quoted, 3)
	if err != nil {
		return err
	}
	s.scan, err = s.forest.begin(arguments[0], arguments[1], arguments[2])
	if errors.Is(err, unix.ENOENT) {
		return fmt.Errorf("%w: the tree is not there; if it is a mount point, mount it", err)
	}
	if err != nil {
		return err
	}
	s.reply("OK")
	return nil
}

// scanning are the commands between START and DONE.
func (s *session) scanning(command string, quoted []string) error {
	switch command {
	case "DIR", "LINK":
		arguments, err := unquoteAll(command, quoted, 1)
		if err != nil {
			return err
		}
		if err := s.scan.enter(arguments[0], command == "LINK"); err != nil {
			return err
		}
		s.reply("OK")
		return nil
	case "DONE":
		s.scan.end()
		s.scan = nil
		return nil
	}
	return fmt.Errorf("unknown command %q while a tree is read", command)
}

// about does what concerns all replicas with a hash.
func (s *session) about(command, hash string) {
	now := time.Now()
	switch command {
	case "WAIT":
		if !slices.Contains(s.waiting, hash) {
			s.waiting = append(s.waiting, hash)
		}
		s.answerWait(now)
	case "RESET":
		s.forest.reset(hash)
	case "CHANGES":
		for _, r := range s.forest.of(hash) {
			for _, path := range r.take(s.pace, now) {
				s.reply("RECURSIVE", path)
			}
		}
		s.forest.settle()
		s.reply("DONE")
	}
}
