// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package mysqld

import (
	"context"
	"errors"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/mysqlroot"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// ErrQuorum says that the group cannot spare the server now.
var ErrQuorum = errors.New("its group would lose its quorum")

// Remove takes the server back: it leaves its group, stops, its settings go,
// and its data stay unless deleteToo says otherwise.
//
// Terraform destroys a server before it updates the cluster that no longer
// names it, so the server leaves by itself here, as the cluster would have it:
// in turn, the primary's role handed over first, and never below quorum. The
// cluster then forgets its row and account.
func Remove(ctx context.Context, host remote.Host, deleteToo bool) error {
	status, err := (Config{}).settled(ctx, host)
	if err != nil {
		return err
	}
	if status.othersOnline() > 0 {
		if err := leave(ctx, host, status); err != nil {
			return err
		}
	}
	if err := converge.Remove(ctx, host, Owner); err != nil || !deleteToo {
		return err
	}
	_, err = host.Run(ctx, deleteData())
	return err
}

// leave takes the server out of its group.
func leave(ctx context.Context, host remote.Host, status Status) error {
	_, release, err := spared(ctx, host, status.GroupName)
	if err != nil {
		return err
	}
	defer release()
	return stopMember(ctx, host)
}

// stopMember lets the server leave its group for good.
func stopMember(ctx context.Context, host remote.Host) error {
	_, err := host.Run(ctx, remote.Command{Name: "leaving the group", Long: true, Script: mysqlroot.Script(
		"STOP GROUP_REPLICATION", "SET PERSIST group_replication_start_on_boot = OFF")})
	return err
}

func (s Status) othersOnline() int {
	others := 0
	for _, member := range s.Members {
		if member.ID != s.UUID && member.State == "ONLINE" {
			others++
		}
	}
	return others
}
