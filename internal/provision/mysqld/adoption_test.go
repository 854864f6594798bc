// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package mysqld

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/atollhq/terraform-provider-atoll/internal/provision/mysqlroot/machinetest"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/preflight"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/preflight/preflighttest"
)

// A server that runs is asked and nothing is done to it; what holds no tables
// of the kind goes on.
func TestAdoptionIsRefusedBeforeAnythingIsTouched(t *testing.T) {
	for name, row := range map[string]struct {
		answer  string
		refused bool
	}{
		"tables":    {preflighttest.Answer(preflighttest.OneTable), true},
		"none":      {preflighttest.Answer(preflighttest.NoTables), false},
		"not whole": {"server\tnull\n", true},
	} {
		m := machinetest.New(t, row.answer)
		if err := (Config{}).adoptable(context.Background(), m); (err != nil) != row.refused || len(m.Acts()) > 0 {
			t.Errorf("%s: it did %q, %v", name, m.Acts(), err)
		}
	}
	s := Facts{HasData: true, HasSchemas: true, Installed: ParseVersion("9.7.4"), found: preflight.Facts{Answers: true, Version: "9.7.4",
		Tables: preflight.Listed[preflight.Table]{Count: 1, First: []preflight.Table{{Object: preflight.Object{Schema: "a", Name: "b"}, Engine: "MyISAM"}}}}}
	if got := fmt.Sprint((Config{MemoryBytes: gibibyte}).Check(s)); !strings.Contains(got, "a.b: its engine is MyISAM") || !strings.Contains(got, "ALTER TABLE `a`.`b` ENGINE = InnoDB;") {
		t.Errorf("the plan says %s", got)
	}
	if s.Ours = true; s.adopts() {
		t.Error("what is ours already is adopted again")
	}
}
