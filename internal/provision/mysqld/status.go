// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package mysqld

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/group"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/mysqlroot"
)

// Status is what a server says about itself, or its machine about it.
type Status struct {
	// Answers is false when the server does not run; then Unit says systemd's
	// word for it and the rest is empty.
	Answers bool
	Unit    string
	Version string
	// Comment is version_comment, which tells the builds apart.
	Comment string
	UUID    string
	// ErrorLog is the file that the server writes its errors to.
	ErrorLog string
	// Variables by name, those of the settings file; Persisted those that
	// mysqld-auto.cnf has, which beats the file.
	Variables, Persisted map[string]string
	// Beside are variables of neither, and Next what the next start would have of them.
	Beside map[string]Beside
	Next   Next
	// Certificate is what it shows to others; of a server that does not run, too.
	Certificate Certificate
	// Lacks are views of information_schema that its first start did not come to.
	Lacks []string
	// View is the group as this server sees it.
	View group.View
	// WereSet says that this run has set the variables: those that differ still
	// are read at a start only.
	WereSet bool
}

// down says whether the server stands still, and is not on its way up or down.
func (s Status) down() bool { return s.Unit == "inactive" || s.Unit == "failed" }

// statusScript asks for Status.
func (c Config) statusScript() string {
	var names []string
	for _, setting := range c.Settings() {
		names = append(names, mysqlroot.Literal(variableName(setting)))
	}
	return "rows=$( " + mysqlroot.QuestionScript(
		`SELECT 'server', JSON_OBJECT('version', @@version, 'comment', @@version_comment, 'uuid', @@server_uuid, 'errorlog', @@log_error)`,
		`SELECT 'variables', JSON_OBJECTAGG(variable_name, variable_value) FROM performance_schema.global_variables WHERE variable_name IN (`+strings.Join(names, ", ")+`)`,
		`SELECT 'persisted', JSON_OBJECTAGG(variable_name, variable_value) FROM performance_schema.persisted_variables`,
		besideQuery(names),
		mysqlroot.ViewsRow,
		group.MembersQuery,
		mysqlroot.WhereTable("registered", "mysql_innodb_cluster_metadata", "instances",
			`SELECT 'registered', JSON_ARRAYAGG(JSON_OBJECT('id', mysql_server_uuid, 'address', address)) FROM mysql_innodb_cluster_metadata.instances`),
		`SELECT 'group', JSON_QUOTE(MAX(variable_value)) FROM performance_schema.global_variables WHERE variable_name = 'group_replication_group_name'`,
		TLSRow,
	) + ") || exit\nprintf '%s\\n' \"$rows\"\n" + nextScript + c.certificateScript("certificate_row")
}

// readStatus reads the answer to statusScript.
func readStatus(output string) (Status, error) {
	rows, err := mysqlroot.ReadRows(output)
	if err != nil {
		return Status{}, err
	}
	var status Status
	if err := rows.Read(map[string]any{"certificate": &status.Certificate}); err != nil {
		return Status{}, err
	}
	if status.Unit, err = rows.Down(); err != nil || status.Unit != "" {
		return status, err
	}
	var server struct{ Version, Comment, UUID, ErrorLog string }
	var tls struct{ Used, Until string }
	var views []string
	status.Answers = true
	if err := rows.Read(map[string]any{
		"tls":    &tls,
		"server": &server, "variables": &status.Variables, "persisted": &status.Persisted, "beside": &status.Beside, "next": &status.Next, "views": &views,
		"members": &status.View.Members, "group": &status.View.Name, "registered": &status.View.Registered,
	}); err != nil {
		return Status{}, err
	}
	status.Version, status.Comment, status.UUID, status.ErrorLog = server.Version, server.Comment, server.UUID, server.ErrorLog
	status.Lacks = mysqlroot.Lacks(views)
	status.View.Self, status.Certificate.Used, status.Certificate.UsedUntil = server.UUID, tls.Used, tls.Until
	if status.Version == "" || status.UUID == "" || len(status.Variables) == 0 {
		return Status{}, fmt.Errorf("%w: version, UUID and variables are empty", mysqlroot.ErrNotWhole)
	}
	return status, nil
}

// statusQuestion asks for Status.
func (c Config) statusQuestion() converge.Question[Status] {
	return converge.Question[Status]{Name: "the server's status", Script: c.statusScript(), Read: readStatus}
}

// memoryQuestion asks for the memory that settings are sized to, in bytes.
func memoryQuestion() converge.Question[uint64] {
	return converge.Question[uint64]{Name: "the machine's memory", Script: mysqlroot.MemoryScript, Read: readMemory}
}

func readMemory(text string) (uint64, error) {
	number, whole := strings.CutSuffix(strings.TrimSpace(text), " bytes")
	memory, err := strconv.ParseUint(number, 10, 64)
	if !whole || err != nil || memory == 0 {
		return 0, fmt.Errorf("%q is no number of bytes", text)
	}
	return memory, nil
}

// memoryDrift says when the machine has another amount of memory than the
// settings are sized for; a few percent come and go with the kernel. What the
// user gave is his to say, as long as it fits.
func (c Config) memoryDrift(has uint64) []converge.Line {
	if c.MemoryBytes == 0 || has*20 > c.MemoryBytes*19 && has*20 < c.MemoryBytes*21 {
		return nil
	}
	if need, _, _ := c.need(); c.GivenMemory > 0 && need <= has {
		return nil
	}
	return []converge.Line{{Subject: "memory", Code: CodeMemory, Text: fmt.Sprintf("settings are sized for %s, the machine has %s", mebibytes(c.MemoryBytes), mebibytes(has))}}
}

// StatusOf reads the status from an observation of the server's manifest.
func (c Config) StatusOf(o converge.Observation) (Status, error) { return c.statusQuestion().Answer(o) }

const timeZone = "time_zone"

// variableName is the variable that an option sets: few have another name.
func variableName(setting Setting) string {
	name := normalName(setting.Name)
	if name == "default_"+timeZone {
		return timeZone
	}
	return name
}

// same compares two spellings of a value.
func same(name, want, is string) bool {
	want, is = strings.Trim(strings.TrimSpace(want), `"'`), strings.TrimSpace(is)
	if strings.EqualFold(want, is) {
		return true
	}
	if same, known := sameSet(name, want, is); known {
		return same
	}
	if a, ok := truth(want); ok {
		if b, ok := truth(is); ok && a == b {
			return true
		}
	}
	a, wantNumber := parseBytes(want)
	b, isNumber := parseBytes(is)
	if wantNumber && isNumber {
		// The server rounds the pool up to chunks of 128 MiB per instance.
		return a == b || name == poolName && b > a && b-a < 16*leastPool
	}
	x, errX := strconv.ParseFloat(want, 64)
	y, errY := strconv.ParseFloat(is, 64)
	return errX == nil && errY == nil && math.Abs(x-y) < 1e-6
}

func truth(text string) (value, known bool) {
	switch strings.ToLower(text) {
	case "on", "1", "true", "yes":
		return true, true
	case "off", "0", "false", "no":
		return false, true
	}
	return false, false
}
