// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

// Package base holds what every Atoll resource shares on Terraform's side: the
// frames that carry a resource through its life, the provider's data, the ssh
// attribute, the drift list, the grammar of diagnostics and the form of import
// ids.
//
// A resource is a schema, a model and its plan. The frames do the rest once for
// all: a NodeKind is what a machine has, a RelationKind what stands between
// machines, a Kind anything else. What a kind reads back is what the state holds.
//
// It is a room of its own, below the provider package, so that the families
// (host, mesh, mysql) can use it while the provider package registers them.
package base

import (
	"context"
	"errors"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"

	"github.com/atollhq/terraform-provider-atoll/internal/provision/guard"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/innodbcluster"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/linode"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/mysqld"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/mysqltunnel"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/tinc"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// Hosts hands out machines by target. *remote.Pool is the only implementation
// outside of tests.
type Hosts interface {
	Host(target remote.Target) remote.Host
}

// Data is what the provider block gives to every resource.
type Data struct {
	// Hosts is shared by all resources for the life of the provider process.
	Hosts Hosts
	// PublicKey is the public half of the key that a login by this name offers, in
	// authorized_keys form; "" is the default one.
	PublicKey func(ctx context.Context, name string) (string, error)
	// HasKey says whether the provider has a key of that name; nil where that is not
	// known before the apply, or an agent may have one.
	HasKey func(name string) bool
	// Linode is the account of the provider block; its error says what to set, or is
	// ErrPending.
	Linode func() (*linode.Client, error)
	// Guard is asked before a machine goes down or is given up.
	Guard *guard.Guard
	// MySQL is the servers' plugin, which knows those that this process is at.
	MySQL *mysqld.Plugin
	// Tunnels are those that this process holds open.
	Tunnels *mysqltunnel.Registry
	// Departures is where a mesh and the peers that leave it meet.
	Departures tinc.Departures
	// Succession is where what is made and what is taken back meet.
	Succession Succession
	// Trees are those of file tiers that plans declare, Routers the names and ports of routers,
	// Machines what each atoll_host declares of its machine.
	Trees, Routers, Machines Claims
	// Standing are the relations that plans of this run found in the state, by kind and name.
	Standing Meetings
	// Twins are the atoll_host that were planned, of which each has its machine alone.
	Twins Claims
	// Account is what plans want for themselves in the Linode account.
	Account Account
	// Listed are the routers that plans declare for a cluster, by its name, Leaders the
	// member that is to take writes.
	Listed, Leaders Lists
	// Accounts are those of a cluster's routers, by its name and id, as its members have them.
	Accounts Shared[[]innodbcluster.RouterSums]
	// Lost holds the addresses from the provider block's lost list.
	Lost map[string]bool
	// Pending names what of the provider's ssh block is not known before the
	// apply; "" when all is. A machine that cannot be asked for want of it is
	// asked by the next refresh.
	Pending string
}

// ErrPending says that something of the provider block is not known before the
// apply, so that nothing can be asked until then.
var ErrPending = errors.New("is not known before the apply")

// RefuseLost raises an error at plan time for something new on a machine that
// the provider block declares lost.
func (d *Data) RefuseLost(target remote.Target, at path.Path, diags *diag.Diagnostics) {
	if d.Lost[target.Host] {
		diags.AddAttributeError(at, "Machine Is Declared Lost",
			fmt.Sprintf("%s = %q stands in the provider's lost list, so nothing can be made on it. "+
				"Remove what is declared on this machine, or take it out of the list when it is back.", at, target.Host))
	}
}

// Configured is embedded by every kind: it receives the provider's data.
type Configured struct {
	*Data
}

func (c *Configured) configure(data *Data) { c.Data = data }
