// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package preflight

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/atollhq/terraform-provider-atoll/internal/provision/mysqlroot"
)

// equal are the variables that are one value in a group, with what comes of two.
var equal = map[string]string{
	"lower_case_table_names":                       "Group Replication refuses the joiner; it is chosen when a datadir is made, so make the empty server anew",
	"default_table_encryption":                     "Group Replication refuses the joiner",
	"group_replication_gtid_assignment_block_size": "Group Replication refuses the joiner",
	"innodb_page_size":                             "a clone is refused; it is chosen when a datadir is made, so make the empty server anew",
	"character_set_server":                         "a clone is refused",
	"collation_server":                             "a clone is refused",
}

// between is what differs between servers that are to be one group, and should
// not, or is the same, and must not be.
func between(servers map[string]Facts) []Finding {
	var findings []Finding
	keys := answering(servers)
	versions := map[string]string{}
	for _, key := range keys {
		versions[key] = servers[key].Version
	}
	if err := mysqlroot.Compatible(versions); err != nil {
		findings = append(findings, Finding{Severity: Error, Check: CheckVersion, Object: "version", Text: err.Error()})
	}
	for name, consequence := range equal {
		values := by(keys, func(key string) string { return servers[key].Variables[name] })
		if delete(values, ""); len(values) > 1 {
			findings = append(findings, Finding{Severity: Error, Check: CheckVariable, Object: name, Text: "differs: " + grouped(values, "%s on %s") + ": " + consequence})
		}
	}
	identities := []struct {
		object, remedy string
		of             func(Facts) string
	}{
		{"server_uuid", "remove auto.cnf from the datadir of one and restart it; an atoll_mysql_server does so", func(f Facts) string { return f.UUID }},
		{"server_id", "give each its own; an atoll_mysql_server does so", func(f Facts) string { return f.Variables["server_id"] }},
	}
	for _, identity := range identities {
		values := by(keys, func(key string) string { return identity.of(servers[key]) })
		maps.DeleteFunc(values, func(value string, bearers []string) bool { return value == "" || len(bearers) == 1 })
		if len(values) > 0 {
			// What is only so until a declaration has been applied keeps nobody out.
			findings = append(findings, Finding{Severity: Warning, Check: CheckIdentity, Object: identity.object, Text: "is the same: " + grouped(values, "%s on %s") + ": a group refuses the second; " + identity.remedy})
		}
	}
	return append(append(findings, datasets(keys, servers)...), room(servers)...)
}

// by collects the keys of each value.
func by(keys []string, value func(key string) string) map[string][]string {
	found := map[string][]string{}
	for _, key := range keys {
		found[value(key)] = append(found[value(key)], key)
	}
	return found
}

func grouped(values map[string][]string, form string) string {
	var parts []string
	for _, value := range slices.Sorted(maps.Keys(values)) {
		parts = append(parts, fmt.Sprintf(form, value, strings.Join(values[value], " and ")))
	}
	return strings.Join(parts, ", ")
}

// datasets finds schemas of which only one side knows: a joiner's would be lost,
// so a join refuses it.
func datasets(keys []string, servers map[string]Facts) []Finding {
	donor := largest(servers)
	var findings []Finding
	for _, key := range keys {
		own := slices.DeleteFunc(slices.Sorted(slices.Values(servers[key].Schemas)), func(name string) bool { return slices.Contains(servers[donor].Schemas, name) })
		// Members, and those that were and may come back, go on with what they have.
		switch {
		case key == donor, servers[key].grouped() && len(own) == 0, len(servers[key].Schemas) == 0:
		case len(own) == 0:
			findings = append(findings, Finding{Severity: Warning, Check: CheckIdentity, Server: key, Object: strings.Join(slices.Sorted(slices.Values(servers[key].Schemas)), ", "),
				Text: fmt.Sprintf("%s has schemas of these names, too, and a group takes its data from one: the server with all transactions of the other keeps its data, and the other gets a copy of them in the place of its own", donor)})
		default:
			findings = append(findings, Finding{Severity: Error, Check: CheckIdentity, Server: key, Object: strings.Join(own, ", "),
				Text: fmt.Sprintf("only this server has these schemas, and a group takes its data from one, which would be %s with the most: save them, then empty the server", donor)})
		}
	}
	return findings
}

