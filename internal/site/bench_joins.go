// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package site

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/atollhq/terraform-provider-atoll/internal/lab"
)

// shellJoins is what MySQL Shell 9.6 took for a group and two joins, by how a member
// gets its data; measured once on such hosts, not in this run.
var shellJoins = []struct {
	method string
	took   time.Duration
}{{"clone", 45300 * time.Millisecond}, {"incremental", 19300 * time.Millisecond}}

// BenchJoins measures a group and two joins by each way in which a member gets its
// data, beside MySQL Shell's by the same way: on servers that stand configured, without
// data, and with nothing else to do.
func BenchJoins(ctx context.Context, client *lab.Client, dir string, out io.Writer) error {
	terraform, err := Example(dir, client.Inventory)
	if err != nil {
		return err
	}
	if err := delay(ctx, client, 0); err != nil {
		return err
	}
	fmt.Fprintln(out, "\n### A group and two joins on servers without data\n\n| by | Atoll, the middle of three | the least and the most | MySQL Shell 9.6 | ratio (goal: 0.50) |\n| --- | ---: | ---: | ---: | ---: |")
	for _, shell := range shellJoins {
		override := fmt.Sprintf("resource \"atoll_mysql_cluster\" \"main\" {\n  recovery_method = %q\n}\nresource \"atoll_mysql_server\" \"database\" {\n  delete_data = true\n}\n", shell.method)
		if err := os.WriteFile(filepath.Join(dir, "override.tf"), []byte(override), 0o600); err != nil {
			return fmt.Errorf("choosing how members get their data: %w", err)
		}
		// So that the data go with the servers.
		if err := terraform.Apply(ctx, servers); err != nil {
			return err
		}
		var took []time.Duration
		for range samples {
			one, err := joins(ctx, terraform)
			if err != nil {
				return err
			}
			took = append(took, one)
		}
		slices.Sort(took)
		middle := took[len(took)/2]
		ratio := middle.Seconds() / shell.took.Seconds()
		fmt.Fprintf(out, "| %s | %.1f s | %.1f s, %.1f s | %.1f s | %.2f: **%s** |\n", shell.method, middle.Seconds(), took[0].Seconds(), took[len(took)-1].Seconds(), shell.took.Seconds(), ratio, verdict(ratio <= 0.5))
	}
	return nil
}

// servers and cluster are the parts of the site that are made, and what they need.
const (
	servers = "-target=atoll_mysql_server.database"
	cluster = "-target=atoll_mysql_cluster.main"
)

// joins makes servers anew, without data, and measures the cluster of them alone.
func joins(ctx context.Context, terraform *Terraform) (time.Duration, error) {
	if err := terraform.Destroy(ctx, servers); err != nil {
		return 0, err
	}
	if err := terraform.Apply(ctx, servers); err != nil {
		return 0, err
	}
	made := &timer{address: "atoll_mysql_cluster.main"}
	terraform.Log = made
	defer func() { terraform.Log = nil }()
	if err := terraform.Apply(ctx, cluster); err != nil {
		return 0, err
	}
	return made.took, nil
}
