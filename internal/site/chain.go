// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package site

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/atollhq/terraform-provider-atoll/internal/lab"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// shellTime is what MySQL Shell 9.6 took on such hosts for a group and two
// clone joins, one after the other; measured once, not in this run.
const shellTime = 41 * time.Second

// BenchApply measures an apply from bare hosts beside the longest chain of
// things that cannot be done at once, done by hand over plain SSH.
func BenchApply(ctx context.Context, client *lab.Client, dir string, out io.Writer) error {
	if err := delay(ctx, client, Delay); err != nil {
		return err
	}
	install, group, err := chain(ctx, client)
	if err != nil {
		return err
	}
	for _, host := range client.Inventory.Hosts {
		if err := client.Rebuild(ctx, host.Name); err != nil {
			return err
		}
	}
	terraform, err := Example(dir, client.Inventory)
	if err != nil {
		return err
	}
	peak, stop := watchMemory()
	defer stop()
	cluster := &timer{address: "atoll_mysql_cluster.main"}
	terraform.Log = cluster
	start := time.Now()
	if err := terraform.Apply(ctx); err != nil {
		return err
	}
	took, whole := time.Since(start), install+group
	ratio := float64(took) / float64(whole)
	fmt.Fprintf(out, "\n### An apply of the five-host site from bare hosts, %s each way\n\n| | time |\n| --- | ---: |\n", Delay)
	fmt.Fprintf(out, "| packages on one host, alone, over plain SSH | %s |\n", install.Round(time.Second))
	fmt.Fprintf(out, "| group and two clone joins, over plain SSH | %s |\n", group.Round(100*time.Millisecond))
	fmt.Fprintf(out, "| the chain: both | %s |\n", whole.Round(time.Second))
	fmt.Fprintf(out, "| `terraform apply`, five hosts at once on the same machine | %s |\n", took.Round(time.Second))
	fmt.Fprintf(out, "| of it, `atoll_mysql_cluster` (group and two joins) | %s |\n", cluster.took.Round(100*time.Millisecond))
	fmt.Fprintf(out, "\nApply / chain = %.2f (allowed: 1.30): **%s**. Group and joins / MySQL Shell's %s = %.2f (allowed: 0.60): **%s**.\n",
		ratio, verdict(ratio <= 1.3), shellTime, cluster.took.Seconds()/shellTime.Seconds(), verdict(cluster.took < shellTime*6/10))
	fmt.Fprintf(out, "Peak memory of the provider in an apply: %d MiB (allowed: 150): **%s**.\n", peak.Load()>>20, verdict(peak.Load() < 150<<20))
	return nil
}

// timer reads from the output how long one resource took.
type timer struct {
	address string
	begun   time.Time
	took    time.Duration
}

func (t *timer) Write(p []byte) (int, error) {
	for line := range strings.Lines(string(p)) {
		switch {
		case strings.HasPrefix(line, t.address+": Creating..."):
			t.begun = time.Now()
		case strings.HasPrefix(line, t.address+": Creation complete"):
			t.took = time.Since(t.begun)
		}
	}
	return len(p), nil
}

// installByHand is what an administrator types.
const installByHand = `printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d; chmod +x /usr/sbin/policy-rc.d
export DEBIAN_FRONTEND=noninteractive
{ apt-get -q update && apt-get -q -y --no-install-recommends install tinc iputils-ping openssl mysql-server; } >/dev/null 2>&1
code=$?; rm -f /usr/sbin/policy-rc.d; exit $code`

// serverByHand readies one server; its arguments are address and number.
const serverByHand = `cat >/etc/mysql/mysql.conf.d/zz-hand.cnf <<END
[mysqld]
server_id = %[2]d
bind_address = %[1]s
report_host = %[1]s
mysqlx = OFF
gtid_mode = ON
enforce_gtid_consistency = ON
plugin_load_add = group_replication.so;mysql_clone.so
innodb_buffer_pool_size = 512M
loose_group_replication_message_cache_size = 256M
loose_group_replication_start_on_boot = OFF
END
systemctl restart mysql`

const memberByHand = `SET sql_log_bin = 0; CREATE USER repl@'%%' IDENTIFIED BY 'hand'; GRANT REPLICATION SLAVE, BACKUP_ADMIN, GROUP_REPLICATION_STREAM, CONNECTION_ADMIN ON *.* TO repl@'%%'; SET sql_log_bin = 1;
CHANGE REPLICATION SOURCE TO SOURCE_USER = 'repl', SOURCE_PASSWORD = 'hand' FOR CHANNEL 'group_replication_recovery';
SET PERSIST group_replication_group_name = '8a94f357-aab4-11df-86ab-c80aa9429562'; SET PERSIST group_replication_communication_stack = 'MYSQL'; SET PERSIST group_replication_ssl_mode = 'REQUIRED';
SET PERSIST group_replication_recovery_use_ssl = ON; SET PERSIST group_replication_local_address = '%[1]s:3306'; SET PERSIST group_replication_group_seeds = '%[2]s:3306'; SET PERSIST group_replication_start_on_boot = ON;`

// chain measures by hand: packages on one host alone, then group and two joins
// by clone, one after the other, as MySQL Shell does them.
func chain(ctx context.Context, client *lab.Client) (install, group time.Duration, err error) {
	pool, err := Machines(client.Inventory)
	if err != nil {
		return 0, 0, err
	}
	defer func() { _ = pool.Close() }()
	var servers []lab.InventoryHost
	run := func(name, script string) error {
		machine, err := Machine(pool, client.Inventory, name)
		if err == nil {
			_, err = machine.Run(ctx, remote.Command{Name: "working by hand", Script: script, Long: true})
		}
		return err
	}
	for _, host := range client.Inventory.Hosts {
		if !host.Database {
			continue
		}
		servers = append(servers, host)
		start := time.Now()
		if err := run(host.Name, installByHand); err != nil {
			return 0, 0, err
		}
		if len(servers) == 1 {
			install = time.Since(start)
		}
		if err := run(host.Name, fmt.Sprintf(serverByHand, host.Address, len(servers))); err != nil {
			return 0, 0, err
		}
	}
	start := time.Now()
	for i, host := range servers {
		how := "SET GLOBAL group_replication_bootstrap_group = ON; START GROUP_REPLICATION; SET GLOBAL group_replication_bootstrap_group = OFF; CREATE DATABASE hand;"
		if i > 0 {
			how = "SET GLOBAL group_replication_clone_threshold = 1; START GROUP_REPLICATION;"
		}
		if err := run(host.Name, "mysql -e "+remote.Quote(fmt.Sprintf(memberByHand, host.Address, servers[0].Address)+how)); err != nil {
			return 0, 0, err
		}
		online := fmt.Sprintf("until [ \"$(mysql -N -B -e \"SELECT COUNT(*) FROM performance_schema.replication_group_members WHERE member_state = 'ONLINE'\")\" = %d ]; do sleep 0.2; done", i+1)
		if err := run(servers[0].Name, online); err != nil {
			return 0, 0, err
		}
	}
	return install, time.Since(start), nil
}
