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
type Config tier.Mover

// ParseConfig reads a configuration.
func ParseConfig(text []byte) (Config, error) {
	var config Config
	if err := agent.DecodeConfig("mover", text, &config); err != nil {
		return config, err
	}
	return config, config.check()
}

// checkArchive looks at what an archive needs, also that of a node without a hot tree.
func (c Config) checkArchive() error {
	_, err := tier.ParseLayout(c.Layout)
	problems := []error{err, agent.CheckPath("cold", c.Cold)}
	if c.Tier == "" {
		problems = append(problems, errors.New("a tier needs a name"))
	}
	return errors.Join(problems...)
}

func (c Config) check() error {
	problems := []error{c.checkArchive(), agent.CheckPath("hot", c.Hot)}
	if within(c.Hot, c.Cold) || within(c.Cold, c.Hot) {
		problems = append(problems, fmt.Errorf("hot is %q and cold is %q: one lies in the other", c.Hot, c.Cold))
	}
	if c.HotDays < 0 || c.Quiet < 0 || c.Grace < 0 || c.Quiet > math.MaxInt32 || c.Grace > math.MaxInt32 {
		problems = append(problems, errors.New("a tier needs hot_days, quiet and grace that are not negative"))
	}
	names := map[string]bool{}
	for _, node := range c.Nodes {
		if node.Name == "" || node.Name != filepath.Base(node.Name) || names[node.Name] || node.Name == c.Node {
			problems = append(problems, fmt.Errorf("the node %q needs a name of its own", node.Name))
		}
		names[node.Name] = true
	}
	return errors.Join(problems...)
}

// others are the other nodes, as they are heard.
func (c Config) others() []Node {
	var nodes []Node
	for _, node := range c.Nodes {
		nodes = append(nodes, stated{c, node.Name})
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

// linkText is what a day's link says.
func (c Config) linkText(day string) (string, error) { return tier.LinkText(c.Hot, c.Cold, day) }
