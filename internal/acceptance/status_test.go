// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package acceptance

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/atollhq/terraform-provider-atoll/internal/provision/node"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
	"github.com/atollhq/terraform-provider-atoll/internal/site"
)

// statusConfig asks the site that stands how it is.
const statusConfig = `
data "atoll_site_status" "now" {
  hosts   = { for name, host in atoll_host.node : name => host.ssh }
  peers   = { for name, peer in atoll_mesh_peer.node : name => peer.peer }
  members = { for name, server in atoll_mysql_server.database : name => server.member }
}
data "atoll_mysql_cluster_status" "now" {
  cluster = atoll_mysql_cluster.main.routing
}
output "cluster" {
  value = data.atoll_mysql_cluster_status.now
}
output "status" {
  value = data.atoll_site_status.now
}
`

// Five things that somebody does by hand are five rows, and a machine whose plug
// is pulled is one more, which alone has an exit code of its own. The job has a key
// that can do nothing but ask.
func TestDriftInCI(t *testing.T) {
	f := stand(t)
	root, err := site.Root()
	f.must(err)
	key := f.watched()
	look := func(options ...string) (code int, rows []string) {
		t.Helper()
		summary := filepath.Join(t.TempDir(), "summary.md")
		options = append(options, "-var=ssh_key_file="+key)
		command := exec.CommandContext(t.Context(), filepath.Join(root, "examples", "ci", "drift.sh"), options...)
		command.Dir = f.terraform.Dir
		command.Env = append(append(os.Environ(), f.terraform.Env...), "TERRAFORM="+f.terraform.Program, "SUMMARY="+summary, "ATOLL_WATCHER=true")
		output, err := command.CombinedOutput()
		var failed *exec.ExitError
		if err != nil && !errors.As(err, &failed) {
			t.Fatal(err)
		}
		text, err := os.ReadFile(summary)
		if err != nil {
			t.Fatalf("%v\n%s", err, output)
		}
		t.Logf("exit code %d:\n%s%s", command.ProcessState.ExitCode(), text, output)
		for line := range strings.Lines(string(text)) {
			if strings.HasPrefix(line, "| atoll_") || strings.HasPrefix(line, "| data.") {
				rows = append(rows, strings.TrimSpace(line))
			}
		}
		return command.ProcessState.ExitCode(), rows
	}
	if code, rows := look(); code != 0 || len(rows) > 0 {
		t.Errorf("in sync: exit code %d, %q", code, rows)
	}
	secondary := "sg1"
	if f.primary() == "sg1" {
		secondary = "hk2"
	}
	for host, do := range map[string]string{
		"app1": "echo '# by hand' >>/etc/tinc/site/tinc.conf; hostname elsewhere",
		"app2": "systemctl stop mysqlrouter",
		"hk1":  "rm /etc/tinc/site/hosts/app2",
	} {
		f.on(host, do)
	}
	f.on(secondary, "mysql -e 'SET GLOBAL binlog_expire_logs_seconds = 4711'")
	code, rows := look()
	want := []string{
		`| atoll_host.node["app1"] | host name differs, want app1 |`,
		`| atoll_mesh.site | hk1: file /etc/tinc/site/hosts/app2: missing |`,
		`| atoll_mesh_peer.node["app1"] | file /etc/tinc/site/tinc.conf: content differs |`,
		`| atoll_mysql_router.application["app2"] | unit mysqlrouter.service: inactive, want active |`,
		`| atoll_mysql_server.database["` + secondary + `"] | variable binlog_expire_logs_seconds: is 4711, want 604800 |`,
	}
	slices.Sort(rows)
	if code != 2 || !slices.Equal(rows, want) {
		t.Errorf("exit code %d, and the rows\n%s", code, strings.Join(rows, "\n"))
	}
	f.apply()
	f.inSync()
	f.status()
	f.pull("app1")
	if code, rows := look("-refresh=false"); code != 3 || len(rows) != 1 || !strings.HasPrefix(rows[0], "| data.atoll_site_status.now | app1: did not answer: ") {
		t.Errorf("exit code %d, and the rows\n%s", code, strings.Join(rows, "\n"))
	}
}

