// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package archive

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/atollhq/terraform-provider-atoll/internal/agent/tree"
	protocol "github.com/atollhq/terraform-provider-atoll/internal/model/agent"
	"github.com/atollhq/terraform-provider-atoll/internal/model/tier"
)

// A file that rotted on one node is as it was on another one, more often than not.
// The scrub of a node tells what it found. The node that dials asks for its own
// files, and brings the other one's: whole files, each known by the hash of its
// content. They lie in the workshop until the next scrub, which alone may put one
// in the place of another.

// lender is the node that is dialled.
type lender interface {
	Rotten(ctx context.Context) ([]tier.Rotten, error)
	Fetch(ctx context.Context, file tier.Rotten) (io.ReadCloser, error)
	Give(ctx context.Context, file tier.Rotten, content io.Reader) error
}

// answerPatience is how long an answer may take: a large file is read before.
const answerPatience = time.Hour

// node is the other node, as it is spoken with.
func (s *side) node() dialled {
	command := strings.Fields(strings.Join(slices.Concat(s.SSH, []string{s.Remote, tier.Converse}), " "))
	return dialled{command, answerPatience}
}

// lend gets what rotted here, and brings what rotted there.
func (s *side) lend(ctx context.Context, node lender, log io.Writer) {
	if s.Scrub == "" || ctx.Err() != nil {
		return
	}
	say := func(file tier.Rotten, what string, err error) {
		_, _ = fmt.Fprintf(log, "%s %s %s: %v\n", file.Path, what, s.Peer, err)
	}
	here, err := s.rotten()
	if err != nil {
		_, _ = fmt.Fprintln(log, err)
	}
	for _, file := range here {
		if file.Content == "" || ctx.Err() != nil {
			continue
		}
		content, err := node.Fetch(ctx, file)
		if err == nil {
			err = errors.Join(s.keep(file, content), content.Close())
		}
		if err != nil {
			say(file, "rotted here, and is not to be had from", err)
		}
	}
	there, err := node.Rotten(ctx)
	if err != nil {
		_, _ = fmt.Fprintf(log, "unable to ask %s what rotted there: %v\n", s.Peer, err)
	}
	for _, file := range there {
		content, err := s.good(file.Path, file.Content)
		if err == nil {
			err = errors.Join(node.Give(ctx, file, content), content.Close())
		}
		if err != nil && ctx.Err() == nil {
			say(file, "cannot be lent to", err)
		}
	}
}

// rotten are the files of this node's archive that its scrub could not mend.
func (s *side) rotten() ([]tier.Rotten, error) {
	if s.Scrub == "" {
		return nil, nil
	}
	var status tier.ScrubStatus
	text, err := os.ReadFile(s.Scrub)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err == nil {
		err = json.Unmarshal(text, &status)
	}
	if err != nil {
		return nil, fmt.Errorf("unable to read what rotted here: %w", err)
	}
	return status.Rotten, nil
}

// good opens a file of the archive that has a certain content. Whoever asks may know
// of no other file but by its content: what is the tier's own is no file of it.
func (s *side) good(quoted, content string) (*os.File, error) {
	name, err := tier.UnquotePath(quoted)
	if err != nil {
		return nil, err
	}
	if !filepath.IsLocal(name) || path.Clean(name) != name {
		return nil, fmt.Errorf("%q is no path below an archive", name)
	}
	switch first, _, _ := strings.Cut(name, "/"); first {
	case tier.Private, tier.Workshop, tier.Statements:
		return nil, fmt.Errorf("%q is the tier's own", name)
	}
	opened, err := s.cold.Read(name)
	if err != nil {
		return nil, err
	}
	file, is := opened.(*os.File)
	if !is {
		return nil, errors.Join(fmt.Errorf("%q is no file", name), opened.Close())
	}
	hash, err := tree.Hash(file)
	if err == nil && hash != content {
		err = tree.ErrNotTheSame
	}
	if err == nil {
		_, err = file.Seek(0, io.SeekStart)
	}
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return file, nil
}

// keep takes a file that was lent into the workshop, when it is whole and what it is
// to be.
func (s *side) keep(file tier.Rotten, content io.Reader) error {
	if err := s.room(); err != nil {
		return err
	}
	workshop, err := s.cold.Private(tier.Workshop)
	if err != nil {
		return err
	}
	defer workshop.Close()
	incoming, err := workshop.MakeOrOpen(s.incoming())
	if err != nil {
		return err
	}
	defer incoming.Close()
	lent, err := workshop.MakeOrOpen(tier.Lent)
	if err != nil {
		return err
	}
	defer lent.Close()
	const name = "lent"
	to, err := incoming.Create(name)
	if err != nil {
		return err
	}
	hash, err := tree.Hash(io.TeeReader(io.LimitReader(content, file.Size+1), to))
	err = errors.Join(err, to.Sync(), to.Close())
	if err == nil && hash != file.Content {
		err = tree.ErrNotTheSame
	}
	if err == nil {
		err = incoming.Rename(name, lent, tier.LentFile(hash, s.Peer))
	}
	if errors.Is(err, unix.EEXIST) {
		err = nil // it waits already
	}
	return err
}

// longestQuestion is how long a question may be: a path has three letters a byte.
const longestQuestion = 64 << 10

// converse answers one question of the node that dials.
func (s *side) converse(ctx context.Context, in io.Reader, out io.Writer) error {
	line, err := readLine(in, longestQuestion)
	if err != nil {
		return err
	}
	content, said, problem := s.answer(ctx, []byte(line), in)
	if said.Protocol = protocol.Newest; problem != nil {
		said = tier.Answer{Protocol: protocol.Newest, Error: problem.Error()}
	}
	if err := json.NewEncoder(out).Encode(said); err != nil || content == nil {
		return errors.Join(err, problem)
	}
	_, err = io.Copy(out, content)
	return errors.Join(err, content.Close())
}

func (s *side) answer(ctx context.Context, line []byte, in io.Reader) (content *os.File, said tier.Answer, err error) {
	request, err := tier.ReadRequest(line, protocol.Oldest)
	if err != nil {
		return nil, said, err
	}
	switch request.Ask {
	case tier.AskRotten:
		said.Rotten, err = s.rotten()
		return nil, said, err
	case tier.AskFetch:
		content, err = s.good(request.Path, request.Content)
		said.Follows = true
		return content, said, err
	case tier.AskGive:
		return nil, said, s.take(request, in)
	case tier.AskOutline:
		said.Outline, err = s.tellOutline(ctx, request)
		return nil, said, err
	}
	return nil, said, fmt.Errorf("this agent, of protocol %d, does not know the question %q: terraform apply brings both up to date", protocol.Newest, request.Ask)
}

// take takes a file that this node wants, and no other.
func (s *side) take(request tier.Request, content io.Reader) error {
	rotten, err := s.rotten()
	if err != nil {
		return err
	}
	for _, file := range rotten {
		if file.Content != "" && file.Content == request.Content {
			if err := s.prepare(); err != nil {
				return err
			}
			defer s.leave(nil)
			return s.keep(file, content)
		}
	}
	return fmt.Errorf("%.200q is not wanted here", request.Path)
}
