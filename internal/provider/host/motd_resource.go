// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package host

import (
	"context"
	"time"

	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
	"github.com/atollhq/terraform-provider-atoll/internal/provider/base"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/motd"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// NewMotdResource makes an atoll_motd.
func NewMotdResource() resource.Resource { return base.NewNode(&motdKind{}) }

// motdModel is the state of one atoll_motd.
type motdModel struct {
	base.Node
	Text types.String `tfsdk:"text"`
}

// Key is the address of the machine.
func (m *motdModel) Key() types.String { return base.Member[types.String](m.Connection, "host") }

// Subject names the message in diagnostics.
func (m *motdModel) Subject() string { return "Message of the Day on " + m.ID.ValueString() }

func (m *motdModel) manifest() converge.Manifest {
	return motd.Config{Text: m.Text.ValueString()}.Manifest()
}

type motdKind struct{ base.Configured }

func (k *motdKind) Traits() base.Traits {
	return base.Traits{
		Type: "motd", ID: "Address of the machine, the same as ssh.host.", Drift: "file /etc/motd: content differs",
		Budgets: base.Budgets{Create: time.Minute, Read: time.Minute, Update: time.Minute, Delete: time.Minute},
	}
}

func (k *motdKind) Schema() schema.Schema {
	return schema.Schema{
		Description: "The message that a login on a machine shows. Destroying it removes /etc/motd.",
		Attributes: map[string]schema.Attribute{
			"text": schema.StringAttribute{
				Required:    true,
				Description: "What a login shows. A change is in place.",
				Validators:  []validator.String{stringvalidator.LengthAtLeast(1)},
			},
		},
	}
}

func (k *motdKind) Plan(context.Context, *base.Change[motdModel]) {}

func (k *motdKind) Observe(ctx context.Context, host remote.Host, model *motdModel) (base.Observed, error) {
	_, observed, err := base.Observe(ctx, host, model.manifest())
	return observed, err
}

func (k *motdKind) Converge(ctx context.Context, host remote.Host, _, model *motdModel) error {
	_, err := converge.Converge(ctx, host, model.manifest())
	return err
}

func (k *motdKind) Remove(ctx context.Context, host remote.Host, _ *motdModel) error {
	return converge.Remove(ctx, host, motd.Owner)
}

// Find has nothing to add: the text stands in the configuration.
func (k *motdKind) Find(context.Context, remote.Host, string, *motdModel) error { return nil }
