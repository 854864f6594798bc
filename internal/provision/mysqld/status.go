// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package mysqld

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

const statusProbe = "mysql"

// Status is what a running server says about itself.
type Status struct {
	// Answers is false when the server does not; then the rest is empty.
	Answers bool
	Version string
	// Comment is version_comment, which tells the builds apart.
	Comment string
	UUID    string
	// GroupName is "" outside of a group's configuration.
	GroupName string
	// Variables by name, those of the settings file; Persisted those that
	// mysqld-auto.cnf has, which beats the file.
	Variables, Persisted map[string]string
	// Members of the group as this server sees it.
	Members []Member
}

// Member is a row of performance_schema.replication_group_members.
type Member struct {
	ID      string `json:"id"`
	Host    string `json:"host"`
	Port    int    `json:"port"`
	State   string `json:"state"`
	Role    string `json:"role"`
	Version string `json:"version"`
	// Queue is the number of transactions received and not yet applied; null
	// without a group.
	Queue int64 `json:"queue"`
}

// ClientScript is a script that runs statements as the machine's root over the
// local socket, goes on after an error, and prints rows of two columns: a mark
// and a JSON document. ParseRows reads it.
func ClientScript(statements ...string) string {
	return "timeout 30 " + client + " --force -e " + remote.Quote(strings.Join(statements, ";\n"))
}

const client = "mysql --no-defaults --user=root --socket=" + Socket + " --connect-timeout=10 --skip-column-names --batch --raw"

// strictScript is one that ends with the first error.
func strictScript(statements ...string) string {
	return client + " -e " + remote.Quote(strings.Join(statements, ";\n"))
}

// ParseRows reads what ClientScript printed: the document by its mark.
func ParseRows(text string) map[string]json.RawMessage {
	rows := map[string]json.RawMessage{}
	for line := range strings.Lines(text) {
		mark, document, found := strings.Cut(strings.TrimRight(line, "\n"), "\t")
		if found && json.Valid([]byte(document)) {
			rows[mark] = json.RawMessage(document)
		}
	}
	return rows
}

// MembersQuery reads the group as the server sees it.
const MembersQuery = `SELECT 'members', JSON_ARRAYAGG(JSON_OBJECT('id', m.member_id, 'host', m.member_host, 'port', IFNULL(m.member_port, 0),
 'state', m.member_state, 'role', m.member_role, 'version', m.member_version,
 'queue', IFNULL(s.count_transactions_remote_in_applier_queue, 0)))
 FROM performance_schema.replication_group_members m LEFT JOIN performance_schema.replication_group_member_stats s USING (member_id) WHERE m.member_id <> ''`

// statusProbe asks for Status along with the observation.
func (c Config) statusProbe() converge.Probe {
	var names []string
	for _, setting := range c.Settings() {
		names = append(names, "'"+strings.ReplaceAll(normalName(setting.Name), "'", "''")+"'")
	}
	return converge.Probe{Name: statusProbe, Script: ClientScript(
		`SELECT 'server', JSON_OBJECT('version', @@version, 'comment', @@version_comment, 'uuid', @@server_uuid)`,
		`SELECT 'variables', JSON_OBJECTAGG(variable_name, variable_value) FROM performance_schema.global_variables WHERE variable_name IN (`+strings.Join(names, ", ")+`)`,
		`SELECT 'persisted', JSON_OBJECTAGG(variable_name, variable_value) FROM performance_schema.persisted_variables`,
		MembersQuery,
		`SELECT 'group', JSON_QUOTE(@@group_replication_group_name)`,
	)}
}

// ReadStatus reads the probe's answer.
func ReadStatus(o converge.Observation) Status {
	rows := ParseRows(o.Probes[statusProbe].Output)
	var server struct{ Version, Comment, UUID string }
	if json.Unmarshal(rows["server"], &server) != nil || server.Version == "" {
		return Status{}
	}
	status := Status{Answers: true, Version: server.Version, Comment: server.Comment, UUID: server.UUID}
	for mark, target := range map[string]any{
		"variables": &status.Variables, "persisted": &status.Persisted, "members": &status.Members, "group": &status.GroupName,
	} {
		if rows[mark] != nil {
			_ = json.Unmarshal(rows[mark], target) // what is missing reads as nothing set
		}
	}
	return status
}

const memoryProbe = "memory"

// memoryScript prints the memory that settings are sized to, in bytes.
const memoryScript = `memory=$(awk '/^MemTotal:/ {printf "%d", $2 * 1024}' /proc/meminfo)
limit=$(cat /sys/fs/cgroup/memory.max 2>/dev/null)
case $limit in ''|max) ;; *) [ "$limit" -ge "$memory" ] || memory=$limit ;; esac
echo "$memory"`

// memoryDrift says when the machine has another amount of memory than the
// settings are sized for; a few percent come and go with the kernel. What the
// user gave is his to say, as long as it fits.
func (c Config) memoryDrift(o converge.Observation) []converge.Line {
	has, err := strconv.ParseUint(strings.TrimSpace(o.Probes[memoryProbe].Output), 10, 64)
	if err != nil || c.MemoryBytes == 0 || has*20 > c.MemoryBytes*19 && has*20 < c.MemoryBytes*21 {
		return nil
	}
	if need, _, _ := c.need(); c.GivenMemory > 0 && need <= has {
		return nil
	}
	return []converge.Line{{Subject: "memory", Code: CodeMemory, Text: fmt.Sprintf("settings are sized for %s, the machine has %s", mebibytes(c.MemoryBytes), mebibytes(has))}}
}

// DriftOf is all that the engine does not see: what the server runs with, and
// the machine's memory.
func (c Config) DriftOf(o converge.Observation) []converge.Line {
	return append(c.memoryDrift(o), c.Drift(ReadStatus(o))...)
}

// Drift compares what runs with the file. A setting that is no variable of the
// server (an option of its start only) cannot be asked for.
func (c Config) Drift(s Status) []converge.Line {
	var lines []converge.Line
	if !s.Answers {
		return lines // the unit's own line says why
	}
	for _, setting := range c.differing(s) {
		name := normalName(setting.Name)
		lines = append(lines, converge.Line{Subject: "variable " + name, Code: converge.CodeValue, Text: fmt.Sprintf("is %s, want %s", s.Variables[name], setting.Value)})
	}
	return lines
}

// differing are the settings that the running server has otherwise.
func (c Config) differing(s Status) []Setting {
	var list []Setting
	for _, setting := range c.Settings() {
		name := normalName(setting.Name)
		is, known := s.Variables[name]
		if !known || name == "group_replication_start_on_boot" || same(name, setting.Value, is) {
			continue
		}
		list = append(list, setting)
	}
	return list
}

// same compares two spellings of a value.
func same(name, want, is string) bool {
	want, is = strings.Trim(strings.TrimSpace(want), `"'`), strings.TrimSpace(is)
	if strings.EqualFold(want, is) {
		return true
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
