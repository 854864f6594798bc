// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package mysqlrouter

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
	"github.com/atollhq/terraform-provider-atoll/internal/provision"
)

// Bootstrap lets a router make its configuration anew, with an account of its
// own; Router is the address that the cluster knows it by.
type Bootstrap struct{ Router string }

func (o Bootstrap) String() string { return "bootstrap the router at " + o.Router }

// Stage is its place in the order.
func (Bootstrap) Stage() int { return 0 }

// CodeBootstrap says that the router has to be bootstrapped anew.
const CodeBootstrap converge.Code = "router-bootstrap"

// Diagnose compares what a bootstrap left, and the ports, with the declaration. A
// port that is silent beside a bootstrap that is whole has nothing to mend it:
// the router needs a moment after its start, and its cluster.
func (c Config) Diagnose(s Status) []provision.Finding {
	if subject, text := c.outdated(s); text != "" {
		return []provision.Finding{{Line: converge.Line{Subject: subject, Code: CodeBootstrap, Text: text}, Mend: Bootstrap{c.Address}}}
	}
	if !s.Active {
		return nil // the unit's own line says so
	}
	var findings []provision.Finding
	for _, port := range c.as(s.Version).ports() {
		listens := slices.ContainsFunc(s.Listening, func(address string) bool { return strings.HasSuffix(address, fmt.Sprintf(":%d", port)) })
		if !listens {
			findings = append(findings, provision.Finding{Line: converge.Line{Subject: fmt.Sprintf("port %d", port), Code: converge.CodeSilent, Text: "nothing listens"}})
		}
	}
	return findings
}

// outdated says what of the last bootstrap is not as declared; "" when it is.
func (c Config) outdated(s Status) (subject, text string) {
	older := c
	older.ReadWriteSplit = 0
	switch {
	case s.Declared == "":
		return "router", "not bootstrapped"
	case s.Declared == older.declared() && Splits(s.Version):
		return "router", "bootstrapped by a version without a read-write split, and now there is " + cmp.Or(s.Version, "another")
	case s.Declared != c.as(s.Version).declared():
		return "router", "bootstrapped for another cluster or other settings"
	case s.ConfNow != s.ConfThen:
		return "file " + conf, "content differs"
	case !s.Keyring:
		return "router", "its keyring is missing"
	case !s.State && !s.Active:
		return "router", "its list of members is missing or cannot be read"
	case s.State && len(c.Members) > 0 && !slices.ContainsFunc(s.Knows, func(member string) bool { return slices.Contains(c.Members, member) }):
		return "router", "knows none of the cluster's members: " + strings.Join(slices.Sorted(slices.Values(s.Knows)), ", ")
	}
	return "", ""
}

// Silent says whether a line is about a port that nobody opened. A router does not
// while its cluster has no primary.
func Silent(line converge.Line) bool { return line.Code == converge.CodeSilent }
