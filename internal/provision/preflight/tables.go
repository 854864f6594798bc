// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package preflight

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/atollhq/terraform-provider-atoll/internal/provision/mysqlroot"
)

// engines say what is particular about those that are met.
var engines = map[string]string{
	"ndbcluster": "its engine is NDB, whose rows lie in the data nodes of an NDB Cluster: run this on a server that is connected to them, before the server leaves them",
	"myisam":     "its engine is MyISAM",
	"memory":     "its engine is MEMORY, whose rows are gone after a restart and are not cloned",
	"federated":  "its engine is FEDERATED, whose rows lie in another server and which cannot be altered: make a table of InnoDB and copy them",
	"blackhole":  "its engine is BLACKHOLE, which keeps no row",
}

// tables are those to which a group takes no writes, and of which a clone
// carries no rows: one finding for each, with the one ALTER that is needed.
func tables(facts Facts) []Finding {
	var findings []Finding
	version := mysqlroot.ParseVersion(facts.Version)
	for _, table := range facts.Tables.First {
		check, reasons := CheckEngine, []string{}
		if table.Engine == "InnoDB" {
			check = CheckKey
		} else if said, known := engines[strings.ToLower(table.Engine)]; known {
			reasons = append(reasons, said)
		} else {
			reasons = append(reasons, "its engine is "+table.Engine)
		}
		if table.Keyless != 0 {
			reasons = append(reasons, "it has no primary key")
		}
		findings = append(findings, Finding{Severity: Error, Check: check, Object: table.String(), Text: strings.Join(reasons, " and "), Remedy: table.remedy(version)})
	}
	return more(findings, facts.Tables.Count, Error, CheckKey, "tables without a primary key or of another engine")
}

// more says that not all are listed.
func more(findings []Finding, count int, severity Severity, check, what string) []Finding {
	if rest := count - shown; rest > 0 {
		findings = append(findings, Finding{Severity: severity, Check: check, Text: fmt.Sprintf("and %d more %s, which are listed when these are gone", rest, what)})
	}
	return findings
}

// remedy is the SQL that makes the table one that a group replicates.
func (t Table) remedy(version mysqlroot.Version) string {
	if strings.EqualFold(t.Engine, "federated") {
		return ""
	}
	var changes []string
	if t.Engine != "InnoDB" {
		changes = append(changes, "ENGINE = InnoDB")
	}
	if t.Keyless != 0 {
		changes = append(changes, t.key(version)...)
	}
	return "ALTER TABLE " + t.quoted() + " " + strings.Join(changes, ", ") + ";"
}

var quotedColumn = regexp.MustCompile("`((?:[^`]|``)+)`")

// key are the changes that give the table a primary key. A column that counts up
// already is the only one that may; each key of a partitioned table has to hold
// the columns that it is partitioned by.
func (t Table) key(version mysqlroot.Version) []string {
	const plain = "ADD COLUMN `my_row_id` BIGINT UNSIGNED NOT NULL AUTO_INCREMENT"
	invisible := ""
	if !version.Known() || !version.Before(8, 0, 23) {
		invisible = " INVISIBLE"
	}
	columns := []string{mysqlroot.Identifier("my_row_id")}
	if t.Increments != "" {
		columns[0] = mysqlroot.Identifier(t.Increments)
	}
	for _, found := range quotedColumn.FindAllString(t.Partitioned, -1) {
		if !slices.Contains(columns, found) {
			columns = append(columns, found)
		}
	}
	switch {
	case t.Increments != "":
		return []string{"ADD PRIMARY KEY (" + strings.Join(columns, ", ") + ")"}
	case len(columns) > 1:
		return []string{plain + invisible + " FIRST", "ADD PRIMARY KEY (" + strings.Join(columns, ", ") + ")"}
	}
	return []string{plain + invisible + " PRIMARY KEY FIRST"}
}

// foreignKeys are those that fail later, and those that another mode refuses.
func foreignKeys(facts Facts) []Finding {
	var findings []Finding
	for _, key := range facts.ForeignKeys.First {
		named := mysqlroot.Identifier(key.Constraint)
		finding := Finding{Check: CheckForeignKey, Object: key.String() + "." + key.Constraint}
		switch {
		case key.Orphaned != 0:
			finding.Severity, finding.Text = Warning, fmt.Sprintf("refers to %s, which is not there: every insert fails, and so does the import of a dump", key.Parent)
			finding.Remedy = "ALTER TABLE " + key.quoted() + " DROP FOREIGN KEY " + named + ";"
		case key.Loose != 0:
			finding.Severity, finding.Text = Warning, fmt.Sprintf("refers to (%s) of %s, and no unique key there has exactly these columns: MySQL 8.4 and later refuse to make it again, as the import of a dump does (restrict_fk_on_non_standard_key)",
				strings.Join(key.Columns, ", "), key.Parent)
			var columns []string
			for _, column := range key.Columns {
				columns = append(columns, mysqlroot.Identifier(column))
			}
			finding.Remedy = "ALTER TABLE " + key.Parent.quoted() + " ADD UNIQUE KEY (" + strings.Join(columns, ", ") + ");"
		default:
			finding.Severity, finding.Text = Info, "changes rows of its table with those of "+key.Parent.String()+": as it should be with one primary; a group with several refuses it"
		}
		findings = append(findings, finding)
	}
	return more(findings, facts.ForeignKeys.Count, Info, CheckForeignKey, "foreign keys")
}