// largest is the server whose data the others would get: one that is in a group,
// else the one that has the most, schemas before bytes, since what lags behind
// has files no smaller; "" where none answers.
func largest(servers map[string]Facts) string {
	donor := ""
	for _, key := range answering(servers) {
		if donor == "" || richer(servers[key], servers[donor]) > 0 {
			donor = key
		}
	}
	return donor
}

// richer compares what two servers would bring into a group.
func richer(a, b Facts) int {
	member := func(f Facts) int {
		if f.Member {
			return 1
		}
		return 0
	}
	return cmp.Or(cmp.Compare(member(a), member(b)), cmp.Compare(len(a.Schemas), len(b.Schemas)), cmp.Compare(a.DataBytes, b.DataBytes))
}

// spare is the room beside the data that the binary logs of a day, undo and the
// redo log take.
const spare = 1024 * mebibyte

// room is whether each machine can hold what a clone carries; its own data make
// room for it first.
func room(servers map[string]Facts) []Finding {
	donor := largest(servers)
	var findings []Finding
	for _, key := range slices.Sorted(maps.Keys(servers)) {
		facts := servers[key]
		if facts.Err != nil || facts.Member || key == donor || donor == "" {
			continue
		}
		has, need := facts.Room(), servers[donor].DataBytes
		finding := Finding{Severity: Error, Check: CheckDisk, Server: key, Object: "/var/lib/mysql", Text: fmt.Sprintf(
			"a clone of the data of %s needs %s, and there is room for %s: make room or give the machine a larger disk", donor, mebibytes(need), mebibytes(has))}
		switch {
		case has >= need+spare:
			continue
		case has >= need:
			finding.Severity = Warning
			finding.Text = fmt.Sprintf("after a clone of the data of %s there is room for %s, and binary logs, undo and redo take up to %s soon", donor, mebibytes(has-need), mebibytes(spare))
		}
		findings = append(findings, finding)
	}
	return findings
}

// fixed are the variables that nothing changes for a datadir that stands.
var fixed = []string{"lower_case_table_names", "innodb_page_size"}

// Replaced are the warnings about servers whose data a join may put a copy of another
// one's in the place of.
func Replaced(servers map[string]Facts) []Finding {
	findings := slices.DeleteFunc(datasets(answering(servers), servers), func(f Finding) bool { return f.Severity != Warning })
	donor := largest(servers)
	for key, facts := range servers {
		if facts.Err == nil && !facts.Answers && facts.HasData && donor != "" && len(servers[donor].Schemas) > 0 {
			findings = append(findings, Finding{Severity: Warning, Check: CheckIdentity, Server: key,
				Text: fmt.Sprintf("holds data and is %s, so it was not asked about them, and a group takes its data from one, which may be %s: where that has all of its transactions, it gets a copy of them in the place of its own", facts.Unit, donor)})
		}
	}
	return sorted(findings)
}

// Joining are the errors that keep servers from being one group as they stand,
// and that no declaration of theirs can end. A server that was not asked is none,
// and tables of a group that is there already are its own.
func Joining(servers map[string]Facts) []Finding {
	running := slices.ContainsFunc(slices.Collect(maps.Values(servers)), func(f Facts) bool { return f.Member })
	return slices.DeleteFunc(Check(servers), func(f Finding) bool {
		switch {
		case f.Severity != Error:
			return true
		case f.Check == CheckEngine, f.Check == CheckKey:
			return running
		case f.Check == CheckReplication:
			return !strings.HasPrefix(f.Object, "channel ")
		case f.Check == CheckVariable:
			return !slices.Contains(fixed, f.Object)
		}
		return f.Check != CheckDisk && f.Check != CheckIdentity
	})
}

// Source are the errors about a server whose data a clone is to carry into a new group:
// tables, and what a datadir keeps.
func Source(facts Facts) []Finding {
	return slices.DeleteFunc(One(facts), func(f Finding) bool {
		return f.Severity != Error || f.Check != CheckEngine && f.Check != CheckKey && f.Check != CheckVariable
	})
}
