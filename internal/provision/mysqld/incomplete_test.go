// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package mysqld

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
	"github.com/atollhq/terraform-provider-atoll/internal/provision"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/mysqlroot"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/mysqlroot/machinetest"
)

// A server whose first start was cut off says so, and is completed by one restart.
func TestIncompleteServerIsFound(t *testing.T) {
	config := Config{Address: "10.0.0.2", Port: 3306, ServerID: 2}
	row := secondary[strings.Index(secondary, "views\t"):strings.Index(secondary, "beside\t")]
	for name, answer := range map[string]struct {
		row   string
		lacks []string
	}{
		"whole":       {row, nil},
		"without one": {strings.Replace(row, `"USER_ATTRIBUTES", `, "", 1), []string{"USER_ATTRIBUTES"}},
		"without all": {"views\tNULL\n", mysqlroot.Lacks(nil)},
	} {
		status, err := config.ask(t.Context(), machinetest.New(t, strings.Replace(secondary, row, answer.row, 1)))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(answer.lacks, status.Lacks); diff != "" && len(answer.lacks)+len(status.Lacks) > 0 {
			t.Errorf("%s: %s", name, diff)
		}
		findings := config.incomplete(status)
		texts, operations := converge.Texts(provision.Drift(findings)), []provision.Operation(nil)
		for _, finding := range findings {
			operations = append(operations, finding.Mend)
		}
		if len(answer.lacks) == 0 {
			if len(findings) > 0 {
				t.Errorf("%s: %q", name, texts)
			}
			continue
		}
		if len(texts) != 1 || !strings.Contains(texts[0], "not made to its end") || !strings.Contains(texts[0], strings.Join(answer.lacks, ", ")) || !slices.Equal(operations, []provision.Operation{Complete{"10.0.0.2:3306"}}) {
			t.Errorf("%s: %q, %v", name, texts, operations)
		}
	}
}
