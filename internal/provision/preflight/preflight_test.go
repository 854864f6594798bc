// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package preflight

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/atollhq/terraform-provider-atoll/internal/converge/convergetest"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/preflight/preflighttest"
)

var answer = preflighttest.Answer(preflighttest.OneTable) + "log\t\"1024\"\nchosen\t\"binlog-do-db \"\nmachine\t{\"memory\": 1024, \"free\": 2048, \"data\": true}\n"

const downAnswer = "unit	\"inactive\"\nend	true\nlog	null\nchosen	null\nmachine	{\"memory\": 1024, \"free\": 2048, \"data\": false}\n"

func TestQuestionFailsClosed(t *testing.T) {
	convergetest.FailsClosed(t, Question(), answer, downAnswer)
	for name, change := range map[string][2]string{
		"a list that is too short": {`"count": 1`, `"count": 2`},
		"no binary logs":           {"log\t\"1024\"", "log\tnull"},
		"no filters":               {"chosen\t\"binlog-do-db \"", "chosen\tnull"},
		"no memory":                {`"memory": 1024`, `"memory": 0`},
		"no variables":             {preflighttest.Variables, "NULL"},
	} {
		if facts, err := read(strings.Replace(answer, change[0], change[1], 1)); err == nil {
			t.Errorf("%s: %+v", name, facts)
		}
	}
}

func TestAnswerIsRead(t *testing.T) {
	facts, err := read(answer)
	if err != nil {
		t.Fatal(err)
	}
	if facts.Tables.Count != 1 || facts.DataBytes != 4096 || facts.LargestLog != 1024 || !cmp.Equal(facts.Filters, []string{"binlog-do-db"}) || !facts.HasData {
		t.Errorf("%+v", facts)
	}
	if facts, err = read(downAnswer); err != nil || facts.Answers || facts.Unit != "inactive" || facts.FreeBytes != 2048 {
		t.Errorf("%+v, %v", facts, err)
	}
}

// good is a server against which nothing stands.
func good() Facts {
	return Facts{
		Answers: true, Version: "9.7.4", UUID: "u", Machine: Machine{MemoryBytes: 4096 * mebibyte, FreeBytes: 20480 * mebibyte, HasData: true},
		DataBytes: 100 * mebibyte, LargestLog: 1 << 20,
		Variables: map[string]string{
			"log_bin": "ON", "server_id": "7", "innodb_page_size": "16384", "performance_schema": "ON", "innodb_buffer_pool_size": "134217728",
			"max_connections": "151", "sort_buffer_size": "262144", "join_buffer_size": "262144", "thread_stack": "1048576",
			"binlog_expire_logs_seconds": "604800", "max_binlog_size": "1073741824", "replica_max_allowed_packet": "1073741824", "lower_case_table_names": "0",
			"group_replication_message_cache_size": "1073741824", "collation_server": "utf8mb4_0900_ai_ci",
		},
	}
}

func listed[T any](first ...T) Listed[T] { return Listed[T]{Count: len(first), First: first} }

func table(engine string, keyless int, increments, partitioned string) func(*Facts) {
	return func(f *Facts) {
		f.Tables = listed(Table{Object{"a", "t"}, engine, keyless, increments, partitioned})
	}
}

func set(name, value string) func(*Facts) { return func(f *Facts) { f.Variables[name] = value } }

func replica(channel Channel) func(*Facts) {
	return func(f *Facts) { f.Channels = []Channel{channel} }
}

func account(version, plugin string, active int) func(*Facts) {
	return func(f *Facts) {
		f.Version, f.Accounts = version, listed(Account{"app", "%", plugin, active})
	}
}

