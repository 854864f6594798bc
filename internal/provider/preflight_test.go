// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"fmt"
	"strings"
	"testing"
)

// Servers are ready only when all of them were asked: one that is declared lost is
// said like one that does not answer, and neither is taken for one that is well.
func TestPreflightOfServersThatWereNotAsked(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		lost []any
		want string
	}{
		"lost":        {[]any{"203.0.113.12"}, "declared lost"},
		"unreachable": {nil, "no machine of the test is there"},
	} {
		tf := start(t, machines(t, "203.0.113.11"), object{"lost": row.lost})
		looked := tf.look("atoll_mysql_preflight", object{"hosts": object{"gone": everyWay("203.0.113.12")}})
		findings, _ := looked.at("findings").([]any)
		if len(findings) != 1 || looked.at("ready") != false || looked.at("servers", "gone", "answers") != false {
			t.Fatalf("%s: ready %v, findings %v, servers %v", name, looked.at("ready"), findings, looked.at("servers"))
		}
		finding, _ := findings[0].(object)
		if said := fmt.Sprint(finding["text"]); finding["severity"] != "error" || finding["check"] != "server" || finding["server"] != "gone" || !strings.Contains(said, "was not asked: ") || !strings.Contains(said, row.want) {
			t.Errorf("%s: %v", name, finding)
		}
	}
}
