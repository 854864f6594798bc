// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

// Package preflighttest has what a server answers to the question of package
// preflight, for the tests of whoever asks it.
package preflighttest

// Lists of tables, as an answer has them.
const (
	// NoTables is one of a server against whose tables nothing stands.
	NoTables = `{"count": null, "first": null}`
	// OneTable has a table that a group does not take: shop.log.
	OneTable = `{"count": 1, "first": [{"schema": "shop", "name": "log", "engine": "MyISAM", "keyless": 1, "increments": "", "partitioned": ""}]}`
	// Variables are those of the answer.
	Variables = `{"log_bin": "ON", "server_id": "7", "binlog_expire_logs_seconds": "604800"}`
)

// Answer is what the client of a running server prints, with a list of its
// tables. What the machine says by itself is not in it.
func Answer(tables string) string {
	return `server	{"version": "9.7.4", "uuid": "u"}
variables	` + Variables + `
member	false
tables	` + tables + `
foreign_keys	{"count": null, "first": null}
accounts	{"count": null, "first": null}
definers	{"count": null, "first": null}
events	{"count": null, "first": null}
asleep	{"count": null, "first": null}
views	["ENABLED_ROLES", "USER_ATTRIBUTES", "ROLE_TABLE_GRANTS", "APPLICABLE_ROLES", "ROLE_COLUMN_GRANTS", "ROLE_ROUTINE_GRANTS", "ADMINISTRABLE_ROLE_AUTHORIZATIONS"]
data	"4096"
schemas	["shop"]
channels	NULL
filters	NULL
end	true
`
}
