// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package mysqlrouter

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/innodbcluster"
)

// Silent ports are the router's own matter only while there is somewhere to lead
// to, and it is let in there; what else differs always is.
func TestBlameOfSilentPorts(t *testing.T) {
	c := config()
	silent := converge.Line{Subject: "port 6446", Code: converge.CodeSilent, Text: "nothing listens"}
	edited := converge.Line{Subject: "file /etc/atoll-router/mysqlrouter.conf", Code: converge.CodeContent, Text: "content differs"}
	told := converge.Line{Subject: "router", Code: CodeRouting, Text: `routing option read_only_targets is not set, want "all"`}
	row := innodbcluster.Router{Cluster: "id", Address: c.Address, Name: c.Name(), User: c.Account()}
	all := &innodbcluster.RoutingOptions{ReadOnlyTargets: "all"}
	cluster := innodbcluster.Diagnosis{Primary: "hk1", ClusterID: "id"}
	for _, one := range []struct {
		name    string
		routing *innodbcluster.RoutingOptions
		found   innodbcluster.Found
		want    []converge.Line
	}{
		{"the cluster knows it", nil, innodbcluster.Found{Diagnosis: cluster, Routers: []innodbcluster.Router{row}, Accounts: []string{c.Account()}}, []converge.Line{silent, edited}},
		{"without a primary", all, innodbcluster.Found{}, []converge.Line{edited}},
		{"without its account", all, innodbcluster.Found{Diagnosis: cluster, Routers: []innodbcluster.Router{row}}, []converge.Line{edited, forgotten}},
		{"without its row", nil, innodbcluster.Found{Diagnosis: cluster, Accounts: []string{c.Account()}}, []converge.Line{edited, forgotten}},
		{"it is told something else", all, innodbcluster.Found{Diagnosis: cluster, Routers: []innodbcluster.Router{row}, Accounts: []string{c.Account()}}, []converge.Line{silent, edited, told}},
	} {
		c.Routing = one.routing
		if diff := cmp.Diff(one.want, c.Blame([]converge.Line{silent, edited}, one.found)); diff != "" {
			t.Errorf("%s:\n%s", one.name, diff)
		}
	}
}
