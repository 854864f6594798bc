// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package acceptance

import (
	"strings"
	"testing"
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
	err := f.terraform.Apply(f.Context())
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
}
