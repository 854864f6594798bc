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
	"github.com/atollhq/terraform-provider-atoll/internal/provision/innodbcluster"
)

// The operations; Router is the address that the cluster knows the router by.
type (
	// Bootstrap lets a router make its configuration anew, with an account of its own.
	Bootstrap struct{ Router string }
	// Settle writes the declared settings into what the bootstrap left.
	Settle struct{ Router string }
)

func (o Bootstrap) String() string { return "bootstrap the router at " + o.Router }
func (o Settle) String() string    { return "write the settings of the router at " + o.Router }

// Stage is its place in the order.
func (Bootstrap) Stage() int { return 0 }

// Stage is its place in the order.
func (Settle) Stage() int { return 0 }

const (
	// CodeBootstrap says that the router has to be bootstrapped anew.
	CodeBootstrap converge.Code = "router-bootstrap"
	// CodeSettings says that it runs with other settings.
	CodeSettings converge.Code = "router-settings"
	// CodeRouting says that the cluster's metadata tell it something else.
	CodeRouting converge.Code = "router-routing"
)

// Diagnose compares what a bootstrap left, and the ports, with the declaration. A
// port that is silent beside a bootstrap that is whole has nothing to mend it:
// the router needs a moment after its start, and its cluster.
func (c Config) Diagnose(s Status) []provision.Finding {
	if text := c.outdated(s); text != "" {
		return []provision.Finding{{Line: converge.Line{Subject: "router", Code: CodeBootstrap, Text: text}, Mend: Bootstrap{c.Address}}}
	}
	var findings []provision.Finding
	switch {
	case s.Declared != c.as(s.Version).declared():
		findings = append(findings, provision.Finding{Line: converge.Line{Subject: "router", Code: CodeSettings, Text: "runs with other settings"}, Mend: Settle{c.Address}})
	case s.ConfNow != s.ConfThen:
		findings = append(findings, provision.Finding{Line: converge.Line{Subject: "file " + c.conf(), Code: converge.CodeContent, Text: "content differs"}, Mend: Settle{c.Address}})
	case c.Verifies() && c.Authorities != "" && s.Members != c.Authorities:
		findings = append(findings, provision.Finding{Line: converge.Line{Subject: "router", Code: CodeSettings, Text: "verifies the members by other certificates than theirs"}, Mend: Settle{c.Address}})
	case c.Verifies() && len(c.Awaited) > 0:
		findings = append(findings, provision.Finding{Line: converge.Line{Subject: "router", Code: CodeSettings, Text: "has to know the certificates that members get: " + strings.Join(c.Awaited, ", ")}})
	case s.Active: // or the unit's own line says so
		for _, port := range c.as(s.Version).ports() {
			listens := slices.ContainsFunc(s.Listening, func(address string) bool { return strings.HasSuffix(address, fmt.Sprintf(":%d", port.number)) })
			if !listens {
				findings = append(findings, provision.Finding{Line: converge.Line{Subject: fmt.Sprintf("port %d", port.number), Code: converge.CodeSilent, Text: "nothing listens"}})
			}
		}
	}
	return findings
}

// outdated says why the last bootstrap is not one for what is declared; "" when
// it is.
func (c Config) outdated(s Status) string {
	now, older := c.as(s.Version), c
	older.ReadWriteSplit = 0
	// Before there was an identity, the sum of everything stood for it.
	identified := s.Identity == now.identity() || s.Identity == "" && s.Declared == now.declared()
	switch {
	case s.Declared == "":
		return "not bootstrapped"
	case !identified && Splits(s.Version) && (s.Identity == older.identity() || s.Identity == "" && s.Declared == older.declared()):
		return "bootstrapped by a version without a read-write split, and now there is " + cmp.Or(s.Version, "another")
	case !identified && s.Identity == "":
		return "bootstrapped for another cluster or other settings"
	case !identified:
		return "bootstrapped for another cluster"
	case !s.Written && s.ConfNow != s.ConfThen:
		return "its configuration was edited or is gone, and no copy of what it was made of is there"
	case !s.Keyring:
		return "its keyring is missing or damaged"
	case !s.State && !s.Active:
		return "its list of members is missing or cannot be read"
	case s.State && len(c.Members) > 0 && !slices.ContainsFunc(s.Knows, func(member string) bool { return slices.Contains(c.Members, member) }):
		return "knows none of the cluster's members: " + strings.Join(slices.Sorted(slices.Values(s.Knows)), ", ")
	}
	return ""
}

// Silent says whether a line is about a port that nobody opened. A router does not
// while its cluster has no primary.
func Silent(line converge.Line) bool { return line.Code == converge.CodeSilent }

// Forgotten says whether a cluster that has a primary lacks the router's account or
// its row: somebody removed them, or the machine was given up and has come back. Such
// a router opens no port.
func (c Config) Forgotten(found innodbcluster.Found) bool {
	return found.Primary != "" && found.ClusterID != "" && !found.Knows(c.Account(), c.Address, c.Name())
}

// forgotten is what a plan shows of a router that the cluster does not know.
var forgotten = converge.Line{Subject: "router", Code: CodeBootstrap, Text: "its account or its row in the cluster is gone"}

// Blame adds what only the cluster knows: what it tells the router, and of silent ports
// the reason. That is nothing where the cluster has no primary, since that is the
// cluster's drift, which says it once; and one line where the cluster does not know the
// router any more.
func (c Config) Blame(drift []converge.Line, found innodbcluster.Found) []converge.Line {
	switch {
	case found.Primary == "":
		return slices.DeleteFunc(slices.Clone(drift), Silent)
	case c.Forgotten(found):
		return append(slices.DeleteFunc(slices.Clone(drift), Silent), forgotten)
	case c.Routing == nil:
		return drift
	}
	drift = slices.Clone(drift)
	for _, text := range found.Misrouted(c.Address, c.Name(), *c.Routing) {
		drift = append(drift, converge.Line{Subject: "router", Code: CodeRouting, Text: text})
	}
	return drift
}
