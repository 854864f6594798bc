// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package acceptance

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/atollhq/terraform-provider-atoll/internal/lab"
	"github.com/atollhq/terraform-provider-atoll/internal/site"
)

// written prepares a directory with one configuration of its own.
func written(t *testing.T, client *lab.Client, body string) *site.Terraform {
	t.Helper()
	root, err := site.Root()
	if err != nil {
		t.Fatal(err)
	}
	program, err := site.Find(root)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	head := fmt.Sprintf("terraform {\n  required_providers {\n    atoll = { source = \"atollhq/atoll\" }\n  }\n}\nprovider \"atoll\" {\n  ssh = {\n    key_files = { default = %q }\n    sudo_passwords = { operator0 = \"atoll-lab\", deploy = \"atoll-lab\" }\n  }\n}\n", client.Inventory.Key)
	if err := os.WriteFile(filepath.Join(dir, "main.tf"), []byte(head+body), 0o600); err != nil {
		t.Fatal(err)
	}
	terraform, err := site.New(program, dir, filepath.Join(root, "bin"))
	if err != nil {
		t.Fatal(err)
	}
	return terraform
}

// flat joins the lines into which Terraform breaks its messages.
func flat(text string) string { return strings.Join(strings.Fields(text), " ") }

// What is known to be wrong is said at plan time: with the attribute, the value
// and the way out, and before anything is touched.
func TestBadInputIsRefusedAtPlanTime(t *testing.T) {
	f := open(t)
	app1, err := f.lab.Inventory.Host("app1")
	f.must(err)
	ssh := fmt.Sprintf("ssh = { host = %q, host_key = %q }", app1.Address, app1.HostKey)
	peer := func(name, address, endpoint string) string {
		key := "-----BEGIN PUBLIC KEY-----\\nMIIC\\n-----END PUBLIC KEY-----\\n"
		return fmt.Sprintf("{ name = %q, address = %q, endpoint = %q, port = 655, public_key = \"%s\", ssh = { host = %[3]q } }", name, address, endpoint, key)
	}
	mesh := func(peers ...string) string {
		text := "resource \"atoll_mesh\" \"m\" {\n  name = \"site\"\n  cidr = \"10.77.0.0/24\"\n  peers = {\n"
		for i, one := range peers {
			text += fmt.Sprintf("    p%d = %s\n", i, one)
		}
		return text + "  }\n}\n"
	}
	member := func(address string, id int) string {
		return fmt.Sprintf("{ address = %q, port = 3306, server_id = %d, mesh = \"site\", ssh = { host = \"h%[2]d-%[1]s\" } }", address, id)
	}
	for _, row := range []struct{ name, body, want string }{
		{"two peers with one mesh address", mesh(peer("a", "10.77.0.1", "h1"), peer("b", "10.77.0.1", "h2")), `peers "p0" and "p1" both have the address 10.77.0.1`},
		{"a mesh address outside", mesh(peer("a", "10.78.0.1", "h1")), `address = "10.78.0.1" is not in the mesh's cidr 10.77.0.0/24`},
		{"duplicate names", mesh(peer("a-b", "10.77.0.1", "h1"), peer("a_b", "10.77.0.2", "h2")), `both have the name`},
		{"a network with bits set", strings.Replace(mesh(peer("a", "10.77.0.1", "h1")), "10.77.0.0/24", "10.77.0.5/24", 1), `Write "10.77.0.0/24"`},
		{"a name that tinc does not allow", "resource \"atoll_mesh_peer\" \"p\" {\n  mesh = \"site\"\n  name = \"hk 1\"\n  address = \"10.77.0.1\"\n  " + ssh + "\n}\n", "must have 1 to 63 letters, digits, hyphens and underscores"},
		{"an interface name that is too long", "resource \"atoll_mesh_peer\" \"p\" {\n  mesh = \"averyveryverylongname\"\n  name = \"a\"\n  address = \"10.77.0.1\"\n  " + ssh + "\n}\n", "at most 15 letters"},
		{"not an address", "resource \"atoll_mesh_peer\" \"p\" {\n  mesh = \"site\"\n  name = \"a\"\n  address = \"10.77.0.300\"\n  " + ssh + "\n}\n", `address = "10.77.0.300" is not an IP address`},
		{"a setting that the cluster needs", "resource \"atoll_mysql_server\" \"s\" {\n  address = \"10.77.0.1\"\n  settings = { gtid_mode = \"OFF\" }\n  " + ssh + "\n}\n", `settings["gtid_mode"] cannot be set: the cluster needs its own value`},
		{"more memory than there is", "resource \"atoll_mysql_server\" \"s\" {\n  address = \"10.77.0.1\"\n  settings = { innodb_buffer_pool_size = \"64G\" }\n  " + ssh + "\n}\n", "the machine has 2048 MiB"},
		{"a server at a name", "resource \"atoll_mysql_server\" \"s\" {\n  address = \"db.example\"\n  " + ssh + "\n}\n", `address = "db.example" is not an IP address`},
		{"two members at one address", "resource \"atoll_mysql_cluster\" \"c\" {\n  name = \"main\"\n  members = { a = " + member("10.77.0.1", 7) + ", b = " + member("10.77.0.1", 8) + " }\n}\n", `members "a" and "b" are both at 10.77.0.1:3306`},
		{"two members with one number", "resource \"atoll_mysql_cluster\" \"c\" {\n  name = \"main\"\n  members = { a = " + member("10.77.0.1", 7) + ", b = " + member("10.77.0.2", 7) + " }\n}\n", `members "a" and "b" both have the server_id 7`},
		{"a cluster name that routers do not take", "resource \"atoll_mysql_cluster\" \"c\" {\n  name = \"1 main\"\n  members = { a = " + member("10.77.0.1", 7) + " }\n}\n", "must start with a letter or underscore"},
		{"an IPv6 mesh", strings.Replace(mesh(peer("a", "10.77.0.1", "h1")), "10.77.0.0/24", "fd00::/64", 1), "is an IPv6 network"},
		{"a mesh called like an interface", strings.Replace(mesh(peer("a", "10.77.0.1", "h1")), "\"site\"", "\"eth0\"", 1), "must not be the name of an interface"},
		{"two peers on one machine", mesh(peer("a", "10.77.0.1", "h1"), peer("b", "10.77.0.2", "h1")), "each has to be on a machine of its own"},
		{"a member at nonsense", "resource \"atoll_mysql_cluster\" \"c\" {\n  name = \"main\"\n  members = { a = " + member("nonsense", 7) + " }\n}\n", `members["a"].address = "nonsense" is not an IP address`},
		{"a private key for its name", "resource \"atoll_host\" \"h\" {\n  ssh = { host = \"h\", key = \"-----BEGIN OPENSSH PRIVATE KEY-----\" }\n}\n", "the state must not hold one"},
		{"a key that is not given", "resource \"atoll_host\" \"h\" {\n  ssh = { host = \"h\", host_key = \"" + app1.HostKey + "\", key = \"office\" }\n}\n", `ssh.key = "office" is the name of no key`},
		{"a line of known_hosts", "resource \"atoll_host\" \"h\" {\n  ssh = { host = \"h\", host_key = \"h " + app1.HostKey + "\" }\n}\n", "leave out its first word"},
		{"colliding ports", "resource \"atoll_mysql_router\" \"r\" {\n  ports = { read_only = 6446 }\n  cluster = { cluster = \"main\", cluster_id = \"x\", members = { a = { address = \"10.77.0.1\", port = 3306, server_id = 7, mesh = \"site\", ssh = { host = \"h\", host_key = null, key = null, port = null, user = null, jumps = null } } } }\n  " + ssh + "\n}\n", "need three different ports"},
	} {
		t.Run(row.name, func(t *testing.T) {
			_, err := written(t, f.lab, row.body).Plan(t.Context())
			if err == nil || !strings.Contains(flat(err.Error()), row.want) {
				t.Errorf("want the error %q, got %v", row.want, err)
			}
		})
	}
}

