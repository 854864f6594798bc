// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package unison

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"time"

	"github.com/atollhq/terraform-provider-atoll/internal/agent"
	"github.com/atollhq/terraform-provider-atoll/internal/model/tier"
)

// Sync is the side of a pair that dials.
var Sync = agent.Role{
	Name:    "sync",
	Summary: "keep this node's tree in step with another node's (--config FILE)",
	Run: func(ctx context.Context, args []string, streams agent.Streams) error {
		pair, err := readPair("sync", args)
		if err != nil {
			return err
		}
		held, err := takeOver(ctx, pair)
		if err != nil {
			return err
		}
		defer func() { _ = held.Close() }()
		return (&syncer{pair: pair, program: program, log: streams.Err, beat: agent.NewBeat()}).run(ctx)
	},
}

// The pauses between two attempts.
const (
	firstPause, longestPause = time.Second, 10 * time.Second
	patienceAtStop           = 20 * time.Second
)

// syncer runs one unison after another.
type syncer struct {
	pair tier.Pair
	// program is unison's.
	program string
	log     io.Writer
	// told is the status as it was written last.
	mu   sync.Mutex
	told tier.PairStatus
	// stands is why nothing is carried, whatever unison told last, and stood since when; ""
	// for no reason.
	stands string
	stood  time.Time
	// probe measures how long a file is on its way.
	probe *prober
	// beat shows that this goes on: between two unisons, and beside one that runs as
	// long as what it says is taken, the tree answers and it does not stand still.
	beat *agent.Beat
}

// run ends when it is told to, or where only a new unit helps: a tree that was
// not mounted when the unit started is not seen in it.
func (s *syncer) run(ctx context.Context) error {
	s.told = s.remembered()
	s.probe = newProber(s.pair, s.told.Probe)
	probing, stop := context.WithCancel(ctx)
	var group sync.WaitGroup
	group.Go(func() {
		s.probe.run(probing, func() bool { return s.status().Stage == tier.Watching }, s.tellProbe, s.say)
	})
	defer group.Wait()
	defer stop()
	patience, forget := firstPause, false
	for {
		s.beat.Tell()
		if err := there(s.pair); err != nil {
			s.tell(tier.PairStatus{Stage: tier.Waiting, Since: time.Now().UTC(), InStep: s.told.InStep, Read: s.told.Read, Error: err.Error()})
			return err
		}
		began := time.Now()
		journal, err := s.next(ctx, forget)
		switch {
		case ctx.Err() != nil:
			return s.end()
		case err == nil:
			forget = false
			continue
		}
		forget = journal.lostArchives()
		if forget {
			s.say("one side has lost its memory of the other: comparing both trees, nothing is deleted")
			continue
		}
		status := journal.status
		status.Stage, status.Since, status.Error = tier.Waiting, time.Now().UTC(), err.Error()
		s.tell(status)
		s.say(err.Error())
		if time.Since(began) > time.Minute {
			patience = firstPause
		}
		if !pause(ctx, patience) {
			return s.end()
		}
		patience = min(2*patience, longestPause)
	}
}

// end takes back that the trees are in step: who looks before the next process
// has met the other node must not find that.
func (s *syncer) end() error {
	status := s.status()
	status.Stage, status.Since = tier.Connecting, time.Now().UTC()
	s.tell(status)
	return nil
}

// next does what is to be done before the trees are watched, and watches them.
func (s *syncer) next(ctx context.Context, forget bool) (*journal, error) {
	if forget {
		return s.once(ctx, s.forgets())
	}
	if journal, err := s.bringBack(ctx); err != nil || ctx.Err() != nil {
		return journal, err
	}
	return s.once(ctx, s.watches())
}

// once runs one unison to its end. Without an error it ended because it was to be
// started anew.
func (s *syncer) once(ctx context.Context, turn turn) (*journal, error) {
	j := &journal{now: time.Now, began: time.Now(), changed: s.tell, moves: moves(s.pair), probe: s.probe}
	j.status = tier.PairStatus{
		Stage: tier.Connecting, Since: time.Now().UTC(), InStep: s.told.InStep, Error: s.told.Error,
		Skipped: s.told.Skipped, Failed: s.told.Failed, Moving: s.told.Moving, Read: s.told.Read, Returns: s.told.Returns,
	}
	s.tell(j.status)
	if turn.silent {
		j.changed, j.probe = func(tier.PairStatus) {}, newProber(s.pair, nil)
	}
	if err := errors.Join(tidy(s.pair), s.writeProfile(turn.lines)); err != nil {
		return j, err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	first := len(archives(s.pair)) == 0 // the one that makes them
	command := exec.CommandContext(ctx, s.program, profileName, "-ui", "text")
	command.Env, command.Dir = environment(s.pair), s.pair.State
	command.Cancel = func() error { return command.Process.Signal(os.Interrupt) }
	command.WaitDelay = patienceAtStop
	out, in := io.Pipe()
	command.Stdout, command.Stderr = in, in
	if err := command.Start(); err != nil {
		return j, fmt.Errorf("unable to start %s: %w", s.program, err)
	}
	read := make(chan struct{})
	go func() { defer close(read); j.read(out) }()
	stale := make(chan struct{})
	go s.restart(ctx, cancel, command.Process.Pid, stale, turn, first)
	err := command.Wait()
	_ = in.Close()
	<-read
	select {
	case <-stale:
		return j, nil
	default:
	}
	var exit *exec.ExitError
	if turn.ends && (err == nil || errors.As(err, &exit) && exit.ExitCode() < fatalCode) {
		return j, nil // the trees were compared once
	}
	return j, errors.New(j.failure(err))
}

// moves says which paths are those of days that move to the archive.
func moves(pair tier.Pair) func(string) bool {
	layout, err := tier.ParseLayout(pair.Layout)
	if err != nil {
		return nil
	}
	return func(path string) bool { _, is := layout.Day(path); return is }
}

// fatalCode is unison's exit code where it could not begin; lower ones say that
// paths were skipped or failed.
const fatalCode = 3

// restart ends unison when the trees are to be read again, in a moment in which it
// carries nothing, and at once when the tree goes. The first one ends when it has
// made its archives: as long as a unison lives that found none when it started, it
// writes them twice in each run (foundArchives in its uitext.ml), which takes six
// round trips more.
func (s *syncer) restart(ctx context.Context, end func(), process int, stale chan<- struct{}, turn turn, first bool) {
	began := time.Now()
	var firstRead time.Duration
	var still still
	defer s.stand("")
	for {
		if !pause(ctx, time.Second) {
			return
		}
		if there(s.pair) != nil {
			close(stale)
			end()
			return
		}
		status := s.status()
		stands := still.look(time.Now(), status, stoppedBelow("/proc", process, processes), s.probe.start(), s.probe.name())
		if s.stand(stands); stands != "" {
			continue // without a beat the watchdog ends this process, and all of unison with it
		}
		s.beat.Tell()
		if turn.ends || !rests(status) {
			continue
		}
		if firstRead == 0 {
			firstRead = time.Since(began)
			s.begin(status)
		}
		if time.Since(began) > due(status, firstRead, first, asked(s.pair, status.Read)) {
			close(stale)
			end()
			return
		}
	}
}
