// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package acceptance

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/atollhq/terraform-provider-atoll/internal/remote"
	"github.com/atollhq/terraform-provider-atoll/internal/site"
)

// The smallest site, of the example as it stands: three servers that are database
// and router at once, reached as a user with a password for sudo. An application
// on one of them goes on when the primary beside it dies, and taking the site
// down takes all back but the data.
func TestThreeServers(t *testing.T) {
	f := open(t)
	f.rebuildAll()
	defer f.rebuildAll()
	terraform, err := site.Copy("three-servers", t.TempDir(), f.lab.Inventory)
	f.must(err)
	f.terraform = terraform
	names, servers := []string{"hk1", "hk2", "sg1"}, map[string]any{}
	for _, name := range names {
		host, err := f.lab.Inventory.Host(name)
		f.must(err)
		servers[name] = map[string]any{"host": host.Address, "host_key": host.HostKey, "mesh_address": site.MeshAddress(host.HostSpec)}
	}
	f.must(terraform.Variables(map[string]any{"servers": servers, "user": "operator0", "ssh_key_file": f.lab.Inventory.Key}))
	terraform.Env = append(terraform.Env, "TF_VAR_sudo_password=atoll-lab")
	f.apply()
	f.inSync()
	f.members(names...)
	if accounts := f.sql("hk1", "SELECT COUNT(*) FROM mysql.user WHERE user LIKE 'mysql_router%'"); accounts != "3" {
		t.Errorf("%s router accounts, want one for each server", accounts)
	}
	var endpoints map[string]string
	f.must(terraform.Output(t.Context(), "database", &endpoints))
	for _, name := range names {
		if endpoints[name] != "127.0.0.1:6446" {
			t.Errorf("an application on %s is told to connect to %q", name, endpoints[name])
		}
	}

	primary := f.primary()
	elsewhere := names[(slices.Index(names, primary)+1)%len(names)]
	database, err := site.Machine(f.pool, f.lab.Inventory, primary)
	f.must(err)
	application, err := site.Machine(f.pool, f.lab.Inventory, elsewhere)
	f.must(err)
	shop, err := site.Deploy(t.Context(), database, application)
	f.must(err)
	report, err := site.PullUnderWriter(t.Context(), f.lab, shop, primary)
	f.must(err)
	t.Logf("the application on %s, when %s dies: %s", elsewhere, primary, report)
	f.noneLost(report)
	f.must(shop.DB.Close())
	f.must(f.lab.PlugIn(t.Context(), primary))
	f.eventually(primary+" is back in the group", 3*time.Minute, func() bool {
		got, err := f.try(primary, "mysql -N -B -e "+remote.Quote(online))
		return err == nil && got == "3"
	})
	f.apply()
	f.inSync()

	f.must(terraform.Destroy(t.Context()))
	for _, name := range names {
		if left := f.on(name, "ls -d /etc/tinc/site /var/lib/atoll-router /etc/mysql/mysql.conf.d/zz-atoll.cnf 2>/dev/null; :"); left != "" {
			t.Errorf("%s is left on %s", left, name)
		}
		f.on(name, "test -d /var/lib/mysql/shop")
	}
}

// The modules mesh and database, each by itself, one handing on to the other.
func TestModulesMeshAndDatabase(t *testing.T) {
	f := open(t)
	f.rebuildAll()
	defer f.rebuildAll()
	f.terraform = written(t, f.lab, "")
	root, err := site.Root()
	f.must(err)
	f.must(os.CopyFS(filepath.Join(f.terraform.Dir, "modules"), os.DirFS(filepath.Join(root, "examples", "modules"))))
	content, err := os.ReadFile(filepath.Join("testdata", "modules", "main.tf"))
	f.must(err)
	f.must(os.WriteFile(filepath.Join(f.terraform.Dir, "modules.tf"), content, 0o600))
	nodes := map[string]any{}
	for _, name := range []string{"hk1", "sg1", "app1"} {
		host, err := f.lab.Inventory.Host(name)
		f.must(err)
		nodes[name] = map[string]any{"address": site.MeshAddress(host.HostSpec), "ssh": map[string]any{"host": host.Address, "host_key": host.HostKey, "user": "admin"}}
	}
	f.must(f.terraform.Variables(map[string]any{"nodes": nodes}))
	f.must(f.terraform.Modules(t.Context()))
	f.apply()
	f.inSync()
	if got := f.sql("hk1", "SELECT CONCAT(member_host, ' ', member_state) FROM performance_schema.replication_group_members"); got != "10.77.0.11 ONLINE" {
		t.Errorf("the cluster is %q", got)
	}
	var endpoint string
	f.must(f.terraform.Output(t.Context(), "endpoint", &endpoint))
	for _, name := range []string{"hk1", "app1"} {
		f.on(name, "timeout 10 bash -c 'exec 3<>/dev/tcp/"+strings.Replace(endpoint, ":", "/", 1)+"'")
	}
	f.must(f.terraform.Destroy(t.Context()))
}
