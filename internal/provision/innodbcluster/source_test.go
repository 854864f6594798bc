// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package innodbcluster

import (
	"errors"
	"strings"
	"testing"

	"github.com/go-sql-driver/mysql"

	"github.com/atollhq/terraform-provider-atoll/internal/provision"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/mysqld"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/preflight"
)

var outside = Source{Address: "10.0.0.9", Port: 3306, User: "cloner", Password: "secret"}

// cloneableSource is one against which nothing stands.
func cloneableSource() sourceFacts {
	return sourceFacts{
		Version: "9.7.4", SuperReadOnly: 1, GTIDMode: "ON", Executed: "x:1-3", Plugins: []string{"auth_socket", "clone"}, Root: "auth_socket",
		Facts: preflight.Facts{Answers: true, Version: "9.7.4", Variables: map[string]string{"log_bin": "ON", "binlog_expire_logs_seconds": "604800"}},
	}
}

// What stands against a source is said by the attribute, with the way out, and only that.
func TestSourceIsRefused(t *testing.T) {
	for name, row := range map[string]struct {
		change func(*sourceFacts)
		want   string
	}{
		"nothing":            {func(*sourceFacts) {}, ""},
		"privileges":         {func(f *sourceFacts) { *f = sourceFacts{Lacks: []string{"PROCESS"}} }, `import_from.user = "cloner": the user lacks PROCESS. On the source 10.0.0.9:3306, as an administrator: GRANT BACKUP_ADMIN, PROCESS, SELECT`},
		"another series":     {func(f *sourceFacts) { f.Version = "8.4.3" }, "it is MySQL 8.4.3, and the member would be 9.7.4: MySQL clones within one series only"},
		"no clone plugin":    {func(f *sourceFacts) { f.Plugins = []string{"auth_socket"} }, "INSTALL PLUGIN clone SONAME 'mysql_clone.so';"},
		"no GTIDs":           {func(f *sourceFacts) { f.GTIDMode = "OFF" }, "gtid_mode is OFF"},
		"a root with secret": {func(f *sourceFacts) { f.Root = "caching_sha2_password" }, "ALTER USER root@localhost IDENTIFIED WITH auth_socket;"},
		"no root":            {func(f *sourceFacts) { f.Root = "" }, `root@localhost logs in by ""`},
		"a member":           {func(f *sourceFacts) { f.Clustered = 1 }, "it has the metadata of an InnoDB Cluster"},
		"encrypted":          {func(f *sourceFacts) { f.Encrypted = 3 }, "3 tablespaces are encrypted"},
		"a plugin more":      {func(f *sourceFacts) { f.Plugins = append(f.Plugins, "audit_log") }, "the plugins audit_log are active there and not on a"},
		"takes writes":       {func(f *sourceFacts) { f.SuperReadOnly = 0 }, "it is not drained, and what is written there after the copy would be missing: SET PERSIST super_read_only = ON;"},
		"replicates": {func(f *sourceFacts) {
			f.Facts.Channels = []preflight.Channel{{Host: "h", Port: 3306, Receives: "ON", Applies: "ON"}}
		}, "it is not drained: it is a replica of h:3306 (receiver ON, applier ON): STOP REPLICA FOR CHANNEL '';"},
		"did replicate":       {func(f *sourceFacts) { f.Facts.Channels = []preflight.Channel{{Host: "h", Port: 3306, Applies: "OFF"}} }, ""},
		"all room":            {func(f *sourceFacts) { f.Facts.DataBytes = 1 << 30 }, ""},
		"too large":           {func(f *sourceFacts) { f.Facts.DataBytes = 1<<30 + 1 }, `import_from.address = "10.0.0.9": the source 10.0.0.9:3306: its data cannot be those of a new cluster: a copy of them takes 1025 MiB, and /var/lib/mysql of a has room for 1024 MiB. Nothing was changed. Make room there, or give that machine a larger disk`},
		"too large, and more": {func(f *sourceFacts) { f.Facts.DataBytes, f.GTIDMode = 1<<40, "OFF" }, "has room for 1024 MiB"},
		"a table": {func(f *sourceFacts) {
			f.Facts.Tables = preflight.Listed[preflight.Table]{Count: 1, First: []preflight.Table{{Object: preflight.Object{Schema: "a", Name: "t"}, Engine: "MyISAM"}}}
		}, "a.t: its engine is MyISAM"},
	} {
		found := cloneableSource()
		row.change(&found)
		room := uint64(1 << 30)
		err := outside.refuses(found, recipient{"a", "9.7.4", []string{"auth_socket", "group_replication", "clone"}, &room})
		if row.want == "" && err != nil || row.want != "" && (err == nil || !strings.Contains(err.Error(), row.want) || strings.Count(err.Error(), "\n  ") > 2) {
			t.Errorf("%s: %v", name, err)
		}
	}
	unknown := cloneableSource()
	unknown.Facts.DataBytes = 1 << 40
	if err := outside.refuses(unknown, recipient{key: "a"}); err != nil {
		t.Errorf("for a server that is not there yet: %v", err)
	}
}

