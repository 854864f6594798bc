// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package mover

import (
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"strings"
	"time"

	"github.com/atollhq/terraform-provider-atoll/internal/agent"
	"github.com/atollhq/terraform-provider-atoll/internal/agent/tree"
	"github.com/atollhq/terraform-provider-atoll/internal/model/tier"
)

// Config is the file that the mover is started with.
type Config struct {
	// Tier is the tier's name. Both trees carry it, too, so that a tree that is
	// not mounted, or belongs to another tier, is told from an empty one.
	Tier string `json:"tier"`
	// Hot and Cold are absolute paths, without a link on the way.
	Hot  string `json:"hot"`
	Cold string `json:"cold"`
	// Layout names days, as in %Y/%m/%d.
	Layout  string `json:"layout"`
	HotDays int    `json:"hot_days"`
	// Quiet and Grace are in seconds.
	Quiet int64 `json:"quiet"`
	Grace int64 `json:"grace"`
	// What must stay free in the archive.
	ReserveBytes  uint64 `json:"reserve_bytes"`
	ReserveInodes uint64 `json:"reserve_inodes"`
	// Node is this node's name, under which it tells the others how far it is; ""
	// where it tells nobody.
	Node string `json:"node,omitempty"`
	// Nodes are the other nodes of the tier. One without a command is known by what
	// it says in the archive.
	Nodes []CommandNode `json:"nodes"`
	// Pairs are the files in which those tell how they are that keep the hot tree in
	// step with other nodes, and read it.
	Pairs []string `json:"pairs,omitempty"`
}

// ParseConfig reads a configuration.
func ParseConfig(text []byte) (Config, error) {
	var config Config
	if err := agent.DecodeConfig("mover", text, &config); err != nil {
		return config, err
	}
	return config, config.check()
}

func (c Config) check() error {
	_, err := tier.ParseLayout(c.Layout)
	problems := []error{err}
	for name, path := range map[string]string{"hot": c.Hot, "cold": c.Cold} {
		problems = append(problems, agent.CheckPath(name, path))
	}
	if within(c.Hot, c.Cold) || within(c.Cold, c.Hot) {
		problems = append(problems, fmt.Errorf("hot is %q and cold is %q: one lies in the other", c.Hot, c.Cold))
	}
	if c.Tier == "" || c.HotDays < 0 || c.Quiet < 0 || c.Grace < 0 || c.Quiet > math.MaxInt32 || c.Grace > math.MaxInt32 {
		problems = append(problems, fmt.Errorf("a tier needs a name, and hot_days, quiet and grace that are not negative"))
	}
	names := map[string]bool{}
	for _, node := range c.Nodes {
		if node.NodeName == "" || node.NodeName != filepath.Base(node.NodeName) || names[node.NodeName] || node.NodeName == c.Node {
			problems = append(problems, fmt.Errorf("the node %q needs a name of its own", node.NodeName))
		}
		names[node.NodeName] = true
	}
	return errors.Join(problems...)
}

// others are the other nodes, as they are asked.
func (c Config) others() []Node {
	var nodes []Node
	for _, node := range c.Nodes {
		if len(node.Command) > 0 {
			nodes = append(nodes, node)
		} else {
			nodes = append(nodes, stated{c, node.NodeName})
		}
	}
	return nodes
}

// New makes the mover of a configuration.
func New(config Config) *Mover { return &Mover{Config: config, Nodes: config.others()} }

func within(path, other string) bool {
	return path == other || strings.HasPrefix(path, other+"/")
}

func (c Config) policy() Policy {
	return Policy{
		HotDays: c.HotDays, Quiet: time.Duration(c.Quiet) * time.Second, Grace: time.Duration(c.Grace) * time.Second,
		Reserve: tree.Room{Bytes: c.ReserveBytes, Inodes: c.ReserveInodes},
	}
}

// linkText is what a day's link says: the way from the day's place in the hot
// tree to its place in the archive. It is relative, so that the trees can be
// mounted elsewhere together, and the same on all nodes with the same paths.
func (c Config) linkText(day string) (string, error) {
	return filepath.Rel(filepath.Dir(filepath.Join(c.Hot, day)), filepath.Join(c.Cold, day))
}