// Each check finds what it is for, with the SQL that ends it, and nothing else.
func TestEachCheck(t *testing.T) {
	const alterUser = "ALTER USER 'app'@'%' IDENTIFIED WITH 'caching_sha2_password' BY '<its password>';"
	for name, row := range map[string]struct {
		change func(*Facts)
		want   string
		remedy string
	}{
		"nothing":          {func(*Facts) {}, "", ""},
		"MyISAM":           {table("MyISAM", 0, "", ""), "error engine a.t: its engine is MyISAM", "ALTER TABLE `a`.`t` ENGINE = InnoDB;"},
		"NDB":              {table("ndbcluster", 0, "", ""), "error engine a.t: its engine is NDB, whose rows lie in the data nodes", "ALTER TABLE `a`.`t` ENGINE = InnoDB;"},
		"MEMORY, no key":   {table("MEMORY", 1, "", ""), "error engine a.t: its engine is MEMORY, whose rows are gone after a restart and are not cloned and it has no primary key", "ALTER TABLE `a`.`t` ENGINE = InnoDB, ADD COLUMN `my_row_id` BIGINT UNSIGNED NOT NULL AUTO_INCREMENT INVISIBLE PRIMARY KEY FIRST;"},
		"FEDERATED":        {table("FEDERATED", 0, "", ""), "error engine a.t: its engine is FEDERATED", ""},
		"no key":           {table("InnoDB", 1, "", ""), "error key a.t: it has no primary key", "ALTER TABLE `a`.`t` ADD COLUMN `my_row_id` BIGINT UNSIGNED NOT NULL AUTO_INCREMENT INVISIBLE PRIMARY KEY FIRST;"},
		"counts already":   {table("InnoDB", 1, "n", ""), "error key a.t: it has no primary key", "ALTER TABLE `a`.`t` ADD PRIMARY KEY (`n`);"},
		"partitioned":      {table("InnoDB", 1, "", "year(`d`) `e`"), "error key a.t: it has no primary key", "ALTER TABLE `a`.`t` ADD COLUMN `my_row_id` BIGINT UNSIGNED NOT NULL AUTO_INCREMENT INVISIBLE FIRST, ADD PRIMARY KEY (`my_row_id`, `d`, `e`);"},
		"no invisible yet": {func(f *Facts) { table("InnoDB", 1, "", "")(f); f.Version = "8.0.22" }, "error version 8.0.22: version 8.0.22 is too old", ""},
		"orphan":           {foreignKey(1, 1, 1), "warning foreign_key a.t.fk: refers to b.p, which is not there", "ALTER TABLE `a`.`t` DROP FOREIGN KEY `fk`;"},
		"loose key":        {foreignKey(0, 1, 1), "warning foreign_key a.t.fk: refers to (x, y) of b.p, and no unique key there", "ALTER TABLE `b`.`p` ADD UNIQUE KEY (`x`, `y`);"},
		"cascade":          {foreignKey(0, 0, 1), "info foreign_key a.t.fk: changes rows of its table with those of b.p", ""},
		"native on 8.0":    {account("8.0.40", "mysql_native_password", 1), "warning account 'app'@'%': logs in by the plugin mysql_native_password, which MySQL 8.4 switches off", alterUser},
		"native on 8.4":    {account("8.4.3", "mysql_native_password", 0), "warning account 'app'@'%': logs in by the plugin mysql_native_password, which this server does not have or has switched off", alterUser},
		"native, on again": {account("8.4.3", "mysql_native_password", 1), "warning account 'app'@'%': logs in by the plugin mysql_native_password, which MySQL 9.0 no longer has", alterUser},
		"sha256":           {account("8.4.3", "sha256_password", 1), "warning account 'app'@'%': logs in by the plugin sha256_password, which is deprecated", alterUser},
		"LDAP":             {account("8.4.3", "authentication_ldap_simple", 1), "", ""},
		"definer": {func(f *Facts) { f.Definers = listed(Definer{"g'one@%", 2, "view a.v"}) },
			"warning definer 'g''one'@'%': the account is not there and defines view a.v and 1 more", "CREATE USER 'g''one'@'%' ACCOUNT LOCK; -- and GRANT it what they need"},
		"event":        {func(f *Facts) { f.Events = listed(Object{"a", "nightly"}) }, "warning event a.nightly: is enabled", "ALTER EVENT `a`.`nightly` ENABLE; -- on the new primary"},
		"replica":      {replica(Channel{Host: "h", Port: 3306, Receives: "ON", Applies: "ON", Auto: true}), "error replication channel '': is a replica of h:3306 (receiver ON, applier ON). Drain the source first: there SET PERSIST super_read_only = ON, then SELECT @@global.gtid_executed. With what that says", "SELECT WAIT_FOR_EXECUTED_GTID_SET('<gtid_executed>', 600); STOP REPLICA FOR CHANNEL ''; RESET REPLICA ALL FOR CHANNEL '';"},
		"by positions": {replica(Channel{Name: "o'1", Host: "::1", Port: 3306, Receives: "OFF", Applies: "OFF"}), "error replication channel 'o''1': is a replica of [::1]:3306 (receiver OFF, applier OFF). Drain the source first: there SET PERSIST super_read_only = ON, then SHOW BINARY LOG STATUS", "SELECT SOURCE_POS_WAIT('<file>', <position>, 600, 'o''1'); STOP REPLICA FOR CHANNEL 'o''1'; RESET REPLICA ALL FOR CHANNEL 'o''1';"},
		"one behind":   {replica(Channel{Host: "h", Port: 3306, Receives: "CONNECTING", Applies: "ON", Auto: true, Pending: "u:1-2,\nv:7"}), "error replication channel '': is a replica of h:3306 (receiver CONNECTING, applier ON, received and not applied yet: u:1-2,v:7). Drain", "SELECT WAIT_FOR_EXECUTED_GTID_SET('<gtid_executed>', 600); STOP REPLICA FOR CHANNEL ''; RESET REPLICA ALL FOR CHANNEL '';"},
		"a member's":   {func(f *Facts) { replica(Channel{Host: "h", Port: 3306})(f); f.Member = true }, "warning replication channel '': is a replica of h:3306 (receiver , applier ): only the primary of a group may, and MySQL Shell refuses the server", "STOP REPLICA FOR CHANNEL ''; RESET REPLICA ALL FOR CHANNEL '';"},
		"once a member": {func(f *Facts) {
			replica(Channel{Host: "h", Port: 3306})(f)
			set("group_replication_group_name", "u")(f)
		}, "warning replication channel ''", "STOP REPLICA FOR CHANNEL ''; RESET REPLICA ALL FOR CHANNEL '';"},
		"asleep":        {func(f *Facts) { f.Asleep = listed(Object{"a", "nightly"}) }, "warning event a.nightly: came by replication and is switched off here", "ALTER EVENT `a`.`nightly` ENABLE; -- once the source is drained"},
		"a secondary's": {func(f *Facts) { f.Member, f.Asleep = true, listed(Object{"a", "nightly"}) }, "", ""},
		"filter":        {func(f *Facts) { f.Filters = []string{"REPLICATE_DO_DB"} }, "error replication REPLICATE_DO_DB: leaves out some of what is written", "CHANGE REPLICATION FILTER REPLICATE_DO_DB = ();"},
		"binlog filter": {func(f *Facts) { f.Filters = []string{"binlog-do-db"} }, "error replication binlog-do-db: leaves out some of what is written", ""},
		"small pages":   {set("innodb_page_size", "4096"), "error variable innodb_page_size: is 4096", ""},
		"no schema":     {set("performance_schema", "OFF"), "error variable performance_schema: is OFF", ""},
		"pool":          {set("innodb_buffer_pool_size", "3221225472"), "warning memory innodb_buffer_pool_size: the pool of 3072 MiB, the group's message cache of 1024 MiB, 151 connections of up to 2 MiB and 512 MiB for the server itself are 4835 MiB, and the machine has 4096 MiB", ""},
		"connections":   {set("max_connections", "2000"), "warning memory innodb_buffer_pool_size: the pool of 128 MiB", ""},
		"packet":        {set("replica_max_allowed_packet", "67108864"), "warning transaction_size replica_max_allowed_packet: is 67108864, and group_replication_transaction_size_limit lets 150000000 pass", "SET PERSIST replica_max_allowed_packet = 1073741824;"},
		"no limit":      {set("group_replication_transaction_size_limit", "0"), "warning transaction_size replica_max_allowed_packet: is 1073741824, and group_replication_transaction_size_limit lets any size pass", "SET PERSIST replica_max_allowed_packet = 1073741824;"},
		"large one":     {func(f *Facts) { f.LargestLog = 2 << 30 }, "warning transaction_size group_replication_transaction_size_limit: a binary log holds a transaction of at least 1024 MiB, and a group rolls back what is larger than 143 MiB", ""},
		"no binary log": {set("log_bin", "OFF"), "error binary_log log_bin: is OFF", ""},
		"for ever":      {set("binlog_expire_logs_seconds", "0"), "warning binary_log binlog_expire_logs_seconds: is 0", "SET PERSIST binlog_expire_logs_seconds = 604800;"},
		"for an hour":   {set("binlog_expire_logs_seconds", "3600"), "warning binary_log binlog_expire_logs_seconds: is 3600", "SET PERSIST binlog_expire_logs_seconds = 604800;"},
		"not purged":    {set("binlog_expire_logs_auto_purge", "OFF"), "warning binary_log binlog_expire_logs_auto_purge: is OFF", "SET PERSIST binlog_expire_logs_auto_purge = ON;"},
		"cut off":       {func(f *Facts) { f.Lacks = []string{"USER_ATTRIBUTES"} }, "warning server information_schema: lacks USER_ATTRIBUTES: its datadir was not made to its end", ""},
		"too old":       {func(f *Facts) { f.Version, f.Lacks = "5.7.44", []string{"USER_ATTRIBUTES"} }, "error version 5.7.44: version 5.7.44 is too old", ""},
		"a newer one":   {func(f *Facts) { f.Version = "10.0.1" }, "error version 10.0.1: version 10.0.1 is newer", ""},
		"not asked":     {func(f *Facts) { *f = Facts{Err: errors.New("cut")} }, "error server : was not asked: cut", ""},
		"stands still":  {func(f *Facts) { *f = Facts{Unit: "failed", Machine: Machine{HasData: true}} }, "error server : holds data and is failed", ""},
		"none yet":      {func(f *Facts) { *f = Facts{Unit: "inactive"} }, "info server : there is no server with data", ""},
	} {
		facts := good()
		row.change(&facts)
		findings := One(facts)
		if row.want == "" && len(findings) == 0 {
			continue
		}
		if len(findings) == 0 {
			t.Errorf("%s: nothing was found", name)
			continue
		}
		for _, one := range findings {
			got := fmt.Sprintf("%s %s %s: %s", one.Severity, one.Check, one.Object, one.Text)
			if name == "no invisible yet" {
				if one.Check == CheckKey && strings.Contains(one.Remedy, "INVISIBLE") {
					t.Errorf("%s: %s", name, one.Remedy)
				}
				continue
			}
			if row.want == "" || !strings.HasPrefix(got, row.want) || one.Remedy != row.remedy {
				t.Errorf("%s: %s\n%s\nwant %s\n%s", name, got, one.Remedy, row.want, row.remedy)
			}
		}
	}
}

