// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package acceptance

import (
	"database/sql"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	_ "github.com/go-sql-driver/mysql"
)

// tunnelConfig keeps two tunnels open until their file is gone.
const tunnelConfig = `
ephemeral "atoll_mysql_tunnel" "to" {
  for_each = toset(["primary", "secondary"])
  cluster  = atoll_mysql_cluster.main.routing
  to       = each.key
}
resource "terraform_data" "client" {
  provisioner "local-exec" {
    command = "printf '%s %s' $PRIMARY $SECONDARY >open.new && mv open.new open && while [ -e open ]; do sleep 0.1; done"
    environment = {
      PRIMARY   = ephemeral.atoll_mysql_tunnel.to["primary"].endpoint
      SECONDARY = ephemeral.atoll_mysql_tunnel.to["secondary"].endpoint
    }
  }
}
`

// What speaks MySQL itself reaches the primary, and a secondary, through a port
// of the loopback while an apply runs; nothing of it is left behind.
func TestTunnel(t *testing.T) {
	f := stand(t)
	f.sql(f.primary(), "CREATE USER IF NOT EXISTS tunnel@'%' IDENTIFIED BY 'lab' REQUIRE SSL; GRANT CREATE USER ON *.* TO tunnel@'%'; GRANT SELECT ON mysql.* TO tunnel@'%'; GRANT ALL ON tunnel.* TO tunnel@'%' WITH GRANT OPTION")
	file, open := filepath.Join(f.terraform.Dir, "tunnel.tf"), filepath.Join(f.terraform.Dir, "open")
	f.must(os.WriteFile(file, []byte(tunnelConfig), 0o600))
	t.Cleanup(func() { _, _ = os.Remove(file), os.Remove(open) })
	ended := make(chan error, 1)
	go func() { ended <- f.terraform.Apply(f.Context()) }()
	var endpoints []string
	f.eventually("the tunnels are open", 2*time.Minute, func() bool {
		select {
		case err := <-ended:
			t.Fatalf("the apply ended: %v", err)
		default:
		}
		said, err := os.ReadFile(open)
		endpoints = strings.Fields(string(said))
		return err == nil
	})
	try := func(endpoint, statement string, values ...any) error {
		db, err := sql.Open("mysql", fmt.Sprintf("tunnel:lab@tcp(%s)/?tls=skip-verify", endpoint))
		f.must(err)
		defer func() { _ = db.Close() }()
		if len(values) == 0 {
			_, err = db.ExecContext(f.Context(), statement)
			return err
		}
		return db.QueryRowContext(f.Context(), statement).Scan(values...)
	}
	var name string
	if err := try(endpoints[0], "SELECT @@report_host", &name); err != nil || f.sql(f.primary(), "SELECT @@report_host") != name {
		t.Errorf("the way to the primary leads to %q, %v", name, err)
	}
	// What another provider does by it, with the grants that the guide prints.
	for _, statement := range []string{"CREATE DATABASE tunnel", "CREATE USER made@'%' IDENTIFIED BY 'lab'", "GRANT SELECT, INSERT ON tunnel.* TO made@'%'", "SHOW GRANTS FOR made@'%'",
		"SELECT user FROM mysql.user", "REVOKE INSERT ON tunnel.* FROM made@'%'", "ALTER USER made@'%' IDENTIFIED BY 'bal'", "DROP USER made@'%'", "DROP DATABASE tunnel"} {
		f.must(try(endpoints[0], statement))
	}
	if err := try(endpoints[1], "CREATE DATABASE tunnel"); err == nil || !strings.Contains(err.Error(), "read-only") {
		t.Errorf("a secondary takes writes: %v", err)
	}
	f.must(os.Remove(open))
	f.must(<-ended)
	for _, endpoint := range endpoints {
		if conn, err := net.Dial("tcp", endpoint); err == nil {
			_ = conn.Close()
			t.Errorf("%s is still open", endpoint)
		}
		state, err := os.ReadFile(filepath.Join(f.terraform.Dir, "terraform.tfstate"))
		f.must(err)
		if strings.Contains(string(state), endpoint) {
			t.Errorf("the state holds %s", endpoint)
		}
	}
	f.sql(f.primary(), "DROP USER tunnel@'%'")
	f.must(os.Remove(file))
	f.apply()
}
