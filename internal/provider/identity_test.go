// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/atollhq/terraform-provider-atoll/internal/provider/base"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// identified imports by an identity, which names what it has to and no more.
func (tf *terraform) identified(resource string, identity object) (*state, tftypes.Value, string) {
	tf.Helper()
	kind := tf.identities[resource].ValueType()
	return tf.imported(&tfprotov6.ImportResourceStateRequest{
		TypeName: resource, Identity: &tfprotov6.ResourceIdentityData{IdentityData: tf.dynamic(kind, write(kind, identity))},
	})
}

// Each resource is imported by its identity as it is by its id: the state is the same, and
// so is the identity, which holds all that was given and finds it again.
func TestImportByIdentity(t *testing.T) {
	t.Parallel()
	account := hoster(t)
	account.handmade(t)
	const address, port = "203.0.113.11", 2222
	network := machines(t, address)
	tf := start(t, network, account.block)
	tf.made("atoll_mesh_peer", nil, peerOn(address, "10.77.0.11"))
	do(t, network.Machines[address].Write("/etc/mysql/mysql.conf.d/zz-atoll.cnf", "[mysqld]\nbind_address = 10.77.0.11\nport = 3306\nserver_id = 7\n"))
	wall, problems := tf.find("atoll_linode_firewall", "prodfw")
	if problems != "" {
		t.Fatal(problems)
	}
	machine, far := object{"host": address, "host_key": hostKey}, address+" "+hostKey
	elsewhere := object{"host": address, "host_key": hostKey, "port": port, "user": "admin", "key": "default"}
	rows := []struct {
		resource, id string
		identity     object
	}{
		{"atoll_host", far, machine},
		{"atoll_host", address, object{"host": address}},
		{"atoll_host", fmt.Sprintf("admin@%s:%d %s", address, port, hostKey), with(elsewhere, "key", nil)},
		{"atoll_host", "", elsewhere},
		{"atoll_mysql_server", far, machine},
		{"atoll_mysql_router", far, machine},
		{"atoll_mesh_peer", "site/n11 " + far, with(machine, "name", "site/n11")},
		{"atoll_mesh", "site", object{"name": "site"}},
		{"atoll_mysql_cluster", "main", object{"name": "main"}},
		{"atoll_file_tier", "files", object{"name": "files"}},
		{"atoll_linode", fmt.Sprint(bystander), object{"id": fmt.Sprint(bystander)}},
		{"atoll_linode_firewall", "prodfw", object{"id": wall.at("id")}},
	}
	missing := maps.Clone(tf.identities)
	for _, row := range rows {
		delete(missing, row.resource)
		found, identity, problems := tf.identified(row.resource, row.identity)
		if problems != "" {
			t.Errorf("%s by %v: %s", row.resource, row.identity, problems)
			continue
		}
		if wrote := write(identity.Type(), row.identity); !identity.Equal(wrote) {
			t.Errorf("%s by %v: the identity is %s", row.resource, row.identity, identity)
		}
		if row.id == "" {
			continue // no id names a key
		}
		same, as, problems := tf.imported(&tfprotov6.ImportResourceStateRequest{TypeName: row.resource, ID: row.id})
		if problems != "" || !same.value.Equal(found.value) || !as.Equal(identity) {
			t.Errorf("%s by %q: %s\n%v\n%v", row.resource, row.id, problems, same, found)
		}
	}
	if len(missing) > 0 {
		t.Errorf("not tested: %v", slices.Sorted(maps.Keys(missing)))
	}
}

// An identity that is another one's is refused as an id is.
func TestImportByAWrongIdentityIsRefused(t *testing.T) {
	t.Parallel()
	network := machines(t, "203.0.113.11")
	tf := start(t, network, object{})
	tf.made("atoll_mesh_peer", nil, peerOn("203.0.113.11", "10.77.0.11"))
	machine := object{"host": "203.0.113.11", "host_key": hostKey}
	for _, row := range []struct {
		resource string
		identity object
		want     string
	}{
		{"atoll_mesh_peer", with(machine, "name", "site/n12"), "Import site/n11"},
		{"atoll_mesh_peer", with(machine, "name", "n11"), "MESH/NAME"},
		{"atoll_mesh", object{"name": "not a mesh"}, "is not a name"},
		{"atoll_mysql_server", machine, "no MySQL server of Atoll's"},
	} {
		if _, _, problems := tf.identified(row.resource, row.identity); !strings.Contains(problems, "Unable to Import") || !strings.Contains(problems, row.want) {
			t.Errorf("%s by %v: %q, want %q", row.resource, row.identity, problems, row.want)
		}
	}
}

