// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package mysqld

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
)

// Setting is one line of the settings file.
type Setting struct {
	// Name in the form of the server's variables, with underscores.
	Name, Value string
}

// required are the settings that InnoDB Cluster needs of this very version. The
// sources are the manual's Group Replication requirements and the checks of
// MySQL Shell; what a version has as its fixed default is not written.
func (c Config) required() []Setting {
	list := []Setting{
		{"server_id", strconv.FormatInt(c.ServerID, 10)},
		{"port", strconv.Itoa(c.Port)},
		{"bind_address", c.Address},
		{"mysqlx", "OFF"},
		{"report_host", c.Address},
		{"report_port", strconv.Itoa(c.Port)},
		{"enforce_gtid_consistency", "ON"},
		{"gtid_mode", "ON"},
		{"disabled_storage_engines", "MyISAM,BLACKHOLE,FEDERATED,ARCHIVE,MEMORY"},
		{"persisted_globals_load", "ON"},
		{"plugin_load_add", "group_replication.so;mysql_clone.so"},
		// The cluster persists ON once the server is a member.
		{"loose_group_replication_start_on_boot", "OFF"},
	}
	if c.Version.Known() && c.Version.Before(8, 3, 0) {
		list = append(list, Setting{"replica_parallel_type", "LOGICAL_CLOCK"}, Setting{"replica_preserve_commit_order", "ON"})
	}
	if c.Version.Known() && c.Version.Before(8, 4, 0) {
		list = append(list, Setting{"binlog_transaction_dependency_tracking", "WRITESET"})
	}
	return list
}

// normalName is the form in which MySQL takes all spellings of an option for one.
func normalName(name string) string {
	name = strings.ReplaceAll(strings.ToLower(strings.TrimSpace(name)), "-", "_")
	return strings.TrimPrefix(name, "loose_")
}

// CheckSettings finds what the user may not set, all of it at once. It needs no
// host, so it speaks at plan time.
func CheckSettings(settings map[string]string) []error {
	var problems []error
	spellings := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		normal := normalName(name)
		if other, twice := spellings[normal]; twice {
			problems = append(problems, fmt.Errorf("settings[%q] and settings[%q] are one setting: keep one of them", other, name))
		}
		spellings[normal] = name
		found := decide(normal)
		switch {
		case found.refusal != "":
			problems = append(problems, fmt.Errorf("settings[%q] cannot be set: %s. Remove it", name, found.refusal))
		case !settingName.MatchString(normal):
			problems = append(problems, fmt.Errorf("settings[%q] is not the name of a setting: use letters, digits and underscores", name))
		case !found.known:
			problems = append(problems, fmt.Errorf("settings[%q] is no setting of MySQL 8.0, 8.4 or 9.x that this release knows: check its spelling", name))
		case strings.ContainsFunc(settings[name], unicode.IsControl):
			problems = append(problems, fmt.Errorf("settings[%q] holds a line break or another control character: write its value in one line", name))
		default:
			if err := checkConnections(name, settings[name]); err != nil {
				problems = append(problems, err)
			}
		}
	}
	return problems
}

var settingName = regexp.MustCompile(`^[a-z][a-z0-9_.]*$`)

// Settings is the whole content of the file: what the cluster needs, what is
// sized to the machine, what is sensible on such sites, and the user's own,
// which win over the last two.
func (c Config) Settings() []Setting {
	own := map[string]string{}
	for name, value := range c.Own {
		own[normalName(name)] = value
	}
	list := c.required()
	if !c.OwnTLS() {
		list = append(list, certificateSettings()...)
	}
	usual := append(c.sized(), Setting{"skip_name_resolve", "ON"}, Setting{"binlog_expire_logs_seconds", "604800"}, Setting{"require_secure_transport", "ON"})
	if c.GeneratesKeys != "" {
		usual = append(usual, Setting{generatedKeys, c.GeneratesKeys})
	}
	for _, setting := range usual {
		if _, set := own[normalName(setting.Name)]; !set {
			list = append(list, setting)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(own)) {
		list = append(list, Setting{name, own[name]})
	}
	return list
}

// generatedKeys is the variable by which MySQL, from 8.0.30 on, gives a table that is made
// without a primary key an invisible one.
const generatedKeys = "sql_generate_invisible_primary_key"

// CheckGeneratedKeys refuses to say twice whether tables get keys.
func (c Config) CheckGeneratedKeys() error {
	for name, value := range c.Own {
		if c.GeneratesKeys != "" && normalName(name) == generatedKeys {
			return fmt.Errorf("generate_primary_keys is declared, and settings[%q] = %q says the same or the contrary: remove one of the two", name, value)
		}
	}
	return nil
}

// file is the settings file.
func (c Config) file() []byte {
	var text strings.Builder
	text.WriteString("# Written by Atoll: edits are taken back by the next apply.\n[mysqld]\n")
	for _, setting := range c.Settings() {
		fmt.Fprintf(&text, "%s = %s\n", setting.Name, fileValue(setting.Value))
	}
	return []byte(text.String())
}

// forms says what cannot be written into the settings file and the unit, neither
// of which takes a line break.
func (c Config) forms() error {
	problems := []error{converge.Formed("package", c.packageName(), converge.PackageForm), converge.Addressed("address", c.Address)}
	if c.After != "" {
		problems = append(problems, converge.Formed("the unit to start after", c.After, converge.UnitForm))
	}
	if c.Interface != "" {
		problems = append(problems, converge.Formed("the mesh's interface", c.Interface, interfaceForm))
	}
	for _, name := range slices.Sorted(maps.Keys(c.Own)) {
		problems = append(problems, converge.Formed("the name of a setting", normalName(name), settingName), converge.OneLine("settings["+strconv.Quote(name)+"]", c.Own[name]))
	}
	return errors.Join(problems...)
}

// fileValue writes a value so that mysqld reads it back as it is: its option
// files take a backslash for an escape, what follows a # for a comment, and
// quotes for what they are (my_default.c). What the user has quoted himself
// stays.
func fileValue(value string) string {
	if quoted(value) {
		return value
	}
	escaped := strings.ReplaceAll(value, `\`, `\\`)
	if strings.ContainsAny(escaped, `#"'`) || strings.TrimSpace(escaped) != escaped {
		escaped = `"` + strings.ReplaceAll(escaped, `"`, `\"`) + `"`
	}
	return escaped
}

// quoted says whether a value stands in quotes that end with it.
func quoted(value string) bool {
	if len(value) < 2 || value[0] != '"' && value[0] != '\'' {
		return false
	}
	for i := 1; i < len(value); i++ {
		switch value[i] {
		case '\\':
			i++
		case value[0]:
			return i == len(value)-1
		}
	}
	return false
}

// parseFileValue is the other direction.
func parseFileValue(text string) string {
	if len(text) >= 2 && text[0] == '"' && text[len(text)-1] == '"' && strings.ContainsAny(text[1:len(text)-1], `# "'`) {
		text = text[1 : len(text)-1]
		text = strings.ReplaceAll(text, `\"`, `"`)
	}
	return strings.ReplaceAll(text, `\\`, `\`)
}
