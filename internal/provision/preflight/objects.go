// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package preflight

import (
	"fmt"
	"strings"

	"github.com/atollhq/terraform-provider-atoll/internal/provision/mysqlroot"
)

// accounts are those that cannot log in, or will not after an upgrade.
func accounts(facts Facts) []Finding {
	var findings []Finding
	version := mysqlroot.ParseVersion(facts.Version)
	for _, account := range facts.Accounts.First {
		var text string
		switch {
		case account.Active == 0:
			text = fmt.Sprintf("logs in by the plugin %s, which this server does not have or has switched off: it cannot log in", account.Plugin)
		case account.Plugin == "mysql_native_password" && version.Before(8, 4, 0):
			text = "logs in by the plugin mysql_native_password, which MySQL 8.4 switches off and 9.0 no longer has"
		case account.Plugin == "mysql_native_password":
			text = "logs in by the plugin mysql_native_password, which MySQL 9.0 no longer has"
		case account.Plugin == "sha256_password":
			text = "logs in by the plugin sha256_password, which is deprecated and goes with a later version"
		default:
			continue
		}
		findings = append(findings, Finding{Severity: Warning, Check: CheckAccount, Object: account.quoted(), Text: text,
			Remedy: "ALTER USER " + account.quoted() + " IDENTIFIED WITH 'caching_sha2_password' BY '<its password>';"})
	}
	return more(findings, facts.Accounts.Count, Warning, CheckAccount, "accounts with another plugin")
}

// definers are accounts that are not there, in whose name something is to run.
func definers(facts Facts) []Finding {
	var findings []Finding
	for _, missing := range facts.Definers.First {
		text := missing.First
		if missing.Count > 1 {
			text = fmt.Sprintf("%s and %d more", text, missing.Count-1)
		}
		findings = append(findings, Finding{Severity: Warning, Check: CheckDefiner, Object: missing.quoted(),
			Text:   "the account is not there and defines " + text + ": whatever runs in its name fails (error 1449)",
			Remedy: "CREATE USER " + missing.quoted() + " ACCOUNT LOCK; -- and GRANT it what they need"})
	}
	return more(findings, facts.Definers.Count, Warning, CheckDefiner, "definers that are not there")
}

// quoted writes the account as a statement takes it: hosts have no @, names may.
func (d Definer) quoted() string {
	at := strings.LastIndex(d.Definer, "@")
	if at < 0 {
		return mysqlroot.Literal(d.Definer)
	}
	return mysqlroot.Literal(d.Definer[:at]) + "@" + mysqlroot.Literal(d.Definer[at+1:])
}

// events run on one member only, and no change of the primary takes them along.
func events(facts Facts) []Finding {
	var findings []Finding
	for _, event := range facts.Events.First {
		findings = append(findings, Finding{Severity: Warning, Check: CheckEvent, Object: event.String(),
			Text:   "is enabled: after a change of the primary see that it is on the new one, where one that came by replication is switched off",
			Remedy: "ALTER EVENT " + event.quoted() + " ENABLE; -- on the new primary"})
	}
	findings = more(findings, facts.Events.Count, Warning, CheckEvent, "enabled events")
	if facts.grouped() {
		return findings
	}
	for _, event := range facts.Asleep.First {
		findings = append(findings, Finding{Severity: Warning, Check: CheckEvent, Object: event.String(),
			Text:   "came by replication and is switched off here: as the first member this server goes on without it until it is enabled",
			Remedy: "ALTER EVENT " + event.quoted() + " ENABLE; -- once the source is drained"})
	}
	return more(findings, facts.Asleep.Count, Warning, CheckEvent, "events that are switched off since they came by replication")
}

// replication is what would go on beside the group's, or leave out of it what is
// written.
func replication(facts Facts) []Finding {
	var findings []Finding
	for _, channel := range facts.Channels {
		findings = append(findings, channel.finding(facts.grouped()))
	}
	for _, filter := range facts.Filters {
		finding := Finding{Severity: Error, Check: CheckReplication, Object: filter, Text: "leaves out some of what is written, so the members would not hold the same: take it out of the server's settings files"}
		if strings.HasPrefix(filter, "REPLICATE_") {
			finding.Remedy = "CHANGE REPLICATION FILTER " + filter + " = ();"
		}
		findings = append(findings, finding)
	}
	return findings
}
