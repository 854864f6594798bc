// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

// Package peer answers what another node of a tier asks: how far this one is
// with the days, and files of its archive. It is what the key that the nodes
// have for one another may start, and nothing else; one question a run.
package peer

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"

	"github.com/atollhq/terraform-provider-atoll/internal/agent"
	"github.com/atollhq/terraform-provider-atoll/internal/agent/mover"
	"github.com/atollhq/terraform-provider-atoll/internal/agent/scrub"
	model "github.com/atollhq/terraform-provider-atoll/internal/model/agent"
	"github.com/atollhq/terraform-provider-atoll/internal/model/tier"
)

// Role answers one question.
var Role = agent.Role{
	Name:    "peer",
	Summary: "answer a question of another node of a tier (--config FILE)",
	Run:     role,
}

// longest is how long a question may be: some hundred years of days.
const longest = 1 << 20

func role(ctx context.Context, args []string, streams agent.Streams) error {
	var file string
	err := agent.Flags("peer", args, func(set *flag.FlagSet) { set.StringVar(&file, "config", "", "") })
	if err != nil {
		return err
	}
	text, err := agent.ReadConfig("peer", file)
	if err != nil {
		return err
	}
	config, err := mover.ParseConfig(text)
	if err != nil {
		return err
	}
	line, err := bufio.NewReader(io.LimitReader(streams.In, longest)).ReadBytes('\n')
	if err != nil {
		return fmt.Errorf("unable to read the question: %w", err)
	}
	return answer(ctx, config, line, streams.Out)
}

func answer(ctx context.Context, config mover.Config, line []byte, out io.Writer) error {
	content, said, problem := find(ctx, config, line)
	said.Protocol = model.Newest
	if problem != nil {
		said = tier.Answer{Protocol: model.Newest, Error: problem.Error()}
	}
	if err := json.NewEncoder(out).Encode(said); err != nil || content == nil {
		return errors.Join(err, problem)
	}
	_, err := io.Copy(out, content)
	return errors.Join(err, content.Close())
}

func find(ctx context.Context, config mover.Config, line []byte) (content io.ReadCloser, said tier.Answer, err error) {
	var request tier.Request
	if err := json.Unmarshal(line, &request); err != nil {
		return nil, said, fmt.Errorf("the question %.80q cannot be read: %w", line, err)
	}
	if request.Protocol < model.Oldest {
		return nil, said, fmt.Errorf("the question is of protocol %d, and %d is the oldest that this agent knows: terraform apply brings both up to date", request.Protocol, model.Oldest)
	}
	switch request.Ask {
	case tier.AskReport:
		report, err := mover.Report(ctx, config, request.Days)
		said.Report = &report
		return nil, said, err
	case tier.AskFetch:
		path, err := tier.UnquotePath(request.Path)
		if err != nil {
			return nil, said, err
		}
		content, err := scrub.Fetch(config, request.Day, path)
		said.Follows = true
		return content, said, err
	}
	return nil, said, fmt.Errorf("this agent, of protocol %d, does not know the question %q: terraform apply brings both up to date", model.Newest, request.Ask)
}
