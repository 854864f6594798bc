// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package acceptance

import (
	"encoding/json"
	"time"

	"github.com/atollhq/terraform-provider-atoll/internal/model/tier"
)

// tierStatus is what an atoll_file_tier_status says.
type tierStatus struct {
	Healthy  bool
	Problems []string
	Pairs    []pairStatus
	Archives []struct {
		Dials, Serves, Problem string
		Told                   bool
	}
	Nodes map[string]struct {
		Asked bool
		Tree  bool   `json:"tree_there"`
		Free  int64  `json:"free_mib"`
		Files *int64 `json:"files"`
		Days  *int64 `json:"days"`
		// Archive is what is told of that of the node.
		Archive *struct {
			Free               int64 `json:"free_mib"`
			Files, Bytes, Days *int64
			Whole              *bool
		}
		Mover *struct {
			Problem  string
			Archived int
			Waiting  []tier.WaitingDay
		}
		Scrub *struct {
			Files  int
			Rotten []tier.Left
			Mended []struct{ Path, From, Kept string }
			Gone   []struct{ Path, At string }
		}
	}
}

type pairStatus struct {
	Dials, State string
	InStep       bool `json:"in_step"`
	Behind       *int64
	Backlog      *int64
	Lag          *float64
	Skipped      []tier.Left
}

// measured says whether all is carried, and how long the probe was on its way.
func (p pairStatus) measured() bool {
	return p.InStep && p.Backlog != nil && *p.Backlog == 0 && p.Lag != nil && *p.Lag > 0
}

// look asks for the status, by what may only read.
func (f *tree) look() tierStatus { return f.lookAt("status") }

func (f *tree) lookAt(output string) tierStatus {
	f.Helper()
	f.must(f.looks.Apply(f.Context()))
	var found tierStatus
	f.must(f.looks.Output(f.Context(), output, &found))
	return found
}

// pair is what app2 or sg1 tells of its pair with app1.
func (f *tree) pair(host string) tier.PairStatus {
	f.Helper()
	var status tier.PairStatus
	f.must(json.Unmarshal([]byte(f.on(host, "cat /var/lib/atoll/tier/files/pairs/app1/status.json")), &status))
	return status
}

// watching waits until both pairs are in step.
func (f *tree) watching() {
	f.Helper()
	for _, host := range f.nodes {
		if host != "app1" {
			f.eventually(host+" is in step", time.Minute, func() bool { return f.pair(host).Stage == tier.Watching })
		}
	}
}
