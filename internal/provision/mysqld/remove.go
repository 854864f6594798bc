// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package mysqld

import (
	"context"
	"fmt"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/mysqlroot"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// Remove takes the server back: it leaves its group, stops, its settings go,
// and its data stay unless deleteToo says otherwise.
//
// Terraform destroys a server before it updates the cluster that no longer
// names it, so the server leaves by itself here, as the cluster would have it:
// in turn, the primary's role handed over first, and never below quorum. The
// cluster then strikes its row and account off. The last one that is online does
// not go while its cluster counts on others: they may have gone in this very
// apply.
func (p *Plugin) Remove(ctx context.Context, host remote.Host, deleteToo bool) error {
	w := p.begin(host, Config{})
	defer w.place.End()
	status, err := w.config.settled(ctx, host)
	if err != nil {
		return err
	}
	if counted := len(status.View.Registered); status.View.Own().Online() && status.View.OthersOnline() == 0 && counted > 1 {
		return fmt.Errorf("%w: its cluster counts on %d members, and it is the only one that is ONLINE. Let another one join first, or destroy the atoll_mysql_cluster with it", ErrAlone, counted)
	}
	if status.View.OthersOnline() > 0 {
		w.place.In(status.View.Name)
		status, lease, err := w.spared(ctx, "taking "+status.View.Own().Endpoint()+" out", mostOthers)
		if err != nil {
			return err
		}
		err = w.leave(ctx, status)
		lease.Release()
		if err != nil {
			return err
		}
	}
	if err := converge.Remove(ctx, host, Owner); err != nil {
		return err
	}
	if _, err := host.Run(ctx, remote.Command{Name: "removing the server's certificate", Script: "rm -rf " + certificates}); err != nil || !deleteToo {
		return err
	}
	_, err = host.Run(ctx, deleteData())
	return err
}

// leave lets the server leave its group for good.
func (w *work) leave(ctx context.Context, status Status) error {
	_, err := w.host.Run(ctx, remote.Command{Name: "leaving the group", Long: true, Script: mysqlroot.Script(
		"STOP GROUP_REPLICATION", "SET PERSIST group_replication_start_on_boot = OFF", "RESET PERSIST IF EXISTS group_replication_local_address")})
	if err == nil {
		w.run.Leave(status.UUID)
	}
	return err
}
