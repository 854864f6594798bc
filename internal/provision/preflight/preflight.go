// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

// Package preflight looks at MySQL servers before they become members of a
// group: what keeps one from joining, what loses rows on the way, and what bites
// later. Question asks a server in one round trip and changes nothing; Check
// makes findings of the answers and is pure.
package preflight

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
)

// Severity of a finding.
type Severity string

const (
	// Error says that a join would fail, or rows would be lost.
	Error Severity = "error"
	// Warning says that it works until something happens, which the text names.
	Warning Severity = "warning"
	// Info says what is good to know, and as it should be.
	Info Severity = "info"
)

// rank puts the worst first.
func (s Severity) rank() int { return slices.Index([]Severity{Error, Warning, Info}, s) }

// Finding is one thing that was found.
type Finding struct {
	Severity Severity
	// Check is the name of what was looked at, such as "engine": see the constants.
	Check string
	// Server is the key of the server; "" for what is between servers.
	Server string
	// Object is what it is about, as MySQL writes it ("shop.orders").
	Object string
	// Text says what is the matter and what follows.
	Text string
	// Remedy is the SQL that ends it; "" where SQL does not.
	Remedy string
}

// What is looked at. The names stand in users' configurations.
const (
	CheckServer      = "server"
	CheckVersion     = "version"
	CheckEngine      = "engine"
	CheckKey         = "key"
	CheckForeignKey  = "foreign_key"
	CheckAccount     = "account"
	CheckDefiner     = "definer"
	CheckEvent       = "event"
	CheckReplication = "replication"
	CheckVariable    = "variable"
	CheckIdentity    = "identity"
	CheckMemory      = "memory"
	CheckDisk        = "disk"
	CheckTransaction = "transaction_size"
	CheckBinaryLog   = "binary_log"
)

// checks are those of one server.
var checks = []func(Facts) []Finding{
	tables, foreignKeys, accounts, definers, events, replication, variables, memory, transactions, binaryLog, supported, complete,
}

// One gives the findings of one server alone, the worst first.
func One(facts Facts) []Finding {
	if !facts.Answers {
		return sorted(silent(facts))
	}
	var findings []Finding
	for _, check := range checks {
		findings = append(findings, check(facts)...)
	}
	return sorted(findings)
}

// Check gives the findings of servers that are to be one group, by their keys:
// those of each, and what differs between them. The worst come first; the same
// facts give the same list.
func Check(servers map[string]Facts) []Finding {
	findings := between(servers)
	for key, facts := range servers {
		for _, finding := range One(facts) {
			finding.Server = key
			findings = append(findings, finding)
		}
	}
	return sorted(findings)
}

func sorted(findings []Finding) []Finding {
	slices.SortFunc(findings, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.Severity.rank(), b.Severity.rank()), cmp.Compare(a.Server, b.Server), cmp.Compare(a.Check, b.Check),
			cmp.Compare(a.Object, b.Object), cmp.Compare(a.Text, b.Text))
	})
	return findings
}

// silent is about a server that said nothing.
func silent(facts Facts) []Finding {
	switch {
	case facts.Err != nil:
		return []Finding{{Severity: Error, Check: CheckServer, Text: fmt.Sprintf("was not asked: %v", facts.Err)}}
	case facts.HasData:
		return []Finding{{Severity: Error, Check: CheckServer, Text: fmt.Sprintf("holds data and is %s, so it was not asked about them: start it (systemctl start mysql) and look again", facts.Unit)}}
	}
	return []Finding{{Severity: Info, Check: CheckServer, Text: "there is no server with data on the machine yet"}}
}

// answering are the keys of the servers that said something, in order.
func answering(servers map[string]Facts) []string {
	return slices.DeleteFunc(slices.Sorted(maps.Keys(servers)), func(key string) bool { return !servers[key].Answers })
}
