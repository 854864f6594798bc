// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package acceptance

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Whoever has the router's account on an application's host must not become root
// by what he leaves in the router's own directory, also when it is bootstrapped
// again.
func TestRouterAccountDoesNotBecomeRoot(t *testing.T) {
	f := stand(t)
	f.on("app1", "echo root-only >/etc/victim && chmod 0600 /etc/victim")
	f.on("app1", `cd /var/lib/atoll-router
for name in mysqlrouter.conf mysqlrouter.conf.new atoll.stamp bootstrapped .atoll.mysqlrouter.conf; do
  setpriv --reuid=mysqlrouter --regid=mysqlrouter --clear-groups ln -sf /etc/victim "$name"
done
rm /etc/atoll-router/bootstrapped`)
	// How lines are encrypted is bootstrapped for, too.
	main := filepath.Join(f.terraform.Dir, "main.tf")
	before, err := os.ReadFile(main)
	f.must(err)
	t.Cleanup(func() { _ = os.WriteFile(main, before, 0o600) })
	const router = "resource \"atoll_mysql_router\" \"application\" {\n"
	f.must(os.WriteFile(main, []byte(strings.Replace(string(before), router, router+"  client_tls = \"REQUIRED\"\n  server_tls = \"REQUIRED\"\n", 1)), 0o600))
	err = f.terraform.Apply(f.Context())
	if got := f.on("app1", "stat -c '%U %a' /etc/victim; cat /etc/victim"); got != "root 600\nroot-only" {
		t.Fatalf("the victim is now %q", got)
	}
	if err != nil && !strings.Contains(err.Error(), "mysqlrouter") {
		t.Errorf("the apply says %v", err)
	}
	f.on("app1", "find /var/lib/atoll-router -type l -delete")
	f.apply()
	f.inSync()
	if got := f.on("app1", "ps -o user= -C mysqlrouter | sort -u; find /etc/atoll-router ! -user root"); got != "mysqlro+" && got != "mysqlrouter" {
		t.Errorf("the router runs as, and owns: %q", got)
	}
	if got := f.on("app1", "grep -E '^(client|server)_ssl_mode' /etc/atoll-router/mysqlrouter.conf | sort -u"); got != "client_ssl_mode=REQUIRED\nserver_ssl_mode=REQUIRED" {
		t.Errorf("the router has %q", got)
	}
	f.must(os.WriteFile(main, before, 0o600))
	f.apply()
}

// While nobody takes writes, the cluster says so and no router does; who looks at
// the cluster meets a state and no error.
func TestRouterOfASickCluster(t *testing.T) {
	f := stand(t)
	status := filepath.Join(f.terraform.Dir, "status.tf")
	f.must(os.WriteFile(status, []byte("data \"atoll_mysql_cluster_status\" \"now\" {\n  cluster = atoll_mysql_cluster.main.routing\n}\noutput \"cluster\" {\n  value = data.atoll_mysql_cluster_status.now\n}\n"), 0o600))
	t.Cleanup(func() { _ = os.Remove(status) })
	for _, host := range databases {
		f.on(host, "systemctl stop 'atoll-guardian*'; mysql -e 'STOP GROUP_REPLICATION'")
	}
	f.eventually("the routers have closed their ports", time.Minute, func() bool { return f.on("app1", "ss -ltnH | grep -c ':6446 ' || :") == "0" })
	f.must(f.terraform.Apply(f.Context(), "-refresh=false"))
	var found struct {
		State, Summary, Primary string
		Members                 map[string]struct{ State, Problem string }
	}
	f.must(f.terraform.Output(f.Context(), "cluster", &found))
	if found.State == "ONLINE" || found.State == "PARTIAL" || found.Primary != "" || found.Members["hk1"].State == "ONLINE" || found.Members["hk1"].Problem != "" {
		t.Errorf("the status is %+v", found)
	}
	plan := f.plan()
	for address, lines := range plan.Drift {
		if strings.Contains(address, "atoll_mysql_router") && len(lines) > 0 {
			t.Errorf("%s says %q", address, lines)
		}
	}
	if lines := plan.Drift["atoll_mysql_cluster.main"]; len(lines) == 0 {
		t.Error("the cluster says nothing")
	}
	f.must(os.Remove(status))
	f.apply()
	f.inSync()
}
