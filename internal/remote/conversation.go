// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package remote

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"sync"
)

// shell is one sh on the host that reads requests one after the other. Any
// number may be written before the first is answered.
type shell struct {
	session *session
	// marker ends each answer on both streams, and the noise before the first.
	marker string
	// more wakes the writer.
	more chan struct{}

	mu      sync.Mutex
	queue   []*question
	pending []byte
	// leaving: no more is asked, and the shell ends when it has answered.
	leaving bool
	ended   bool
}

// question is one request on its way.
type question struct {
	result Result
	err    error
	// shell is how the shell ended, where it did not answer.
	shell ran
	done  chan struct{}
}

// ask puts one request into the queue.
func (s *shell) ask(script string) (*question, error) {
	asked := &question{done: make(chan struct{})}
	// eval keeps an exit inside of the subshell, and the script from our input.
	text := fmt.Sprintf("( eval %s ) </dev/null; printf '\\n%s %%d\\n' $? && printf '\\n%s\\n' >&2 || exit\n", Quote(script), s.marker, s.marker)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended || s.leaving {
		return nil, errNotStarted
	}
	s.queue = append(s.queue, asked)
	s.pending = append(s.pending, text...)
	s.wake()
	return asked, nil
}

// leave lets the shell end after what it was asked.
func (s *shell) leave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.leaving = true
	s.wake()
}

func (s *shell) wake() {
	select {
	case s.more <- struct{}{}:
	default:
	}
}

// write sends what is asked, so that nobody who asks waits for a slow line.
func (s *shell) write() {
	for {
		s.mu.Lock()
		text, leaving, ended := s.pending, s.leaving, s.ended
		s.pending = nil
		s.mu.Unlock()
		switch {
		case ended:
			return
		case len(text) > 0:
			if _, err := s.session.Write(text); err != nil {
				_ = s.session.Close()
				return
			}
		case leaving:
			_ = s.session.CloseWrite()
			return
		default:
			<-s.more
		}
	}
}

// serve reads answers until the shell ends.
func (s *shell) serve(slot *shellSlot) {
	var last ran
	exited := make(chan struct{})
	go func() {
		defer close(exited)
		last.code, last.ended = exitCode(s.session.requests)
	}()
	stdout, stderr := bufio.NewReaderSize(s.session, 1<<16), bufio.NewReader(s.session.Stderr())
	errOut, ahead := make(chan []byte), make(chan struct{})
	go func() {
		defer close(ahead)
		defer close(errOut)
		for {
			text, _, err := until(stderr, s.marker)
			if err != nil {
				last.stderr = text
				return
			}
			errOut <- text
		}
	}()
	began := false
	for {
		output, code, err := until(stdout, s.marker)
		if err != nil {
			last.stdout = output
			break
		}
		complaints, ok := <-errOut
		if !ok {
			break
		}
		if began {
			s.answer(Result{Stdout: output, Stderr: complaints, ExitCode: code})
		}
		began = true // what came before was the login shell's
	}
	slot.drop(s)
	s.session.end()
	for range errOut {
	}
	<-ahead
	<-exited
	s.end(began, last)
}

// answer gives the oldest question its result.
func (s *shell) answer(result Result) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.queue) == 0 {
		return
	}
	first := s.queue[0]
	s.queue = s.queue[1:]
	first.result = result
	close(first.done)
}

// end fails what is left: the first was running, the others had not begun.
func (s *shell) end(began bool, last ran) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = true
	s.wake()
	for i, asked := range s.queue {
		asked.shell = last
		switch {
		case !began:
			asked.err = errNoShell
		case i == 0:
			asked.err = errShellEnded
		default:
			asked.err = errNotStarted
		}
		close(asked.done)
	}
	s.queue = nil
}

// until reads one answer: everything up to a line of the marker, and the number
// behind the marker where there is one. On an error it gives what came.
func until(reader *bufio.Reader, marker string) (text []byte, code int, err error) {
	var all bytes.Buffer
	for {
		line, err := reader.ReadSlice('\n')
		if errors.Is(err, bufio.ErrBufferFull) {
			all.Write(line)
			continue
		}
		if err != nil {
			all.Write(line)
			return all.Bytes(), 0, err
		}
		if rest, found := bytes.CutPrefix(line, []byte(marker)); found && bytes.HasSuffix(all.Bytes(), []byte("\n")) {
			code, _ = strconv.Atoi(string(bytes.TrimSpace(rest)))
			// The line break before the marker is ours.
			return bytes.TrimSuffix(all.Bytes(), []byte("\n")), code, nil
		}
		all.Write(line)
	}
}
