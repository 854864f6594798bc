// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package mysqlroot_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/atollhq/terraform-provider-atoll/internal/provision/mysqlroot"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/mysqlroot/machinetest"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

const good = "number\t7\nnothing\tNULL\nend\ttrue\n"

// ask runs a question as the plugins do.
func ask(t *testing.T, m *machinetest.Machine) (number int, down string, err error) {
	t.Helper()
	result, err := m.Run(t.Context(), remote.Command{Name: "asking", Reads: true, Script: mysqlroot.QuestionScript("SELECT 'number', 7")})
	if err != nil {
		return 0, "", err
	}
	rows, err := mysqlroot.ReadRows(string(result.Stdout))
	if err != nil {
		return 0, "", err
	}
	if down, err = rows.Down(); err != nil || down != "" {
		return 0, down, err
	}
	nothing := 1
	err = rows.Read(map[string]any{"number": &number, "nothing": &nothing})
	return number, "", err
}

func TestQuestion(t *testing.T) {
	for _, row := range []struct {
		name         string
		answer, unit string
		code, want   int
		down         string
		fails        bool
	}{
		{"answers", good, "active", 0, 7, "", false},
		{"a warning of the client is no row", "mysql: [Warning] something\n" + good, "active", 0, 7, "", false},
		{"does not run", "ERROR 2002 (HY000): Can't connect\n", "inactive", 1, 0, "inactive", false},
		{"has failed", "ERROR 2002 (HY000): Can't connect\n", "failed", 1, 0, "failed", false},
		{"starts", "ERROR 2002 (HY000): Can't connect\n", "activating", 1, 0, "activating", false},
		{"runs and refuses", "mysql: [Warning] something\nERROR 1040 (HY000): Too many connections\n", "active", 1, 0, "", true},
		{"does not let root in", "ERROR 1045 (28000): Access denied for user 'root'@'localhost' (using password: NO)\n", "active", 1, 0, "", true},
		{"does not let root in by the socket", "ERROR 1698 (28000): Access denied for user 'root'@'localhost'\n", "active", 1, 0, "", true},
		{"hangs before it greets", "ERROR 2013 (HY000): Lost connection to MySQL server at 'waiting for initial communication packet', system error: 110\n", "active", 1, 0, "", true},
		{"nobody knows", "", "", 1, 0, "", true},
	} {
		m := machinetest.New(t, row.answer)
		m.Unit, m.Code = row.unit, row.code
		number, down, err := ask(t, m)
		if number != row.want || down != row.down || (err != nil) != row.fails {
			t.Errorf("%s: %d, %q, %v", row.name, number, down, err)
		}
		var failed *remote.CommandError
		mute := errors.As(err, &failed) && failed.ExitCode == remote.MuteCode && strings.Contains(failed.Stderr, "restart "+mysqlroot.Unit)
		if mute != strings.HasPrefix(row.name, "hangs") {
			t.Errorf("%s: %v", row.name, err)
		}
		refused := failed != nil && failed.ExitCode == remote.RefusedCode && failed.Stderr == "ERROR 1040 (HY000): Too many connections\n"
		if refused != (row.name == "runs and refuses") {
			t.Errorf("%s: %v", row.name, err)
		}
		denied := failed != nil && failed.ExitCode == remote.DeniedCode && failed.Stderr == strings.TrimSpace(row.answer)+". "+mysqlroot.LetIn+"\n"
		if denied != strings.HasPrefix(row.name, "does not let root in") {
			t.Errorf("%s: %v", row.name, err)
		}
	}
}

func TestAnAnswerThatDidNotComeIsAnError(t *testing.T) {
	for name, spoil := range machinetest.Spoiled(good) {
		m := machinetest.New(t, good)
		spoil(m)
		if number, down, err := ask(t, m); err == nil {
			t.Errorf("%s: %d, %q", name, number, down)
		}
	}
}
