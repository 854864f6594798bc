// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package node

import (
	"errors"
	"testing"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
	"github.com/atollhq/terraform-provider-atoll/internal/converge/convergetest"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/apt"
)

// Whatever a text of a host holds, no line of its files and no command comes of it.
func FuzzHostile(f *testing.F) {
	with := func(change func(*Config, string)) func(string) converge.Manifest {
		return func(text string) converge.Manifest {
			c := Config{Hostname: "hk1", TimeSync: true, SwapMiB: 64, Sysctls: map[string]string{}, InotifyWatches: 1000, Packages: []string{"bc"}}
			change(&c, text)
			return c.Manifest()
		}
	}
	all := []convergetest.Field{
		{Name: "hostname", Plain: "zqhost", Manifest: with(func(c *Config, text string) { c.Hostname = text })},
		{Name: "package", Plain: "zqpackage", Manifest: with(func(c *Config, text string) { c.Packages = []string{text} })},
		{Name: "name of a kernel setting", Plain: "vm.zqname", Manifest: with(func(c *Config, text string) { c.Sysctls = map[string]string{text: "1"} })},
		{Name: "kernel setting", Plain: "zqvalue", Manifest: with(func(c *Config, text string) { c.Sysctls = map[string]string{"vm.swappiness": text} })},
		{Name: "comment of a watcher's key", Plain: "zqwatcher", Manifest: with(func(c *Config, text string) { c.WatcherKeys = []string{"ssh-ed25519 AAAA " + text} })},
	}
	source := func(change func(*apt.Source, string)) func(string) converge.Manifest {
		return with(func(c *Config, text string) {
			s := apt.Source{Name: "lab", URIs: []string{"https://repo.example"}, Suites: []string{"trixie"}, Components: []string{"main"}}
			change(&s, text)
			c.Sources = []apt.Source{s}
		})
	}
	all = append(all,
		convergetest.Field{Name: "name of a source", Plain: "zqname", Manifest: source(func(s *apt.Source, text string) { s.Name = text })},
		convergetest.Field{Name: "URI", Plain: "https://zq.example/zq", Manifest: source(func(s *apt.Source, text string) { s.URIs = []string{text} })},
		convergetest.Field{Name: "suite", Plain: "zqsuite", Manifest: source(func(s *apt.Source, text string) { s.Suites = []string{text} })},
		convergetest.Field{Name: "component", Plain: "zqcomponent", Manifest: source(func(s *apt.Source, text string) { s.Components = []string{text} })},
		convergetest.Field{Name: "architecture", Plain: "zqarchitecture", Manifest: source(func(s *apt.Source, text string) { s.Architectures = []string{text} })},
		convergetest.Field{Name: "pinned package", Plain: "zqpackage", Manifest: source(func(s *apt.Source, text string) {
			s.Pin = &apt.Pin{Priority: 700, Packages: []string{text}}
		})},
	)
	convergetest.Seed(f, len(all))
	f.Fuzz(func(t *testing.T, number uint8, text string) {
		field := all[int(number)%len(all)]
		if field.Name == "hostname" && text == "" {
			return // left alone
		}
		field.Holds(t, text)
	})
}

// What sshd takes before a key are options, and one of them is another command.
func TestWatcherKeysHaveNoOptions(t *testing.T) {
	for _, key := range []string{`command="sh" ssh-ed25519 AAAA`, "no-pty ssh-ed25519 AAAA", " ssh-ed25519 AAAA", "ssh-ed25519", "ssh-ed25519 AAAA x\nssh-ed25519 BBBB"} {
		if err := (Config{WatcherKeys: []string{"ssh-ed25519 AAAA job", key}}).Manifest().Refusal; !errors.Is(err, converge.ErrHostile) {
			t.Errorf("%q: %v", key, err)
		}
	}
	if err := (Config{WatcherKeys: []string{"ssh-ed25519 AAAA job"}}).Manifest().Refusal; err != nil {
		t.Error(err)
	}
}
