// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package preflight

import (
	"fmt"

	"github.com/atollhq/terraform-provider-atoll/internal/provision/mysqlroot"
)

// MultiPrimary are the errors that keep every member of a group from taking writes:
// what Group Replication refuses then because it cannot tell conflicts in it. A
// server that was not asked has none.
func MultiPrimary(servers map[string]Facts) []Finding {
	var findings []Finding
	donor := largest(servers)
	for _, key := range answering(servers) {
		facts := servers[key]
		for _, foreign := range facts.ForeignKeys.First {
			if key != donor {
				break // its data are the group's
			}
			if foreign.Cascades == 0 {
				continue
			}
			findings = append(findings, Finding{
				Severity: Error, Check: CheckForeignKey, Server: key, Object: foreign.String() + "." + foreign.Constraint,
				Text:   fmt.Sprintf("changes rows of its table with those of %s (CASCADE, SET NULL or SET DEFAULT), which is refused while every member takes writes: make it anew with RESTRICT, and let the application do the rest", foreign.Parent),
				Remedy: "ALTER TABLE " + foreign.quoted() + " DROP FOREIGN KEY " + mysqlroot.Identifier(foreign.Constraint) + ";",
			})
		}
		if facts.Variables["transaction_isolation"] == "SERIALIZABLE" {
			findings = append(findings, Finding{Severity: Error, Check: CheckVariable, Server: key, Object: "transaction_isolation",
				Text: "is SERIALIZABLE, which is refused while every member takes writes: give it another value in settings of its atoll_mysql_server"})
		}
	}
	return sorted(findings)
}
