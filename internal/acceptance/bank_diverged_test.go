// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package acceptance

import "strings"

// diverged are servers that hold what the group has not. Nobody may take that from
// them but a person who has seen it.
func diverged() []mishap { return []mishap{strayed(), newcomer()} }

// own is what such a server was given, and what has to be there after a refusal.
const own = "CREATE DATABASE astray; CREATE TABLE astray.t (id INT PRIMARY KEY); INSERT INTO astray.t VALUES (7)"

// strayed is a member that left and was written to. Its person saves what it holds, and
// has it reset.
func strayed() mishap {
	var host string
	return mishap{
		name: "a member leaves and takes writes of its own",
		does: func(f *fixture) {
			host = f.secondary()
			f.sql(host, "STOP GROUP_REPLICATION; SET GLOBAL super_read_only = OFF; "+own)
		},
		decides: func(f *fixture, refusal string) {
			set := f.keptApart(host, refusal)
			f.carried("atoll_mysql_reset_member", map[string]any{"member": host, "discard_transactions": set, "discard_schemas": []string{"astray"}}, "done: "+host+" is ONLINE, with the group's data")
		},
	}
}

// newcomer is a machine that had a MySQL of its own before it was declared. Its person
// saves what it holds, has its data deleted, and declares it again.
func newcomer() mishap {
	var host string
	return mishap{
		name: "a server joins that was written to before",
		does: func(f *fixture) {
			host = f.secondary()
			f.must(f.lab.Rebuild(f.Context(), host))
			f.variables(func(_, _ map[string]any) {}) // with its new host key
			f.on(host, "systemctl start mysql && mysql -e '"+own+"'")
		},
		decides: func(f *fixture, refusal string) {
			f.keptApart(host, refusal)
			f.override("atoll_mysql_server.database", "delete_data = true")
			if err := f.terraform.Apply(f.Context()); err == nil || !strings.Contains(flat(err.Error()), "it holds transactions of its own") {
				f.Errorf("a word on what a destroy does was taken for one on a join: %v", err)
			}
			f.keptApart(host, refusal)
			f.variables(func(nodes, _ map[string]any) { delete(nodes, host) })
			f.apply()
			// What comes next begins with the site as it was.
			f.override("atoll_mysql_server.database", "")
			f.variables(func(_, _ map[string]any) {})
		},
	}
}

// keptApart: the refusal shows what the server holds and the group has not, and the way
// out; the server has it still, and the group has nothing of it.
func (f *fixture) keptApart(host, refusal string) (set string) {
	f.Helper()
	has := strings.ReplaceAll(f.sql(f.primary(), "SELECT @@gtid_executed"), `\n`, "")
	set = f.sql(host, "SELECT GTID_SUBTRACT(@@gtid_executed, '"+has+"')")
	for _, want := range []string{"it holds transactions of its own that the group has not: " + set, "Nothing was changed", "atoll_mysql_reset_member", "delete_data = true"} {
		if !strings.Contains(refusal, want) {
			f.Errorf("the refusal does not say %q: %s", want, refusal)
		}
	}
	if got := f.sql(host, "SELECT GROUP_CONCAT(id) FROM astray.t"); got != "7" {
		f.Errorf("%s was given 7, and holds %q", host, got)
	}
	if got := f.sql(f.primary(), "SHOW DATABASES LIKE 'astray'"); got != "" {
		f.Error("the group has taken what one of them holds")
	}
	return set
}
