// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package site

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/atollhq/terraform-provider-atoll/internal/lab"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// series says for a failover how often each plug is pulled, of which the middle one
// counts, and how long the application goes on writing afterwards.
type series struct {
	failover  string
	times     int
	aftermath time.Duration
}

// pulls are those of each failover. A patient one gives nobody up for a minute.
var pulls = []series{
	{"default", 5, 30 * time.Second},
	{"fast", 5, 30 * time.Second},
	{"patient", 3, 2 * time.Minute},
}

// Failovers are those that BenchFailover can measure.
func Failovers() []string {
	var names []string
	for _, one := range pulls {
		names = append(names, one.failover)
	}
	return names
}

// steady is how long an application writes before a plug is pulled: what its
// writes are compared with.
const steady = 10 * time.Second

// plugs measures those that are pulled under a writer.
type plugs struct {
	client *lab.Client
	pool   *remote.Pool
}

// BenchFailover pulls the plugs of the primary and of a secondary, for each of the
// failovers, or for all where none is named.
func BenchFailover(ctx context.Context, client *lab.Client, dir string, out io.Writer, failovers ...string) error {
	terraform, err := Example(dir, client.Inventory)
	if err != nil {
		return err
	}
	pool, err := Machines(client.Inventory)
	if err != nil {
		return err
	}
	defer func() { _ = pool.Close() }()
	f := &plugs{client, pool}
	fmt.Fprintf(out, "\n### Failover: a plug is pulled while an application writes through its router\n\n")
	fmt.Fprintln(out, "| failover | plug of | writes stand still, the middle one of | writes slower than half their rate, the middle one of |\n| --- | --- | --- | --- |")
	for _, way := range pulls {
		if len(failovers) > 0 && !slices.Contains(failovers, way.failover) {
			continue
		}
		if err := terraform.Variables(map[string]any{"nodes": Nodes(client.Inventory), "ssh_key_file": client.Inventory.Key, "failover": way.failover}); err != nil {
			return err
		}
		if err := terraform.Apply(ctx); err != nil {
			return err
		}
		for _, role := range []string{"PRIMARY", "SECONDARY"} {
			var stood, slow []time.Duration
			for range way.times {
				still, slower, err := f.pull(ctx, role, way.aftermath)
				if err != nil {
					return err
				}
				stood, slow = append(stood, still), append(slow, slower)
			}
			fmt.Fprintf(out, "| %s | the %s | %s | %s |\n", way.failover, strings.ToLower(role), middleOf(stood), middleOf(slow))
		}
	}
	return nil
}

// middleOf is a table's cell.
func middleOf(all []time.Duration) string {
	var list []string
	for _, one := range all {
		list = append(list, fmt.Sprintf("%.1f", one.Seconds()))
	}
	return fmt.Sprintf("**%.1f s** of %s", slices.Sorted(slices.Values(all))[len(all)/2].Seconds(), strings.Join(list, ", "))
}

// pull pulls the plug of a member of a role and puts it in again; it ends when
// all are online.
func (f *plugs) pull(ctx context.Context, role string, aftermath time.Duration) (still, slower time.Duration, err error) {
	names, err := f.awaitAll(ctx)
	if err != nil {
		return 0, 0, err
	}
	primary, err := Machine(f.pool, f.client.Inventory, names["PRIMARY"])
	if err != nil {
		return 0, 0, err
	}
	application, err := Machine(f.pool, f.client.Inventory, "app1")
	if err != nil {
		return 0, 0, err
	}
	shop, err := Deploy(ctx, primary, application)
	if err != nil {
		return 0, 0, err
	}
	defer func() { _ = shop.DB.Close() }()
	writer := StartWriter(ctx, shop.DB)
	if err := remote.Pause(ctx, steady); err != nil {
		return 0, 0, err
	}
	pulled := time.Now()
	if err := f.client.PullPlug(ctx, names[role]); err != nil {
		return 0, 0, err
	}
	if err := remote.Pause(ctx, aftermath); err != nil {
		return 0, 0, err
	}
	slower = writer.Slow(pulled)
	report, err := writer.Stop(ctx, shop.DB)
	if err == nil && report.Lost > 0 {
		err = ErrLost
	}
	if err != nil {
		return 0, 0, err
	}
	return report.StoodStill, slower, f.client.PlugIn(ctx, names[role])
}

// awaitAll waits until all database hosts are online, and gives one for each role.
func (f *plugs) awaitAll(ctx context.Context) (map[string]string, error) {
	for deadline := time.Now().Add(5 * time.Minute); ; {
		roles, online := map[string]string{}, 0
		for _, host := range f.client.Inventory.Hosts {
			if !host.Database {
				continue
			}
			machine, err := Machine(f.pool, f.client.Inventory, host.Name)
			if err != nil {
				return nil, err
			}
			result, err := machine.Run(ctx, remote.Command{Name: "asking for the members", Reads: true,
				Script: `mysql -N -B -e "SELECT m.member_role, (SELECT SUM(member_state = 'ONLINE') FROM performance_schema.replication_group_members) FROM performance_schema.replication_group_members m WHERE m.member_id = @@server_uuid"`})
			said := strings.Fields(string(result.Stdout))
			if err == nil && len(said) == 2 && said[1] == "3" {
				roles[said[0]] = host.Name
				online++
			}
		}
		if online == 3 && roles["PRIMARY"] != "" && roles["SECONDARY"] != "" {
			return roles, nil
		}
		if time.Now().After(deadline) {
			return nil, fmt.Errorf("the members are not online after 5 minutes: %v", roles)
		}
		if err := remote.Pause(ctx, time.Second); err != nil {
			return nil, err
		}
	}
}
