// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package mysqld

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/atollhq/terraform-provider-atoll/internal/converge/convergetest"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/mysqlroot/machinetest"
)

const twoObstacles = `count	"2"
tables	[{"schema": "shop", "table": "log", "engine": "MyISAM", "keyless": 1}, {"schema": "sh` + "`" + `op", "table": "t", "engine": "InnoDB", "keyless": 1}]
end	true
`

func TestObstaclesAreListedWithTheirRemedy(t *testing.T) {
	found, err := readObstacles(twoObstacles)
	if err != nil {
		t.Fatal(err)
	}
	problem := found.problem()
	if !errors.Is(problem, ErrTables) {
		t.Fatalf("%v", problem)
	}
	for _, want := range []string{
		"shop.log: its engine is MyISAM and it has no primary key",
		"ALTER TABLE `shop`.`log` ENGINE = InnoDB, ADD COLUMN `my_row_id`",
		"ALTER TABLE `sh``op`.`t` ADD COLUMN `my_row_id`",
	} {
		if !strings.Contains(problem.Error(), want) {
			t.Errorf("%q is missing in\n%v", want, problem)
		}
	}
	many := obstacles{answers: true, count: 50, tables: found.tables}
	if got := many.problem().Error(); !strings.Contains(got, "and 48 more") {
		t.Errorf("fifty: %s", got)
	}
	if err := (obstacles{answers: true}).problem(); err != nil {
		t.Errorf("none: %v", err)
	}
}

func TestObstaclesFailClosed(t *testing.T) {
	convergetest.FailsClosed(t, obstaclesQuestion(), twoObstacles, "count\t\"0\"\ntables\tNULL\nend\ttrue\n")
	if _, err := readObstacles("count\t\"3\"\ntables\t[]\nend\ttrue\n"); err == nil {
		t.Error("three tables of which none came")
	}
}

// A server that runs is asked and nothing is done to it; what holds no tables
// of the kind goes on.
func TestAdoptionIsRefusedBeforeAnythingIsTouched(t *testing.T) {
	for name, row := range map[string]struct {
		answer  string
		refused bool
	}{
		"tables":    {twoObstacles, true},
		"none":      {"count\t\"0\"\ntables\tNULL\nend\ttrue\n", false},
		"not whole": {"count\t\"0\"\n", true},
	} {
		m := machinetest.New(t, row.answer)
		if err := (Config{}).adoptable(context.Background(), m); (err != nil) != row.refused || len(m.Acts()) > 0 {
			t.Errorf("%s: it did %q, %v", name, m.Acts(), err)
		}
	}
	s := Facts{HasData: true, HasSchemas: true, Installed: ParseVersion("9.7.4"), obstacles: obstacles{answers: true, count: 1, tables: []obstacle{{"a", "b", "MyISAM", 0}}}}
	if got := fmt.Sprint((Config{MemoryBytes: gibibyte}).Check(s)); !strings.Contains(got, "ALTER TABLE `a`.`b` ENGINE = InnoDB;") {
		t.Errorf("the plan says %s", got)
	}
	if s.Ours = true; s.adopts() {
		t.Error("what is ours already is adopted again")
	}
}
