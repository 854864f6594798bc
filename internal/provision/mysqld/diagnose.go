// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package mysqld

import (
	"fmt"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
	"github.com/atollhq/terraform-provider-atoll/internal/provision"
)

// The operations on a server that runs; Server is its "address:port". What lies
// in files beside them is the manifest's.
type (
	// Set brings variables to the file's values at run time, and takes back what
	// was persisted over the file.
	Set struct{ Server string }
	// StartAtBoot lets MySQL itself start the member in its group at boot.
	StartAtBoot struct{ Server string }
	// Restart lets the server read its file, in its group's turn.
	Restart struct{ Server string }
	// Certify makes the certificate that the server shows.
	Certify struct{ Server string }
)

// startOnBoot is the variable that says who starts the member at boot.
const startOnBoot = "group_replication_start_on_boot"

func (o Set) String() string         { return "set variables of " + o.Server }
func (o Restart) String() string     { return "restart " + o.Server }
func (o Certify) String() string     { return "make the certificate of " + o.Server }
func (o StartAtBoot) String() string { return "let MySQL start " + o.Server + " in its group at boot" }

// Stage is its place in the order: the server loads what is there.
func (Certify) Stage() int { return 0 }

// Stage is its place in the order.
func (Set) Stage() int { return 1 }

// Stage is its place in the order.
func (StartAtBoot) Stage() int { return 1 }

// Stage is its place in the order: what can be set need not be restarted for.
func (Restart) Stage() int { return 2 }

// Diagnose compares what runs with the file. A setting that is no variable of
// the server (an option of its start only) cannot be asked for.
func (c Config) Diagnose(s Status) []provision.Finding {
	findings := c.certificateFindings(s)
	if !s.Answers {
		return findings // the unit's own line says why
	}
	for _, found := range [][]provision.Finding{c.outdated(s), c.renewed(s), c.incomplete(s), c.unattended(s), c.persisted(s), c.besides(s)} {
		findings = append(findings, found...)
	}
	for _, setting := range c.differing(s) {
		name := variableName(setting)
		findings = append(findings, provision.Finding{
			Line: converge.Line{Subject: "variable " + name, Code: converge.CodeValue, Text: fmt.Sprintf("is %s, want %s", s.Variables[name], setting.Value)},
			Mend: c.mend(s),
		})
	}
	return findings
}

// unattended finds a member that nobody starts at boot: its guardian is not to be,
// and did not give the start back. The file has it off for servers in no group.
func (c Config) unattended(s Status) []provision.Finding {
	if !c.Unguarded || s.place() == "" || s.Persisted[startOnBoot] != "OFF" {
		return nil
	}
	return []provision.Finding{{
		Line: converge.Line{Subject: "variable " + startOnBoot, Code: converge.CodeValue, Text: "is OFF, want ON: no guardian starts the member at boot"},
		Mend: StartAtBoot{c.Endpoint()},
	}}
}

// mend is what changes a variable: that it can be set at run time only shows when
// it is tried.
func (c Config) mend(s Status) provision.Operation {
	switch {
	case !s.WereSet:
		return Set{c.Endpoint()}
	case c.outdated(s) != nil:
		return c.upgrade() // which restarts, too
	}
	return Restart{c.Endpoint()}
}

// drift is what a plan shows of it.
func (c Config) drift(s Status) []converge.Line { return provision.Drift(c.Diagnose(s)) }

// differing are the settings that the running server has otherwise.
func (c Config) differing(s Status) []Setting {
	var list []Setting
	for _, setting := range c.Settings() {
		name := variableName(setting)
		is, known := s.Variables[name]
		if !known || name == startOnBoot || same(name, setting.Value, is) {
			continue
		}
		list = append(list, setting)
	}
	return list
}