// What a program that knows identities imports by them is as declared: the next plan is empty.
func TestProgramImportsByIdentity(t *testing.T) {
	t.Parallel()
	const address = "203.0.113.11"
	network := machines(t, address)
	tf := start(t, network, object{})
	tf.made("atoll_host", nil, object{"ssh": sshTo(address)})
	peer := tf.made("atoll_mesh_peer", nil, peerOn(address, "10.77.0.11"))
	tf.made("atoll_mesh", nil, object{"name": "site", "cidr": "10.77.0.0/24", "peers": object{"n11": peer.at("peer")}})
	hosts := func(remote.Options) (base.Hosts, error) { return network, nil }
	terraform, dir := serveWith(t, newWith("test", hosts)), t.TempDir()
	do(t, os.WriteFile(filepath.Join(dir, "main.tf"), []byte(strings.ReplaceAll(identified, "HOSTKEY", hostKey)), 0o600))
	output, ok := terraform.run(t, dir, "apply", "-no-color", "-auto-approve")
	if strings.Contains(output, `An argument named "identity" is not expected here`) {
		t.Skip("this program knows no identities: TestImportByIdentity speaks with the provider without one")
	}
	if !ok || !strings.Contains(output, "3 imported, 0 added, ") || !strings.Contains(output, " 0 destroyed") {
		t.Fatal(output)
	}
	if output, ok := terraform.run(t, dir, "plan", "-no-color", "-detailed-exitcode"); !ok {
		t.Error(output)
	}
}

const identified = `terraform {
  required_providers {
    atoll = { source = "atollhq/atoll" }
  }
}
import {
  to = atoll_host.n11
  identity = {
    host     = "203.0.113.11"
    host_key = "HOSTKEY"
  }
}
import {
  to = atoll_mesh_peer.n11
  identity = {
    host     = "203.0.113.11"
    host_key = "HOSTKEY"
    name     = "site/n11"
  }
}
import {
  to = atoll_mesh.site
  identity = {
    name = "site"
  }
}
resource "atoll_host" "n11" {
  ssh = { host = "203.0.113.11", host_key = "HOSTKEY" }
}
resource "atoll_mesh_peer" "n11" {
  ssh     = atoll_host.n11.ssh
  mesh    = "site"
  name    = "n11"
  address = "10.77.0.11"
}
resource "atoll_mesh" "site" {
  name  = "site"
  cidr  = "10.77.0.0/24"
  peers = { n11 = atoll_mesh_peer.n11.peer }
}
`

// The guide says of each resource what its identity needs, and what it may have.
func TestGuideNamesIdentities(t *testing.T) {
	text, err := os.ReadFile("../../docs/guides/adopting.md")
	do(t, err)
	_, table, _ := strings.Cut(string(text), "| resource | its identity needs | and may have |\n")
	name := regexp.MustCompile("`([a-z_]+)`")
	names := func(cell string) []string {
		var all []string
		for _, found := range name.FindAllStringSubmatch(cell, -1) {
			all = append(all, found[1])
		}
		slices.Sort(all)
		return all
	}
	identities := start(t, machines(t), object{}).identities
	for line := range strings.Lines(table) {
		cells := strings.Split(line, "|")
		if len(cells) != 5 {
			break
		}
		for _, resource := range names(cells[1]) {
			var needs, may []string
			for _, attribute := range identities[resource].IdentityAttributes {
				if attribute.RequiredForImport {
					needs = append(needs, attribute.Name)
				} else {
					may = append(may, attribute.Name)
				}
			}
			slices.Sort(needs)
			slices.Sort(may)
			if !slices.Equal(names(cells[2]), needs) || !slices.Equal(names(cells[3]), may) {
				t.Errorf("%s needs %v and may have %v, and the guide says %v and %v", resource, needs, may, names(cells[2]), names(cells[3]))
			}
			delete(identities, resource)
		}
	}
	if len(identities) > 0 {
		t.Errorf("the guide does not name %v", slices.Sorted(maps.Keys(identities)))
	}
}
