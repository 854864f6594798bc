// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package acceptance

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/atollhq/terraform-provider-atoll/internal/site"
)

// statusConfig asks the site that stands how it is.
const statusConfig = `
data "atoll_site_status" "now" {
  hosts   = { for name, host in atoll_host.node : name => host.ssh }
  peers   = { for name, peer in atoll_mesh_peer.node : name => peer.peer }
  members = { for name, server in atoll_mysql_server.database : name => server.member }
}
output "status" {
  value = data.atoll_site_status.now
}
`

// Five things that somebody does by hand are five rows, and a machine whose plug
// is pulled is one more, which alone has an exit code of its own.
func TestDriftInCI(t *testing.T) {
	f := stand(t)
	root, err := site.Root()
	f.must(err)
	look := func(options ...string) (code int, rows []string) {
		t.Helper()
		summary := filepath.Join(t.TempDir(), "summary.md")
		command := exec.CommandContext(t.Context(), filepath.Join(root, "examples", "ci", "drift.sh"), options...)
		command.Dir = f.terraform.Dir
		command.Env = append(append(os.Environ(), f.terraform.Env...), "TERRAFORM="+f.terraform.Program, "SUMMARY="+summary)
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
	primary, router := f.primary(), status.Machines["app1"].Router
	if !status.Healthy || status.Primary != primary || status.Database[primary].Role != "PRIMARY" || len(status.Links["app2"]) != 4 ||
		router == nil || !router.Active || !slices.Contains(status.Machines["hk1"].Carries, "mysql-server") || status.Machines["hk1"].Disks["/"].SizeMiB == 0 {
		f.Errorf("the status is %+v", status)
	}
}