// watched declares a watcher on every host until the test ends, gives the file of
// his key, and tries what else it could be good for.
func (f *fixture) watched() (key string) {
	f.Helper()
	key, public := f.keyPair()
	file := filepath.Join(f.terraform.Dir, "watcher_override.tf")
	f.must(os.WriteFile(file, []byte(fmt.Sprintf("resource \"atoll_host\" \"node\" {\n  watcher_keys = [%q]\n}\n", public)), 0o600))
	f.Cleanup(func() { _ = os.Remove(file) })
	f.apply()
	f.inSync()
	private, err := os.ReadFile(key)
	f.must(err)
	pool, err := remote.New(remote.Options{Keys: map[string]remote.PrivateKey{"default": {PEM: private}}})
	f.must(err)
	f.Cleanup(func() { _ = pool.Close() })
	host, err := f.lab.Inventory.Host("app1")
	f.must(err)
	machine := pool.Host(remote.Target{Host: host.Address, User: node.Watcher, HostKey: host.HostKey})
	for _, program := range []string{"cat /etc/shadow", "sudo -n cat /etc/shadow", "touch /tmp/watched"} {
		result, err := machine.Run(f.Context(), remote.Command{Name: "trying more than asking", Program: program})
		if said := string(result.Stdout); err != nil || !strings.Contains(said, "\nwhole\n") || strings.Contains(said, "root:") {
			f.Errorf("%s: %v, %.80q", program, err, said)
		}
	}
	for _, row := range []struct{ endpoint, what string }{{"127.0.0.1:22", "tcp"}, {"/run/dbus/system_bus_socket", "unix"}} {
		if conn, err := machine.Dial(f.Context(), remote.Endpoint{Network: row.what, Address: row.endpoint}); err == nil {
			_ = conn.Close()
			f.Errorf("the watcher's key opens %s", row.endpoint)
		}
	}
	if said, err := f.try("app1", "! runuser -u "+node.Watcher+" -- sudo -n /usr/local/lib/atoll/answers more && ! runuser -u "+node.Watcher+" -- sudo -n id && [ ! -e /tmp/watched ]"); err != nil {
		f.Errorf("sudo lets the watcher do more: %v %s", err, said)
	}
	return key
}

// keyPair makes a key: the file of the private half, and the public one.
func (f *fixture) keyPair() (file, public string) {
	f.Helper()
	file = filepath.Join(f.TempDir(), "watcher")
	if output, err := exec.CommandContext(f.Context(), "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "the job", "-f", file).CombinedOutput(); err != nil {
		f.Fatalf("%v: %s", err, output)
	}
	content, err := os.ReadFile(file + ".pub")
	f.must(err)
	return file, strings.TrimSpace(string(content))
}

// status adds the data source to the site until the test ends, and looks at what
// it says of one that is well.
func (f *fixture) status() {
	f.Helper()
	file := filepath.Join(f.terraform.Dir, "status.tf")
	f.must(os.WriteFile(file, []byte(statusConfig), 0o600))
	f.Cleanup(func() { _ = os.Remove(file) })
	f.must(f.terraform.Apply(f.Context()))
	var status struct {
		Healthy  bool
		Problems []string
		Primary  string
		Links    map[string][]string
		Database map[string]struct{ State, Role string }
		Machines map[string]struct {
			Reachable bool
			Carries   []string
			Router    *struct{ Active bool }
			Disks     map[string]struct {
				SizeMiB int `json:"size_mib"`
			}
		}
	}
	f.must(f.terraform.Output(f.Context(), "status", &status))
	f.clusterStatus()
	primary, router := f.primary(), status.Machines["app1"].Router
	if !status.Healthy || status.Primary != primary || status.Database[primary].Role != "PRIMARY" || len(status.Links["app2"]) != 4 ||
		router == nil || !router.Active || !slices.Contains(status.Machines["hk1"].Carries, "mysql-server") || status.Machines["hk1"].Disks["/"].SizeMiB == 0 {
		f.Errorf("the status is %+v", status)
	}
}

// clusterStatus looks at what the data source says of a cluster that is well.
func (f *fixture) clusterStatus() {
	f.Helper()
	var status struct {
		State, Summary, Primary string
		Members                 map[string]struct {
			State, Role, Executed, Problem string
			Behind                         *int
		}
		Routers []struct {
			Name, Address string
			ReadWrite     string `json:"read_write"`
			LastSeen      string `json:"last_seen"`
		}
	}
	f.must(f.terraform.Output(f.Context(), "cluster", &status))
	primary := f.primary()
	if status.State != "ONLINE" || status.Summary != "3 of 3 members are ONLINE, "+primary+" takes writes" || status.Primary != primary || len(status.Members) != 3 || len(status.Routers) != 2 {
		f.Errorf("the cluster's status is %+v", status)
	}
	for key, member := range status.Members {
		if member.State != "ONLINE" || member.Problem != "" || member.Executed == "" || member.Behind == nil || (member.Role == "PRIMARY") != (key == primary) {
			f.Errorf("%s is %+v", key, member)
		}
	}
	for _, router := range status.Routers {
		if router.Name != "atoll" || router.ReadWrite != "6446" || router.LastSeen == "" {
			f.Errorf("a router is %+v", router)
		}
	}
}