// MySQL clones within a series, and before 8.0.37 within a version.
func TestCloneable(t *testing.T) {
	for pair, want := range map[string]bool{
		"9.7.4 9.7.4": true, "9.7.4 9.7.5": true, "9.6.0 9.7.0": false, "8.4.0 8.4.7": true, "8.0.40 8.4.7": false, "8.0.37 8.0.44": true,
		"8.0.36 8.0.44": false, "8.0.44 8.0.36": false, "8.0.36 8.0.36": true,
	} {
		from, to, _ := strings.Cut(pair, " ")
		if err := cloneable(mysqld.ParseVersion(from), mysqld.ParseVersion(to)); (err == nil) != want {
			t.Errorf("%s: %v", pair, err)
		}
	}
}

// Why a source says nothing is said by the attribute that it depends on.
func TestSourceUnheard(t *testing.T) {
	for want, err := range map[string]error{
		`import_from.user = "cloner": the source 10.0.0.9:3306 does not let this user in from 10.0.0.1`:     &mysql.MySQLError{Number: 1045, Message: "Access denied"},
		`import_from.address = "10.0.0.9": the source 10.0.0.9:3306, asked from 10.0.0.1, says: Error 1040`: &mysql.MySQLError{Number: 1040, Message: "Too many connections"},
		`import_from.address = "10.0.0.9": the source 10.0.0.9:3306 is not reached from 10.0.0.1: refused`:  errors.New("refused"),
	} {
		if got := outside.unheard("10.0.0.1", err); !strings.HasPrefix(got.Error(), want) || strings.Contains(got.Error(), "secret") {
			t.Errorf("%v", got)
		}
	}
}

// A copy is made where nobody has data, looked at again where it was begun, and wipes
// nothing; a cluster that is there is none of its business.
func TestBeginning(t *testing.T) {
	for name, row := range map[string]struct {
		change  func(seen map[string]Observation)
		want    provision.Operation
		refused string
	}{
		"nobody has data": {func(map[string]Observation) {}, Import{"a", "10.0.0.9:3306"}, ""},
		"begun": {func(seen map[string]Observation) {
			altered(seen, "b", func(o *Observation) { o.Cloned, o.Executed, o.Schemas = "10.0.0.9:3306", "x:1-3", []string{"shop"} })
		}, Import{"b", "10.0.0.9:3306"}, ""},
		"of another": {func(seen map[string]Observation) {
			altered(seen, "b", func(o *Observation) { o.Cloned, o.Executed = "10.0.0.8:3306", "x:1-3" })
		}, nil, "member b: import_from replaces nobody's data, and it has the transactions x:1-3"},
		"schemas": {func(seen map[string]Observation) {
			altered(seen, "c", func(o *Observation) { o.Schemas = []string{"blog", "shop"} })
		}, nil, "member c: import_from replaces nobody's data, and it has the schemas blog, shop. Nothing was changed"},
	} {
		c := three()
		c.Options.ImportFrom = &outside
		seen := all(c, fresh)
		row.change(seen)
		operations, err := Diagnose(c, seen).Operations()
		switch {
		case row.refused != "" && (!errors.Is(err, ErrOwnData) || !strings.Contains(err.Error(), row.refused)):
			t.Errorf("%s: %v, %v", name, operations, err)
		case row.refused == "" && (err != nil || len(operations) != 1 || operations[0] != row.want):
			t.Errorf("%s: %v, %v", name, operations, err)
		}
	}
	c := three()
	c.Options.ImportFrom = &outside
	if operations, err := Diagnose(c, standing(c)).Operations(); err != nil || len(operations) > 0 {
		t.Errorf("a cluster that stands: %v, %v", operations, err)
	}
	alone := standing(c)
	for key := range alone {
		altered(alone, key, func(o *Observation) { o.View = nil })
	}
	if operations, err := Diagnose(c, alone).Operations(); err != nil || len(operations) != 1 || operations[0] != (Reboot{"a"}) {
		t.Errorf("a cluster that is down: %v, %v", operations, err)
	}
}

func altered(seen map[string]Observation, key string, how func(*Observation)) {
	one := seen[key]
	how(&one)
	seen[key] = one
}
