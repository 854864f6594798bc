// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package site

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/atollhq/terraform-provider-atoll/internal/lab"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// ErrLost is a demo in which an acknowledged write was not found again.
var ErrLost = errors.New("acknowledged writes are lost")

// before and after are how long the demo's writer writes around the fault.
const (
	before = 3 * time.Second
	after  = 5 * time.Second
	// recovery is how long the group and the router get to take writes again.
	recovery = 90 * time.Second
)

// vps is the database host of the story that the demo makes at Linode.
var vps = lab.HostSpec{Name: "sg1", Address: "198.51.100.13"}

// Demo applies examples/site to the hosts of a lab, sg1 being made at its
// Linode, shows what stands, how files go from one host to the other and how an old
// day moves to the archives under readers, and pulls the primary's plug under a writer.
func Demo(ctx context.Context, client *lab.Client, dir string, out io.Writer) error {
	terraform, err := Copy("site", dir, client.Inventory)
	if err != nil {
		return err
	}
	if err := terraform.Variables(map[string]any{
		"nodes": ModuleNodes(client.Inventory), "ssh_key_file": client.Inventory.Key, "linodes": map[string]any{vps.Name: linode(vps)}, "quiet_minutes": 0,
	}); err != nil {
		return err
	}
	start := time.Now()
	progress := *terraform
	progress.Log = &progressWriter{out: out}
	if err := progress.Apply(ctx); err != nil {
		return err
	}
	fmt.Fprintf(out, "\nThe site stands after %s.\n", time.Since(start).Round(time.Second))
	if err := AddLinode(ctx, terraform, client, vps.Name); err != nil {
		return err
	}
	primary, err := show(ctx, terraform, out)
	if err != nil {
		return err
	}
	plan, err := terraform.Plan(ctx)
	if err != nil {
		return err
	}
	if !plan.Empty() {
		return fmt.Errorf("the plan after the apply is not empty: %s", plan)
	}
	fmt.Fprintln(out, "\nThe next plan is empty.")
	pool, err := Machines(client.Inventory)
	if err != nil {
		return err
	}
	defer func() { _ = pool.Close() }()
	if err := files(ctx, pool, client.Inventory, out); err != nil {
		return err
	}
	return failover(ctx, pool, client, primary, out)
}

// ModuleNodes is the variable of examples/site, and of the module site, for the
// hosts of a lab.
func ModuleNodes(inventory lab.Inventory) map[string]any {
	nodes := map[string]any{}
	for _, host := range inventory.Hosts {
		role := "router"
		if host.Database {
			role = "database"
		}
		nodes[host.Name] = map[string]any{
			"roles": []string{role}, "mesh_address": MeshAddress(host.HostSpec),
			"ssh": map[string]any{"host": host.Address, "host_key": host.HostKey},
		}
	}
	return nodes
}

// linode is the variable of examples/site for a database host that is to be made
// at Linode: small, in Singapore.
func linode(host lab.HostSpec) map[string]any {
	return map[string]any{"roles": []string{"database"}, "mesh_address": MeshAddress(host), "region": "ap-south", "type": "g6-standard-1"}
}

// show prints members, mesh and routers, and returns the primary's name.
func show(ctx context.Context, terraform *Terraform, out io.Writer) (string, error) {
	var cluster Cluster
	if err := terraform.Attributes(ctx, "module.site.atoll_mysql_cluster.main", &cluster); err != nil {
		return "", err
	}
	var mesh map[string][]string
	var routers map[string]struct {
		ReadWrite string `json:"read_write"`
		ReadOnly  string `json:"read_only"`
		Split     string `json:"read_write_split"`
	}
	for name, target := range map[string]any{"mesh": &mesh, "routers": &routers} {
		if err := terraform.Output(ctx, name, target); err != nil {
			return "", err
		}
	}
	table := tabwriter.NewWriter(out, 0, 0, 3, ' ', 0)
	fmt.Fprintln(table, "\nmember\tstate\trole\tversion")
	for _, name := range slices.Sorted(maps.Keys(cluster.Status)) {
		member := cluster.Status[name]
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", name, member.State, member.Role, member.Version)
	}
	names := slices.Sorted(maps.Keys(mesh))
	fmt.Fprintln(table, "\nmesh\t"+strings.Join(names, "\t"))
	for _, from := range names {
		row := from
		for _, to := range names {
			switch {
			case from == to:
				row += "\t·"
			case slices.Contains(mesh[from], to):
				row += "\tok"
			default:
				row += "\t–"
			}
		}
		fmt.Fprintln(table, row)
	}
	fmt.Fprintln(table, "\nrouter\tread-write\tread-only\tread-write split")
	for _, name := range slices.Sorted(maps.Keys(routers)) {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", name, routers[name].ReadWrite, routers[name].ReadOnly, routers[name].Split)
	}
	return cluster.Primary, table.Flush()
}

// failover pulls the primary's plug while app1 writes through its router.
func failover(ctx context.Context, pool *remote.Pool, client *lab.Client, primary string, out io.Writer) error {
	database, err := Machine(pool, client.Inventory, primary)
	if err != nil {
		return err
	}
	application, err := Machine(pool, client.Inventory, "app1")
	if err != nil {
		return err
	}
	shop, err := Deploy(ctx, database, application)
	if err != nil {
		return err
	}
	defer func() { _ = shop.DB.Close() }()
	fmt.Fprintf(out, "\napp1 writes through its router. Pulling the plug of the primary, %s …\n", primary)
	report, err := PullUnderWriter(ctx, client, shop, primary)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "%s.\n", report)
	if report.Lost > 0 {
		return ErrLost
	}
	return nil
}

// PullUnderWriter pulls a host's plug in the middle of an application's writes
// and ends when writes flow again.
func PullUnderWriter(ctx context.Context, client *lab.Client, shop *Application, host string) (Report, error) {
	writer := StartWriter(ctx, shop.DB)
	if err := remote.Pause(ctx, before); err != nil {
		return Report{}, err
	}
	if err := client.PullPlug(ctx, host); err != nil {
		return Report{}, err
	}
	// What is on its way still comes through; then the count stands.
	if err := remote.Pause(ctx, time.Second); err != nil {
		return Report{}, err
	}
	count, deadline := writer.Count(), time.Now().Add(recovery)
	for writer.Count() <= count {
		if time.Now().After(deadline) {
			return Report{}, fmt.Errorf("no write came through for %s after %s went down", recovery, host)
		}
		if err := remote.Pause(ctx, 100*time.Millisecond); err != nil {
			return Report{}, err
		}
	}
	if err := remote.Pause(ctx, after); err != nil {
		return Report{}, err
	}
	return writer.Stop(ctx, shop.DB)
}

// progressWriter passes on the lines of an apply that tell of progress.
type progressWriter struct {
	out  io.Writer
	rest string
}

func (w *progressWriter) Write(p []byte) (int, error) {
	w.rest += string(p)
	for {
		line, rest, found := strings.Cut(w.rest, "\n")
		if !found {
			return len(p), nil
		}
		w.rest = rest
		if strings.Contains(line, "Creation complete") || strings.Contains(line, "Creating...") || strings.HasPrefix(line, "Apply complete") {
			// In the demo there is one site, so that resources need no module before them.
			fmt.Fprintln(w.out, strings.TrimPrefix(line, "module.site."))
		}
	}
}
