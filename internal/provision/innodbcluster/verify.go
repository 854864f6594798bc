// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package innodbcluster

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/group"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/mysqld"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// know writes what a server verifies the others by. It reads that at each new
// connection.
func (r *run) know(ctx context.Context, key string) error {
	return converge.Apply(ctx, r.hosts[key], converge.Manifest{Owner: mysqld.Owner}, []converge.Step{
		converge.WriteStep(converge.File{Path: mysqld.MembersFile, Mode: 0o644, Content: []byte(r.cluster.trust.members)}),
	})
}

// verify lets a member start anew in its group. What it starts with is set while it is
// out, and kept for its next boot before: one that was ended in between is out, or
// as it was, and the next apply sees which. The primary hands its role over first.
func (r *run) verify(ctx context.Context, key string) error {
	seen := observe(ctx, r.hosts[key])
	if seen.Err != nil {
		return seen.Err
	}
	view := seen.group()
	if err := view.Spares(seen.UUID); err != nil {
		return err
	}
	if absent := view.NotOnline(); len(absent) > 0 {
		return fmt.Errorf("the members come one after another, and not all are online: %s. Apply again when they are", strings.Join(absent, ", "))
	}
	member, err := r.server(key)
	if err != nil {
		return err
	}
	if successor, found := view.Successor(); found && view.Primary() && !r.cluster.Options.MultiPrimary {
		if err := group.HandOver(ctx, member.Session, successor); err != nil {
			return err
		}
	}
	if err := member.Run(ctx, "taking the member out for a moment", r.cluster.verifyStatements(key)...); err != nil {
		return err
	}
	if err := group.Start(ctx, member.Session); err != nil {
		return fmt.Errorf("%w%s", err, member.GroupErrors(ctx))
	}
	for patience := time.Now().Add(absence); ; {
		state, err := member.Text(ctx, "waiting for the member", "SELECT member_state FROM performance_schema.replication_group_members WHERE member_id = @@server_uuid")
		switch {
		case err != nil:
			return err
		case state == "ONLINE":
			return nil
		case state == "RECOVERING":
			patience = time.Now().Add(absence)
		case time.Now().After(patience):
			return r.failed(ctx, key, state)
		}
		if err := remote.Pause(ctx, pause); err != nil {
			return err
		}
	}
}

// verifyStatements keep what a member starts with for its next boot, take it out of the
// group, and set it. What it knows the others by comes before the wish to verify them:
// between any two of these it can start.
func (c Cluster) verifyStatements(key string) []string {
	var keeps, sets []string
	for _, want := range c.variables(key, "") {
		if want.takes == rejoining {
			keeps = append(keeps, "SET PERSIST_ONLY "+want.name+" = "+setLiteral(want.value))
			sets = append(sets, "SET GLOBAL "+want.name+" = "+setLiteral(want.value))
		}
	}
	return slices.Concat(keeps, []string{"STOP GROUP_REPLICATION"}, sets)
}
