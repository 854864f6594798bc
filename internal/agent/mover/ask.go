// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package mover

import (
	"context"
	"errors"
	"fmt"

	"github.com/atollhq/terraform-provider-atoll/internal/model/tier"
)

// told is what the nodes said of each day.
type told func(day string) []Peer

var errNotAsked = errors.New("it was not asked yet")

func notAsked(nodes []Node) told {
	return func(string) []Peer {
		var peers []Peer
		for _, node := range nodes {
			peers = append(peers, Peer{Name: node.Name(), Err: errNotAsked})
		}
		return peers
	}
}

func (m *Mover) ask(ctx context.Context, days []tier.Day) told {
	paths := make([]string, len(days))
	for i, day := range days {
		paths[i] = day.Path
	}
	reports, problems := make([]tier.Report, len(m.Nodes)), make([]error, len(m.Nodes))
	for i, node := range m.Nodes {
		reports[i], problems[i] = node.Report(ctx, paths)
		if problems[i] == nil && reports[i].Tier != m.Config.Tier {
			problems[i] = fmt.Errorf("it told of the tier %q", reports[i].Tier)
		}
	}
	return func(day string) []Peer {
		var peers []Peer
		for i, node := range m.Nodes {
			report, told := reports[i].Days[day]
			err := problems[i]
			if err == nil && !told {
				err = errors.New("it told nothing of this day")
			}
			peers = append(peers, Peer{Name: node.Name(), Day: report, Err: err})
		}
		return peers
	}
}
