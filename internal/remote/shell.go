// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package remote

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strconv"
	"sync"

	"golang.org/x/crypto/ssh"
)

// shellSlot holds the connection's one long-lived shell.
type shellSlot struct {
	mu   sync.Mutex
	live *shell
}

// shell is one sh on the host that reads requests one after the other. Any
// number may be written before the first is answered.
type shell struct {
	channel ssh.Channel
	// marker ends each answer on both streams. It is random, so no output can
	// be taken for it.
	marker string

	mu    sync.Mutex
	queue []*question
	ended error
}

// question is one request on its way.
type question struct {
	result Result
	err    error
	done   chan struct{}
}

// errNotStarted: the shell ended while the request still waited behind another.
var errNotStarted = errors.New("the shell ended before the command began")

// runInShell asks the shared shell, and starts one when there is none.
func (h *host) runInShell(ctx context.Context, live *connection, command Command) (Result, error) {
	for {
		worker, err := h.shell(ctx, live)
		if err != nil {
			return Result{}, err
		}
		asked, err := worker.ask(command.Script)
		if errors.Is(err, errNotStarted) {
			continue
		}
		if err != nil {
			return Result{}, live.broken(err)
		}
		select {
		case <-asked.done:
		case <-ctx.Done():
			live.shell.retire(worker, asked)
			return Result{}, ctx.Err()
		}
		if errors.Is(asked.err, errNotStarted) && ctx.Err() == nil {
			select {
			case <-live.done:
				return Result{}, live.broken(asked.err)
			default:
				continue
			}
		}
		if asked.err != nil {
			return h.shellFailure(live, asked)
		}
		return asked.result, nil
	}
}

// shellFailure tells a refusing sudo from a broken connection.
func (h *host) shellFailure(live *connection, asked *question) (Result, error) {
	refusal := Result{ExitCode: 1, Stderr: asked.result.Stderr}
	if h.target.Login() != "root" && refusedBySudo(refusal) {
		return refusal, nil
	}
	return Result{}, live.broken(asked.err)
}

// shell gives the live shell. Starting one costs no round trip of its own
// beyond the channel: the first request is on its way before sshd answers.
func (h *host) shell(ctx context.Context, live *connection) (*shell, error) {
	slot := live.shell
	slot.mu.Lock()
	defer slot.mu.Unlock()
	if slot.live != nil {
		return slot.live, nil
	}
	channel, requests, release, err := h.open(ctx, live, h.program("sh"))
	if err != nil {
		return nil, err
	}
	random := make([]byte, 16)
	_, _ = rand.Read(random) // never fails, see its documentation
	worker := &shell{channel: channel, marker: hex.EncodeToString(random)}
	if preface := h.preface(); preface != "" {
		if _, err := io.WriteString(channel, preface); err != nil {
			release()
			return nil, live.broken(errors.Join(err, channel.Close()))
		}
	}
	slot.live = worker
	go worker.serve(slot, requests, release)
	return worker, nil
}

// ask writes one request and puts it into the queue.
func (s *shell) ask(script string) (*question, error) {
	asked := &question{done: make(chan struct{})}
	// eval keeps an exit inside of the subshell, and the script from our input.
	text := fmt.Sprintf("( eval %s ) </dev/null; printf '\\n%s %%d\\n' $?; printf '\\n%s\\n' >&2\n", Quote(script), s.marker, s.marker)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended != nil {
		return nil, errNotStarted
	}
	s.queue = append(s.queue, asked)
	if _, err := io.WriteString(s.channel, text); err != nil {
		s.queue = s.queue[:len(s.queue)-1]
		return nil, fmt.Errorf("writing to the shell: %w", err)
	}
	return asked, nil
}

// serve reads answers until the shell ends.
func (s *shell) serve(slot *shellSlot, requests <-chan *ssh.Request, release func()) {
	defer release()
	go ssh.DiscardRequests(requests)
	stdout, stderr := bufio.NewReaderSize(s.channel, 1<<16), bufio.NewReader(s.channel.Stderr())
	errOut, ahead := make(chan []byte), make(chan struct{})
	var rest []byte
	go func() {
		defer close(ahead)
		defer close(errOut)
		for {
			text, _, err := until(stderr, s.marker)
			if err != nil {
				rest = text
				return
			}
			errOut <- text
		}
	}()
	for {
		output, code, err := until(stdout, s.marker)
		if err != nil {
			break
		}
		complaints, ok := <-errOut
		if !ok {
			break
		}
		s.answer(Result{Stdout: output, Stderr: complaints, ExitCode: code})
	}
	_ = s.channel.Close()
	slot.drop(s)
	for range errOut {
	}
	<-ahead
	s.end(rest)
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
func (s *shell) end(stderr []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = io.ErrUnexpectedEOF
	for i, asked := range s.queue {
		asked.err = errNotStarted
		if i == 0 {
			asked.err, asked.result = s.ended, Result{Stderr: stderr}
		}
		close(asked.done)
	}
	s.queue = nil
}

// retire puts a shell aside whose caller gave up. When its command is the one
// that runs, the shell is ended with it, so that nobody waits behind it.
func (slot *shellSlot) retire(worker *shell, abandoned *question) {
	slot.drop(worker)
	worker.mu.Lock()
	running := len(worker.queue) > 0 && worker.queue[0] == abandoned
	worker.mu.Unlock()
	if running {
		_ = worker.channel.Close()
	}
}

func (slot *shellSlot) drop(worker *shell) {
	slot.mu.Lock()
	defer slot.mu.Unlock()
	if slot.live == worker {
		slot.live = nil
	}
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