// Who cannot be reached, or cannot become root, is told apart, and told how to
// go on.
func TestConnectionsThatDoNotWork(t *testing.T) {
	f := open(t)
	app1, err := f.lab.Inventory.Host("app1")
	f.must(err)
	app2, err := f.lab.Inventory.Host("app2")
	f.must(err)
	for _, row := range []struct{ name, ssh, want string }{
		{"no host key", fmt.Sprintf("host = %q", app1.Address), "SHA256:"},
		{"the line to add", fmt.Sprintf("host = %q", app1.Address), app1.HostKey},
		{"another host key", fmt.Sprintf("host = %q, host_key = %q", app1.Address, app2.HostKey), "Do not go on before you know why the key changed"},
		{"another user", fmt.Sprintf("host = %q, host_key = %q, user = \"stranger\"", app1.Address, app1.HostKey), "authentication refused: user stranger"},
		{"no sudo", fmt.Sprintf("host = %q, host_key = %q, user = \"nobody0\"", app1.Address, app1.HostKey), "cannot become root: sudo for user nobody0"},
		{"nothing there", "host = \"203.0.113.99\", host_key = \"" + app1.HostKey + "\"", "203.0.113.99:22 did not answer within timeouts.create (20s)"},
	} {
		t.Run(row.name, func(t *testing.T) {
			err := written(t, f.lab, "resource \"atoll_host\" \"h\" {\n  ssh = { "+row.ssh+" }\n  timeouts = { create = \"20s\" }\n}\n").Apply(t.Context())
			if err == nil || !strings.Contains(flat(err.Error()), row.want) || !strings.Contains(err.Error(), "Unable to Create Host") {
				t.Errorf("want the error %q, got %v", row.want, err)
			}
		})
	}
	for _, user := range []string{"admin", "operator0"} {
		t.Run("sudo for "+user, func(t *testing.T) {
			terraform := written(t, f.lab, fmt.Sprintf("resource \"atoll_host\" \"h\" {\n  ssh = { host = %q, host_key = %q, user = %q }\n}\n", app2.Address, app2.HostKey, user))
			if err := terraform.Apply(t.Context()); err != nil {
				t.Fatal(err)
			}
			if plan, err := terraform.Plan(t.Context()); err != nil || !plan.Empty() {
				t.Errorf("%s %v", plan, err)
			}
			if err := terraform.Destroy(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
}

// The forgotten firewall rule: the pair is named, with direction and port.
func TestBlockedPortIsNamed(t *testing.T) {
	f := open(t)
	f.rebuildAll()
	ctx := f.Context()
	for _, protocol := range []string{"tcp", "udp"} {
		for _, other := range []string{"hk1", "hk2", "app1", "app2"} {
			f.must(f.lab.Block(ctx, other, "sg1", lab.Block{Protocol: protocol, Port: 655}))
			f.must(f.lab.Block(ctx, "sg1", other, lab.Block{Protocol: protocol, Port: 655}))
		}
	}
	defer func() { f.must(f.lab.Reset(ctx)) }()
	err := f.terraform.Apply(ctx, "-target=atoll_mesh.site")
	if err == nil {
		t.Fatal("the mesh came up through closed ports")
	}
	if text := flat(err.Error()); !strings.Contains(text, "hk1 → sg1: no answer over the mesh; TCP port 655 of 198.51.100.13 cannot be reached from hk1: open TCP and UDP port 655") {
		t.Errorf("the error does not name the pair: %s", text)
	}
	f.must(f.lab.Reset(ctx))
	f.must(f.terraform.Apply(ctx, "-target=atoll_mesh.site"))
	if plan := f.plan("-target=atoll_mesh.site"); len(plan.Changes) > 0 {
		t.Errorf("with the ports open the plan says %s", plan)
	}
}

// What the provider block, the hosts and the run hold as secrets is searched for
// where it must not be.
func TestNoSecretLeaks(t *testing.T) {
	f := open(t)
	f.rebuildAll()
	key, err := os.ReadFile(f.lab.Inventory.Key)
	f.must(err)
	loud := *f.terraform
	log := filepath.Join(t.TempDir(), "trace.log")
	loud.Env = append(loud.Env, "TF_LOG=TRACE", "TF_LOG_PATH="+log)
	for _, host := range f.lab.Inventory.Hosts {
		f.on(host.Name, "nohup sh -c 'while :; do cat /proc/[0-9]*/cmdline 2>/dev/null | tr \"\\0\" \" \"; echo; sleep 0.05; done >/root/cmdlines' >/dev/null 2>&1 & echo $! >/root/watcher")
	}
	f.must(loud.Apply(f.Context()))
	plan, err := loud.Plan(f.Context())
	f.must(err)
	state, err := f.terraform.State(f.Context())
	f.must(err)
	trace, err := os.ReadFile(log)
	f.must(err)
	for _, host := range f.lab.Inventory.Hosts {
		// Before the search, which would find itself.
		f.on(host.Name, "kill $(cat /root/watcher)")
	}
	secrets := map[string]string{"the private SSH key": strings.Split(string(key), "\n")[2]}
	for _, host := range []string{"hk1", "hk2", "sg1"} {
		secrets["the tinc key of "+host] = f.on(host, "sed -n 5p /etc/tinc/site/rsa_key.priv")
		secrets["the recovery password of "+host] = f.sql(host, "SELECT User_password FROM mysql.slave_master_info WHERE Channel_name = 'group_replication_recovery'")
	}
	for what, secret := range secrets {
		if len(secret) < 16 {
			t.Fatalf("%s: %q is not what the test looks for", what, secret)
		}
		for where, text := range map[string]string{"state": string(state), "plan": plan.Text, "log": string(trace)} {
			if strings.Contains(text, secret) {
				t.Errorf("%s stands in the %s", what, where)
			}
		}
		for _, host := range f.lab.Inventory.Hosts {
			if count := f.on(host.Name, "grep -cF -- '"+secret+"' /root/cmdlines || :"); count != "0" {
				t.Errorf("%s stood in the process list of %s", what, host.Name)
			}
		}
	}
	if seen := f.on("hk1", "grep -c mysqld /root/cmdlines"); seen == "0" {
		t.Error("the process lists were not watched at all")
	}
}

// A site that stands is taken over by its ids, and the plan is empty.
func TestImport(t *testing.T) {
	f := stand(t)
	other := example(t, f.lab, t.TempDir())
	for _, host := range f.lab.Inventory.Hosts {
		machine := host.Address + " " + host.HostKey
		f.must(other.Import(f.Context(), fmt.Sprintf("atoll_host.node[%q]", host.Name), machine))
		f.must(other.Import(f.Context(), fmt.Sprintf("atoll_mesh_peer.node[%q]", host.Name), "site/"+host.Name+" "+machine))
		if host.Database {
			f.must(other.Import(f.Context(), fmt.Sprintf("atoll_mysql_server.database[%q]", host.Name), machine))
		} else {
			f.must(other.Import(f.Context(), fmt.Sprintf("atoll_mysql_router.application[%q]", host.Name), machine))
		}
	}
	f.must(other.Import(f.Context(), "atoll_mesh.site", "site"))
	f.must(other.Import(f.Context(), "atoll_mysql_cluster.main", "main"))
	f.sql("hk1", "SET PERSIST group_replication_exit_state_action = 'ABORT_SERVER'")
	plan, err := other.Plan(f.Context())
	f.must(err)
	if line := "variable group_replication_exit_state_action: is ABORT_SERVER, want READ_ONLY"; !strings.Contains(flat(plan.Text), line) {
		t.Errorf("the plan hides that %q: %s", line, plan.Text)
	}
	for address, action := range plan.Changes {
		if action != "update" {
			t.Errorf("%s: %s is planned after the import", address, action)
		}
	}
	before := f.sql("hk1", "SELECT @@server_uuid, @@group_replication_group_name")
	f.must(other.Apply(f.Context()))
	plan, err = other.Plan(f.Context())
	f.must(err)
	if !plan.Empty() {
		t.Errorf("after import and apply: %s", plan)
	}
	if after := f.sql("hk1", "SELECT @@server_uuid, @@group_replication_group_name"); after != before {
		t.Errorf("the import changed the server: %s, then %s", before, after)
	}
	f.inSync()
}
