// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package mysqld

import (
	"cmp"
	_ "embed"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
	"github.com/atollhq/terraform-provider-atoll/internal/provision"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/mysqlroot"
)

// Beside is a variable that is not declared, as a running server has it.
type Beside struct {
	Is string
	// Path is the file that gave it at the start; of one that was set since, "" or
	// mysqld-auto.cnf.
	Path string
}

// Next is what the server would start with now: the program and the option files that
// lie on the machine, without what was persisted.
type Next struct {
	// Version is the program's; "" where nothing was asked, or nobody answered.
	Version string
	Values  map[string]string
	// Error is why the program does not read its option files.
	Error string
}

// besideQuery asks for what is not declared and has not its default: it was set since
// the start, or stood in the settings file then. MySQL calls it set, too, when some
// session had a value of its own, so that only the value tells. The time zone stands
// in files by another name, which MySQL does not trace.
func besideQuery(declared []string) string {
	return `SELECT 'beside', JSON_OBJECTAGG(variable_name, JSON_OBJECT('is', variable_value, 'path', variable_path))
 FROM performance_schema.variables_info JOIN performance_schema.global_variables USING (variable_name)
 WHERE variable_name NOT IN (` + strings.Join(declared, ", ") + `) AND (variable_path = ` + mysqlroot.Literal(settingsFile) + ` OR variable_name = '` + timeZone + `'
 OR variable_source IN ('DYNAMIC', 'PERSISTED') AND variable_name NOT LIKE 'group_replication_%')`
}

// nextScript prints one more row: Next, of the variables that the row beside in $rows
// has.
//
//go:embed next.sh
var nextScript string

// none is what mysqld says of a variable without a value.
const none = "(No default value)"

// misread are variables that mysqld has otherwise while it only says what it would have.
var misread = map[string]struct{ says, is string }{
	"log_error_verbosity": {"1", "2"}, "optimizer_trace": {"", "enabled=off,one_line=off"}, timeZone: {none, "SYSTEM"},
}

// workedOut are those whose value mysqld only works out when it starts, with what it
// says before that; "" where that is nothing to go by.
var workedOut = map[string]string{
	"innodb_buffer_pool_instances": "0", "innodb_flush_method": "fsync", "innodb_io_capacity_max": "4294967295", "innodb_open_files": "0", "innodb_purge_threads": "4",
	"innodb_monitor_disable": "", "innodb_monitor_enable": "", "open_files_limit": "", "ft_stopword_file": "",
}

// of gives a variable's value at the next start, where that can be known.
func (n Next) of(name string) (value string, known bool) {
	value, known = n.Values[name]
	if found, is := misread[name]; is && value == found.says {
		value = found.is
	}
	if says, is := workedOut[name]; is && (says == value || says == "") || value == "-1" {
		return "", false
	}
	return strings.TrimSuffix(value, none), known
}

// settable says whether settings could hold a variable.
func settable(name string) bool {
	if name == timeZone {
		name = "default_" + timeZone
	}
	rule := decide(name)
	return rule.known && rule.refusal == ""
}

// others say that a variable, once set, is the group's, of one clone, or of the
// certificate, and has findings of its own.
func others(name string) bool {
	return slices.ContainsFunc([]string{"group_replication_", "clone_", "ssl_"}, func(prefix string) bool { return strings.HasPrefix(name, prefix) })
}

// strays are the variables that settings could hold and do not, and that run otherwise
// than the next start would have them.
func (c Config) strays(s Status) []string {
	if !s.foresees() {
		return nil
	}
	declared := c.declares()
	var names []string
	for _, name := range slices.Sorted(maps.Keys(s.Beside)) {
		_, persisted := s.Persisted[name]
		if persisted || declared[name] || !settable(name) {
			continue
		}
		next, known := s.Next.of(name)
		written := s.Beside[name].Path == settingsFile
		if known && !same(name, next, s.Beside[name].Is) && (written || !others(name)) || !known && written {
			names = append(names, name)
		}
	}
	return names
}

// declares has the variables that settings hold.
func (c Config) declares() map[string]bool {
	declared := map[string]bool{}
	for _, setting := range c.Settings() {
		declared[variableName(setting)] = true
	}
	return declared
}

// besides finds the strays, and option files that keep the server from another start.
func (c Config) besides(s Status) []provision.Finding {
	var findings []provision.Finding
	if s.Next.Error != "" {
		findings = append(findings, provision.Finding{
			Line:    converge.Line{Subject: "option files", Code: converge.CodeValue, Text: "mysqld cannot read them: " + s.Next.Error},
			Refusal: fmt.Errorf("mysqld cannot read the option files of its machine, and would not start again: %s. Mend them and apply again", s.Next.Error),
		})
	}
	for _, name := range c.strays(s) {
		next := "at its default"
		if value, known := s.Next.of(name); known {
			next = cmp.Or(value, "empty")
		}
		findings = append(findings, provision.Finding{
			Line: converge.Line{Subject: "variable " + name, Code: converge.CodeUndeclared,
				Text: fmt.Sprintf("is %s, and %s at the next start, since settings does not have it", cmp.Or(s.Beside[name].Is, "empty"), next)},
			Mend: c.mend(s),
		})
	}
	return findings
}

// asNext sets a variable to what the next start would have. What runs of one that was
// persisted for that start alone is nobody's doing, and stays.
func (s Status) asNext(name string) []string {
	if _, runs := s.Beside[name]; !runs || !s.foresees() {
		return nil
	}
	value, known := s.Next.of(name)
	written := literal(value)
	if !known || s.Next.Values[name] == none && value == "" {
		written = "DEFAULT"
	}
	return []string{"SET GLOBAL " + mysqlroot.Identifier(name) + " = " + written}
}

// foresees says whether Next is of the version that runs: another one has other defaults.
func (s Status) foresees() bool {
	return s.Next.Version != "" && ParseVersion(s.Next.Version) == ParseVersion(s.Version)
}
