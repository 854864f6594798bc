// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

// Package peer answers what another node of a tier asks: how far this one is
// with the days; one question a run.
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
	said, problem := find(ctx, config, line)
	said.Protocol = model.Newest
	if problem != nil {
		said = tier.Answer{Protocol: model.Newest, Error: problem.Error()}
	}
	return errors.Join(json.NewEncoder(out).Encode(said), problem)
}

func find(ctx context.Context, config mover.Config, line []byte) (said tier.Answer, err error) {
	request, err := tier.ReadRequest(line, model.Oldest)
	if err != nil {
		return said, err
	}
	if request.Ask != tier.AskReport {
		return said, fmt.Errorf("this agent, of protocol %d, does not know the question %q: terraform apply brings both up to date", model.Newest, request.Ask)
	}
	report, err := mover.Report(ctx, config, request.Days)
	said.Report = &report
	return said, err
}