func foreignKey(orphaned, loose, cascades int) func(*Facts) {
	return func(f *Facts) {
		f.ForeignKeys = listed(ForeignKey{Object{"a", "t"}, "fk", Object{"b", "p"}, []string{"x", "y"}, orphaned, loose, cascades})
	}
}

// What differs between servers, or must, is said once and names them.
func TestBetweenServers(t *testing.T) {
	for name, row := range map[string]struct {
		change func(a, b *Facts)
		want   string
	}{
		"two good ones": {func(_, _ *Facts) {}, ""},
		"case of names": {func(_, b *Facts) { b.Variables["lower_case_table_names"] = "1" }, "error variable : lower_case_table_names: differs: 0 on a, 1 on b: Group Replication refuses"},
		"collation":     {func(_, b *Facts) { b.Variables["collation_server"] = "latin1_swedish_ci" }, "error variable : collation_server: differs: latin1_swedish_ci on b, utf8mb4_0900_ai_ci on a: a clone is refused"},
		"one UUID":      {func(a, b *Facts) { b.UUID = a.UUID }, "warning identity : server_uuid: is the same: u on a and b"},
		"one number":    {func(_, b *Facts) { b.Variables["server_id"] = "7" }, "warning identity : server_id: is the same: 7 on a and b"},
		"too far apart": {func(_, b *Facts) { b.Version = "8.0.40" }, "error version : version: members' versions are too far apart"},
		"data of both":  {func(a, b *Facts) { a.Schemas, b.Schemas, b.DataBytes = []string{"shop"}, []string{"blog"}, 1 }, "error identity b: b: blog: only this server has these schemas"},
		"the same data": {func(a, b *Facts) { a.Schemas, b.Schemas, b.DataBytes = []string{"shop"}, []string{"shop"}, 1 }, "warning identity b: b: shop: a has schemas of these names, too"},
		"a member back": {func(a, b *Facts) {
			a.Schemas, b.Schemas, b.DataBytes = []string{"shop"}, []string{"shop"}, 1
			set("group_replication_group_name", "u")(b)
		}, ""},
		"no room":       {func(a, _ *Facts) { a.Schemas, a.DataBytes = []string{"shop"}, 30000*mebibyte }, "error disk b: b: /var/lib/mysql: a clone of the data of a needs 30000 MiB, and there is room for 20580 MiB"},
		"room on a new": {func(_, b *Facts) { *b = Facts{Unit: "inactive", Machine: Machine{FreeBytes: 99 * mebibyte}} }, "error disk b: b: /var/lib/mysql: a clone of the data of a needs 100 MiB, and there is room for 99 MiB"},
		"little room":   {func(_, b *Facts) { *b = Facts{Unit: "inactive", Machine: Machine{FreeBytes: 300 * mebibyte}} }, "warning disk b: b: /var/lib/mysql: after a clone of the data of a there is room for 200 MiB"},
		"one not asked": {func(_, b *Facts) { *b = Facts{Err: errors.New("cut")} }, "error server b: b: was not asked: cut"},
	} {
		a, b := good(), good()
		b.UUID, b.Variables["server_id"] = "v", "8"
		row.change(&a, &b)
		var got []string
		for _, one := range Check(map[string]Facts{"a": a, "b": b}) {
			if one.Severity != Info {
				got = append(got, fmt.Sprintf("%s %s %s: %s", one.Severity, one.Check, one.Server, one))
			}
		}
		if row.want == "" && len(got) > 0 || row.want != "" && (len(got) != 1 || !strings.HasPrefix(got[0], row.want)) {
			t.Errorf("%s: %q, want %q", name, got, row.want)
		}
	}
}

