// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

// Package base holds what every Atoll resource shares on Terraform's side: the
// provider's data, the connection attribute, the drift list, the grammar of
// diagnostics and the form of import ids.
//
// It is a room of its own, below the provider package, so that the families
// (host, mesh, mysql) can use it while the provider package registers them.
package base

import (
	"context"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/resource"

	"github.com/atollhq/terraform-provider-atoll/internal/provision/guard"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/linode"
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
	// Linode is the account of the provider block; its error says what to set.
	Linode func() (*linode.Client, error)
	// Guard is asked before a machine goes down or is given up.
	Guard *guard.Guard
	// Departures is where a mesh and the peers that leave it meet.
	Departures tinc.Departures
	// Lost holds the addresses from the provider block's lost list.
	Lost map[string]bool
}

// Resource is embedded by every resource and saves it the boilerplate.
type Resource struct {
	*Data
}

// Configure takes over the provider's data. Terraform also calls it before the
// provider block is known, without data; then nothing may be contacted.
func (r *Resource) Configure(_ context.Context, req resource.ConfigureRequest, resp *resource.ConfigureResponse) {
	if req.ProviderData == nil {
		return
	}
	data, ok := req.ProviderData.(*Data)
	if !ok {
		resp.Diagnostics.AddError("Unable to Configure Resource",
			fmt.Sprintf("The provider handed over %T instead of its data. This is a fault of the provider: please report it.", req.ProviderData))
		return
	}
	r.Data = data
}
