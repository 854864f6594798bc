// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package mysqld

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
	"github.com/atollhq/terraform-provider-atoll/internal/provision"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/mysqlroot"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// persisted finds what somebody persisted on the server: over the file, for the next
// start alone, or beside it. What settings cannot hold is left alone: it is the
// cluster's, or a component's that others installed.
func (c Config) persisted(s Status) []provision.Finding {
	var findings []provision.Finding
	find := func(name string, code converge.Code, text string, values ...any) {
		findings = append(findings, provision.Finding{
			Line: converge.Line{Subject: "variable " + name, Code: code, Text: fmt.Sprintf(text, values...)},
			Mend: Set{c.Endpoint()},
		})
	}
	for _, setting := range c.postponed(s) {
		name := variableName(setting)
		find(name, converge.CodeValue, "is %s at the next start, want %s", s.Persisted[name], setting.Value)
	}
	for _, name := range c.byHand(s) {
		find(name, converge.CodeUndeclared, "%s was persisted by hand", s.Persisted[name])
	}
	return findings
}

// postponed are the settings that the server runs with, and that were persisted
// otherwise.
func (c Config) postponed(s Status) []Setting {
	differing := c.differing(s)
	var list []Setting
	for _, setting := range c.Settings() {
		name := variableName(setting)
		later, persisted := s.Persisted[name]
		if persisted && name != startOnBoot && !same(name, setting.Value, later) && !slices.Contains(differing, setting) {
			list = append(list, setting)
		}
	}
	return list
}

// byHand are the variables that were persisted and that settings could hold, and do not.
func (c Config) byHand(s Status) []string {
	declared := c.declares()
	var names []string
	for _, name := range slices.Sorted(maps.Keys(s.Persisted)) {
		if settable(name) && !declared[name] && !strings.HasPrefix(name, "group_replication_") {
			names = append(names, name)
		}
	}
	return names
}

// TakenBack says what an apply takes back of what was persisted, or set since the start,
// on a server whose data it adopts, a line each. A server that does not run is not asked.
func (c Config) TakenBack(ctx context.Context, host remote.Host, facts Facts) ([]string, error) {
	if !facts.adopts() {
		return nil, nil
	}
	status, err := c.ask(ctx, host)
	var lines []string
	for _, name := range c.byHand(status) {
		lines = append(lines, fmt.Sprintf("%s = %q", name, status.Persisted[name]))
	}
	for _, name := range c.strays(status) {
		lines = append(lines, fmt.Sprintf("%s = %q", name, status.Beside[name].Is))
	}
	return lines, err
}

// takeBack lets the server forget what was persisted, and brings what runs of it to what
// the next start then has, as everything else that nobody declares.
func (c Config) takeBack(s Status) []string {
	var statements []string
	for _, name := range c.byHand(s) {
		statements = append(statements, "RESET PERSIST IF EXISTS "+mysqlroot.Identifier(name))
		statements = append(statements, s.asNext(name)...)
	}
	for _, name := range c.strays(s) {
		statements = append(statements, s.asNext(name)...)
	}
	return statements
}
