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
	row := innodbcluster.Router{Cluster: "id", Address: c.Address, Name: c.Name(), User: c.Account()}
	cluster := innodbcluster.Diagnosis{Primary: "hk1", ClusterID: "id"}
	for _, one := range []struct {
		name  string
		found innodbcluster.Found
		want  []converge.Line
	}{
		{"the cluster knows it", innodbcluster.Found{Diagnosis: cluster, Routers: []innodbcluster.Router{row}, Accounts: []string{c.Account()}}, []converge.Line{silent, edited}},
		{"without a primary", innodbcluster.Found{}, []converge.Line{edited}},
		{"without its account", innodbcluster.Found{Diagnosis: cluster, Routers: []innodbcluster.Router{row}}, []converge.Line{edited, forgotten}},
		{"without its row", innodbcluster.Found{Diagnosis: cluster, Accounts: []string{c.Account()}}, []converge.Line{edited, forgotten}},
	} {
		if diff := cmp.Diff(one.want, c.Blame([]converge.Line{silent, edited}, one.found)); diff != "" {
			t.Errorf("%s:\n%s", one.name, diff)
		}
	}
}
