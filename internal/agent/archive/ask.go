// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package archive

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"github.com/atollhq/terraform-provider-atoll/internal/model/agent"
	"github.com/atollhq/terraform-provider-atoll/internal/model/tier"
)

// dialled is the other node, asked through a command that reaches its agent: ssh,
// with a key that may do nothing else.
type dialled struct {
	command []string
	// patience is how long an answer may take.
	patience time.Duration
}

// Rotten asks for the files that the node wants to have again.
func (n dialled) Rotten(ctx context.Context) ([]tier.Rotten, error) {
	call, err := n.call(ctx, tier.Request{Ask: tier.AskRotten}, nil)
	if err != nil {
		return nil, err
	}
	return call.answer.Rotten, call.finish()
}

// Fetch opens a file of the node's archive, which has a certain content. Whether all
// of it came is known when it was read to its end.
func (n dialled) Fetch(ctx context.Context, file tier.Rotten) (io.ReadCloser, error) {
	call, err := n.call(ctx, tier.Request{Ask: tier.AskFetch, Path: file.Path, Content: file.Content}, nil)
	if err != nil {
		return nil, err
	}
	if !call.answer.Follows {
		return nil, errors.Join(errors.New("no file follows its answer"), call.Close())
	}
	return call, nil
}

// Give brings the node a file that it wants.
func (n dialled) Give(ctx context.Context, file tier.Rotten, content io.Reader) error {
	call, err := n.call(ctx, tier.Request{Ask: tier.AskGive, Path: file.Path, Content: file.Content}, content)
	if err != nil {
		return err
	}
	return call.finish()
}

// lastWords keeps the end of what a command says.
type lastWords struct{ text []byte }

func (l *lastWords) Write(text []byte) (int, error) {
	l.text = append(l.text, text...)
	l.text = l.text[max(0, len(l.text)-4096):]
	return len(text), nil
}

// call is a question that was answered, and what may follow.
type call struct {
	command *exec.Cmd
	cancel  context.CancelFunc
	out     *bufio.Reader
	said    *lastWords
	answer  tier.Answer
	waited  bool
	ended   error
}

// call asks; what body holds follows the question.
func (n dialled) call(ctx context.Context, request tier.Request, body io.Reader) (*call, error) {
	request.Protocol = agent.Newest
	line, err := json.Marshal(request)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	command := exec.CommandContext(ctx, n.command[0], n.command[1:]...)
	c := &call{command: command, cancel: cancel, said: &lastWords{}}
	command.Stdin, command.Stderr, command.WaitDelay = bytes.NewReader(append(line, '\n')), c.said, 5*time.Second
	if body != nil {
		command.Stdin = io.MultiReader(command.Stdin, body)
	}
	// What the command started ends with it, or its answer would be waited for.
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	command.Cancel = func() error { return syscall.Kill(-command.Process.Pid, syscall.SIGKILL) }
	pipe, err := command.StdoutPipe()
	if err == nil {
		err = command.Start()
	}
	if err != nil {
		cancel()
		return nil, fmt.Errorf("unable to start %s: %w", n.command[0], err)
	}
	c.out = bufio.NewReader(pipe)
	late := time.AfterFunc(n.patience, cancel)
	err = c.hear()
	if !late.Stop() {
		err = fmt.Errorf("no answer within %s", n.patience)
	}
	if err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

// hear reads the line of the answer.
func (c *call) hear() error {
	line, err := c.out.ReadBytes('\n')
	if err != nil {
		// What the command said on its way out says more.
		return errors.Join(errors.New("it gave no whole answer"), c.wait())
	}
	if err := json.Unmarshal(line, &c.answer); err != nil {
		return fmt.Errorf("its answer %.80q cannot be read: %w", line, err)
	}
	if c.answer.Error != "" {
		return errors.New(c.answer.Error)
	}
	if c.answer.Protocol < agent.Oldest {
		return fmt.Errorf("its answer is of protocol %d, and %d is the oldest that this agent knows: terraform apply brings both up to date", c.answer.Protocol, agent.Oldest)
	}
	return nil
}

// finish sees that nothing follows and the command ended well.
func (c *call) finish() error {
	defer c.cancel()
	if n, err := io.Copy(io.Discard, c.out); err != nil || n > 0 {
		return errors.Join(fmt.Errorf("%d bytes follow its answer", n), err, c.Close())
	}
	return c.wait()
}

func (c *call) wait() error {
	if c.waited {
		return c.ended
	}
	c.waited = true
	if err := c.command.Wait(); err != nil {
		lines := strings.Split(strings.TrimSpace(string(c.said.text)), "\n")
		c.ended = fmt.Errorf("%w: %s", err, lines[len(lines)-1])
	}
	return c.ended
}

// Read reads what follows. Its end is good only where the command ended well.
func (c *call) Read(buffer []byte) (int, error) {
	n, err := c.out.Read(buffer)
	if errors.Is(err, io.EOF) {
		if ended := c.wait(); ended != nil {
			return n, ended
		}
	}
	return n, err
}

// Close ends the command.
func (c *call) Close() error {
	c.cancel()
	// That it was ended is no news.
	_ = c.wait()
	return nil
}
