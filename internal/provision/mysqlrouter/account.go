// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package mysqlrouter

import (
	"slices"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/innodbcluster"
)

// account is where root notes the sum of the router's account as its last bootstrap made
// it. A router keeps the sessions that it has when the account gets another password, and
// lets no application in any more after its next start, or its primary's: only a
// comparison finds that in time. The password itself lies in Router's keyring alone.
func (c Config) account() string { return c.settings() + "/account" }

// Refused says whether the cluster would not let the router in by what its machine holds,
// as far as the primaries said anything and the machine has a note to hold against it: a
// bootstrap by an older version of this provider left none.
func (c Config) Refused(s Status, said []innodbcluster.RouterSums) bool {
	if s.Account == "" || len(said) == 0 {
		return false
	}
	return !slices.ContainsFunc(said, func(sums innodbcluster.RouterSums) bool { return slices.Contains(sums[c.Account()], s.Account) })
}

// refused is what a plan shows of a router whose account is another one by now.
var refused = converge.Line{Subject: "router", Code: CodeBootstrap, Text: "its account in the cluster has another password than it, or is locked or gone: the members refuse its next session"}

// Suspect adds to a drift that the members would refuse the router. A bootstrap mends all
// that there may be of it, so one line is enough where another asks for one.
func (c Config) Suspect(drift []converge.Line, s Status, said []innodbcluster.RouterSums) []converge.Line {
	if !c.Refused(s, said) || slices.ContainsFunc(drift, func(line converge.Line) bool { return line.Code == CodeBootstrap }) {
		return drift
	}
	return append(slices.DeleteFunc(slices.Clone(drift), Silent), refused)
}
