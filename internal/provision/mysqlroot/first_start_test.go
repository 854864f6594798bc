// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package mysqlroot

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// machine has the scripts of this file for a directory of a test, with a mysqld that
// writes down how it was called, and makes data as $makes says.
type machine struct {
	dir, data, mark string
}

func newMachine(t *testing.T) machine {
	t.Helper()
	dir := t.TempDir()
	m := machine{dir, filepath.Join(dir, "data"), filepath.Join(dir, "atoll", "mark")}
	m.write(t, "mysqld", `#!/bin/sh
echo "$@" >>"`+dir+`/calls"
case $ATOLL_MAKES in
whole) : >"`+m.data+`/mysql.ibd" ;;
half) : >"`+m.data+`/mysql.ibd"; mkdir -p "`+m.data+`/mysql"; [ -e "`+m.mark+`" ] || echo unmarked >>"`+dir+`/calls"; exit 1 ;;
killed) : >"`+m.data+`/mysql.ibd"; kill -KILL $PPID ;;
esac
`)
	m.write(t, "init.sql", "USE mysql; \nCREATE USER a;\nSHUTDOWN;\n")
	if err := os.Mkdir(m.data, 0o755); err != nil {
		t.Fatal(err)
	}
	return m
}

func (m machine) write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(m.dir, name), []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
}

// run runs a script as it would run on a machine whose directories are the test's.
func (m machine) run(script, makes string, arguments ...string) error {
	script = strings.NewReplacer(DataDirectory, m.data, "/usr/sbin/mysqld", filepath.Join(m.dir, "mysqld"), Initialising, m.mark, "/var/lib/atoll", filepath.Dir(m.mark)).Replace(script)
	command := exec.Command("sh", append([]string{"-euc", script, "mysqld"}, arguments...)...)
	command.Env = append(os.Environ(), "ATOLL_MAKES="+makes)
	return command.Run()
}

// read gives what a file holds, and "" for none.
func (m machine) read(name string) string {
	text, _ := os.ReadFile(filepath.Join(m.dir, name))
	return string(text)
}

// What a package's script asks mysqld for: data are made to their end, or not at all, and
// those that are there are left alone.
func TestStandInForMysqld(t *testing.T) {
	makes := func(m machine) []string {
		return []string{"--initialize-insecure", "--user=mysql", "--init-file=" + filepath.Join(m.dir, "init.sql")}
	}
	for name, row := range map[string]struct {
		there     []string // in the datadir
		makes     string
		arguments func(machine) []string
		fails     bool
		calls     int
		left      []string
		mark      bool
	}{
		"whole":                    {nil, "whole", makes, false, 1, []string{"mysql.ibd"}, false},
		"beside lost+found":        {[]string{"lost+found/"}, "half", makes, true, 1, []string{"lost+found"}, false},
		"given up half way":        {nil, "half", makes, true, 1, nil, false},
		"killed half way":          {nil, "killed", makes, true, 1, []string{"mysql.ibd"}, true},
		"data are there":           {[]string{"mysql.ibd", "shop/"}, "half", makes, false, 0, []string{"mysql.ibd", "shop"}, false},
		"something else is there":  {[]string{"notes"}, "half", makes, true, 1, []string{"mysql", "mysql.ibd", "notes"}, false},
		"not to make data":         {nil, "", func(machine) []string { return []string{"--verbose", "--help"} }, false, 1, nil, false},
		"a server beside our data": {[]string{"mysql.ibd"}, "half", func(machine) []string { return []string{"--user=mysql"} }, false, 0, []string{"mysql.ibd"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			m := newMachine(t)
			for _, path := range row.there {
				if strings.HasSuffix(path, "/") {
					_ = os.Mkdir(filepath.Join(m.data, path), 0o755)
				} else {
					m.write(t, filepath.Join("data", path), "")
				}
			}
			if err := m.run(StandIn, row.makes, row.arguments(m)...); (err != nil) != row.fails {
				t.Errorf("it ended with %v", err)
			}
			calls := strings.Count(m.read("calls"), "\n")
			if name == "something else is there" {
				calls-- // the one that says that there was no mark
			}
			if calls != row.calls {
				t.Errorf("calls: %q", m.read("calls"))
			}
			entries, _ := os.ReadDir(m.data)
			var left []string
			for _, entry := range entries {
				left = append(left, entry.Name())
			}
			if !slices.Equal(left, row.left) {
				t.Errorf("left: %q", left)
			}
			if _, err := os.Stat(m.mark); (err == nil) != row.mark {
				t.Errorf("the mark: %v", err)
			}
		})
	}
	// The data may lie elsewhere.
	m := newMachine(t)
	elsewhere := t.TempDir()
	if err := errors.Join(os.Remove(m.data), os.Symlink(elsewhere, m.data)); err != nil {
		t.Fatal(err)
	}
	if err := m.run(StandIn, "half", makes(m)...); err == nil {
		t.Error("it did not fail")
	}
	if entries, err := os.ReadDir(elsewhere); err != nil || len(entries) > 0 {
		t.Errorf("left elsewhere: %v, %v", entries, err)
	}
	m = newMachine(t)
	if err := m.run(StandIn, "whole", makes(m)...); err != nil || m.read("init.sql") != "USE mysql; \nCREATE USER a;\n" {
		t.Errorf("the first statements: %q, %v", m.read("init.sql"), err)
	}
}

// What somebody made in the place of a half-made datadir is data, whatever mark stands.
func TestHalfMadeIsNobodysData(t *testing.T) {
	for name, row := range map[string]struct {
		mark bool
		here []string
		want bool
	}{
		"half made":               {true, []string{"mysql.ibd", "mysql/", "sys/", "performance_schema/", "#innodb_redo/", "auto.cnf"}, true},
		"nothing yet":             {true, nil, true},
		"whole":                   {false, []string{"mysql.ibd", "mysql/"}, false},
		"a server ran on it":      {true, []string{"mysql.ibd", "mysql/", "binlog.index"}, false},
		"somebody made a schema":  {true, []string{"mysql.ibd", "mysql/", "shop/"}, false},
		"schemas of another make": {true, []string{"shop/"}, false},
	} {
		m := newMachine(t)
		if row.mark {
			_ = os.Mkdir(filepath.Dir(m.mark), 0o755)
			m.write(t, "atoll/mark", "")
		}
		for _, path := range row.here {
			if strings.HasSuffix(path, "/") {
				_ = os.Mkdir(filepath.Join(m.data, path), 0o755)
			} else {
				m.write(t, filepath.Join("data", path), "")
			}
		}
		if got := m.run(HalfMade+"half_made", "") == nil; got != row.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