// What a join meets is refused; what the servers' own declarations may end, or a
// group has already, is not.
func TestJoining(t *testing.T) {
	for name, row := range map[string]struct {
		change func(a, b *Facts)
		want   string
	}{
		"two good ones":          {func(_, _ *Facts) {}, ""},
		"a table of a new group": {func(a, _ *Facts) { table("MyISAM", 0, "", "")(a) }, "a: a.t: its engine is MyISAM"},
		"a table of a group":     {func(a, _ *Facts) { a.Member = true; table("InnoDB", 1, "", "")(a) }, ""},
		"case of names":          {func(_, b *Facts) { b.Variables["lower_case_table_names"] = "1" }, "lower_case_table_names: differs"},
		"a collation":            {func(_, b *Facts) { b.Variables["collation_server"] = "latin1_swedish_ci" }, ""},
		"a version":              {func(_, b *Facts) { b.Version = "8.0.40" }, ""},
		"one not asked":          {func(_, b *Facts) { *b = Facts{Err: errors.New("cut")} }, ""},
		"data beside a group": {func(a, b *Facts) { a.Member, a.DataBytes, b.Schemas = true, 1, []string{"blog"} },
			"b: blog: only this server has these schemas, and a group takes its data from one, which would be a"},
		"one that lags": {func(a, b *Facts) { a.Schemas, b.Schemas, a.DataBytes = []string{"blog", "shop"}, []string{"shop"}, 1 }, ""},
		"both have more": {func(a, b *Facts) {
			a.Schemas, b.Schemas, b.DataBytes = []string{"blog", "shop"}, []string{"shop", "wiki"}, 1
		},
			"b: wiki: only this server has these schemas"},
		"a replica": {func(_, b *Facts) { replica(Channel{Host: "h", Port: 3306, Receives: "ON", Applies: "ON"})(b) }, "b: channel '': is a replica of h:3306"},
		"a filter":  {func(_, b *Facts) { b.Filters = []string{"REPLICATE_DO_DB"} }, ""},
		"no room":   {func(a, _ *Facts) { a.Member, a.DataBytes = true, 30000*mebibyte }, "b: /var/lib/mysql: a clone"},
	} {
		a, b := good(), good()
		b.UUID, b.Variables["server_id"] = "v", "8"
		row.change(&a, &b)
		found := Joining(map[string]Facts{"a": a, "b": b})
		if row.want == "" && len(found) > 0 || row.want != "" && (len(found) != 1 || !strings.HasPrefix(found[0].String(), row.want)) {
			t.Errorf("%s: %v, want %q", name, found, row.want)
		}
	}
}

