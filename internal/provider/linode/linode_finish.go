// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package linode

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/atollhq/terraform-provider-atoll/internal/provision/linode"
)

// seeMade takes over a machine that was ordered and is not finished. What the
// plan promised of it stays.
func (m *linodeModel) seeMade(made linode.Made) {
	declared := *m
	m.see(linode.Observed{Instance: made.Instance})
	m.Tags, m.Label, m.Type, m.Image = declared.Tags, declared.Label, declared.Type, declared.Image
	if !declared.Firewall.IsUnknown() {
		m.Firewall = declared.Firewall
	}
	m.settle()
}

// finish brings a new or rebuilt machine to its end and reads it back.
func (r *linodeResource) finish(ctx context.Context, client *linode.Client, made linode.Made, given types.String, model *linodeModel) error {
	expected := made.HostKey
	if expected == "" {
		expected = given.ValueString()
	}
	seen, key, err := client.Finish(ctx, made, r.Hosts, model.target(expected))
	if err != nil {
		return err
	}
	return r.take(ctx, client, seen, key, model)
}

// readBack fills the model from the account.
func (r *linodeResource) readBack(ctx context.Context, client *linode.Client, hostKey string, model *linodeModel) error {
	seen, err := r.look(ctx, client, model.id())
	if err != nil {
		return err
	}
	return r.take(ctx, client, seen, hostKey, model)
}

// take fills the model from what was seen.
func (r *linodeResource) take(ctx context.Context, client *linode.Client, seen linode.Observed, hostKey string, model *linodeModel) error {
	model.see(seen)
	model.connect(hostKey)
	if subnet := number(model.Subnet); subnet != nil && model.SubnetIPv4.IsUnknown() || model.SubnetIPv4.IsNull() && subnet != nil {
		address, err := client.SubnetAddress(ctx, model.id(), *subnet)
		if err != nil {
			return err
		}
		model.SubnetIPv4 = optional(address)
	}
	model.settle()
	return nil
}

func (r *linodeResource) look(ctx context.Context, client *linode.Client, id int) (linode.Observed, error) {
	instance, err := client.Instance(ctx, id)
	if err != nil {
		return linode.Observed{}, err
	}
	attached, err := client.FirewallsOf(ctx, id)
	return linode.Observed{Instance: instance, Firewalls: attached}, err
}