// Data that a copy would replace are said, of a server that does not run, too.
func TestReplaced(t *testing.T) {
	for name, row := range map[string]struct {
		change func(a, b *Facts)
		want   string
	}{
		"two empty ones":      {func(_, _ *Facts) {}, ""},
		"an old source":       {func(a, b *Facts) { a.Schemas, b.Schemas, a.DataBytes = []string{"shop"}, []string{"shop"}, 1<<40 }, "b: shop: a has schemas of these names, too"},
		"one that is refused": {func(a, b *Facts) { a.Schemas, b.Schemas, a.Member = []string{"shop"}, []string{"blog"}, true }, ""},
		"one that stands": {func(a, b *Facts) {
			a.Schemas, *b = []string{"shop"}, Facts{Unit: "inactive", Machine: Machine{HasData: true}}
		}, "b: holds data and is inactive, so it was not asked about them, and a group takes its data from one, which may be a"},
		"only one has data": {func(_, b *Facts) { *b = Facts{Unit: "inactive", Machine: Machine{HasData: true}} }, ""},
		"one that is not asked": {func(a, b *Facts) {
			a.Schemas, *b = []string{"shop"}, Facts{Err: errors.New("cut"), Machine: Machine{HasData: true}}
		}, ""},
	} {
		a, b := good(), good()
		row.change(&a, &b)
		found := Replaced(map[string]Facts{"a": a, "b": b})
		if row.want == "" && len(found) > 0 || row.want != "" && (len(found) != 1 || !strings.HasPrefix(found[0].String(), row.want)) {
			t.Errorf("%s: %v, want %q", name, found, row.want)
		}
	}
}

// The same facts give the same list, the worst first.
func TestOrderIsStable(t *testing.T) {
	servers := map[string]Facts{}
	for _, key := range []string{"c", "a", "b"} {
		facts := good()
		foreignKey(0, 0, 1)(&facts)
		table("MyISAM", 1, "", "")(&facts)
		facts.Events = listed(Object{"a", "nightly"})
		facts.Variables["lower_case_table_names"] = key
		servers[key] = facts
	}
	first := Check(servers)
	for range 20 {
		if diff := cmp.Diff(first, Check(servers)); diff != "" {
			t.Fatal(diff)
		}
	}
	for i, finding := range first[1:] {
		if finding.Severity.rank() < first[i].Severity.rank() {
			t.Errorf("%v after %v", finding, first[i])
		}
	}
}

func TestRefusal(t *testing.T) {
	facts := good()
	facts.Events = listed(Object{"a", "nightly"})
	if err := Refusal(One(facts)); err != nil {
		t.Errorf("warnings refuse: %v", err)
	}
	table("MyISAM", 1, "", "")(&facts)
	for len(facts.Tables.First) < shown {
		facts.Tables.First = append(facts.Tables.First, facts.Tables.First[0])
	}
	facts.Tables.Count = 150
	if found := One(facts); !strings.Contains(fmt.Sprint(found), "and 50 more tables") {
		t.Errorf("150 tables: %v", found)
	}
	err := Refusal(One(facts))
	for _, want := range []string{"a.t: its engine is MyISAM and it has no primary key\n    ALTER TABLE `a`.`t` ENGINE = InnoDB, ADD COLUMN", "and more: a data source"} {
		if !errors.Is(err, ErrRefused) || !strings.Contains(err.Error(), want) {
			t.Errorf("%q is missing in\n%v", want, err)
		}
	}
}

// What keeps members from all taking writes is found on the one whose data count,
// and the isolation of each.
func TestMultiPrimary(t *testing.T) {
	whole, cascades, strict := good(), good(), good()
	foreignKey(0, 0, 1)(&cascades)
	cascades.Member = true
	set("transaction_isolation", "SERIALIZABLE")(&strict)
	foreignKey(0, 1, 0)(&strict)
	var got []string
	for _, finding := range MultiPrimary(map[string]Facts{"a": whole, "b": cascades, "c": strict, "d": {Err: errors.New("silent")}}) {
		got = append(got, strings.Join([]string{string(finding.Severity), finding.Server, finding.Object, finding.Remedy}, " "))
	}
	want := []string{"error b a.t.fk ALTER TABLE `a`.`t` DROP FOREIGN KEY `fk`;", "error c transaction_isolation "}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if found := MultiPrimary(map[string]Facts{"a": whole}); len(found) > 0 {
		t.Errorf("%+v", found)
	}
}
