// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/provider/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/atollhq/terraform-provider-atoll/internal/provider/base"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/linode"
)

// linodeModel is the provider's linode attribute.
type linodeModel struct {
	Token        types.String `tfsdk:"token"`
	URL          types.String `tfsdk:"url"`
	CAFile       types.String `tfsdk:"ca_file"`
	PollInterval types.String `tfsdk:"poll_interval"`
}

// linodeOf reads the attribute; a value that is not known stays so.
func linodeOf(block types.Object) *linodeModel {
	text := func(name string) types.String {
		if block.IsUnknown() {
			return types.StringUnknown()
		}
		return base.Member[types.String](block, name)
	}
	return &linodeModel{Token: text("token"), URL: text("url"), CAFile: text("ca_file"), PollInterval: text("poll_interval")}
}

func linodeAttribute() schema.SingleNestedAttribute {
	return schema.SingleNestedAttribute{
		Optional:    true,
		Description: "The Linode account, for atoll_linode and atoll_linode_firewall.",
		Attributes: map[string]schema.Attribute{
			"token": schema.StringAttribute{
				Optional: true, Sensitive: true,
				Description: "Token of the API, with read and write access to Linodes, firewalls, addresses and events, and to VPCs where one is declared. What the account's settings forbid is seen at plan time where it may read them. Default is the environment's LINODE_TOKEN.",
				Validators:  []validator.String{stringvalidator.LengthAtLeast(1)},
			},
			"url": schema.StringAttribute{
				Optional:    true,
				Description: "Address of the API with its version. Default is the environment's LINODE_URL, else https://api.linode.com/v4.",
				Validators:  []validator.String{stringvalidator.LengthAtLeast(1)},
			},
			"ca_file": schema.StringAttribute{
				Optional:    true,
				Description: "Path of certificates to trust beside the machine's own, in PEM form. Default is the environment's LINODE_CA, else none.",
				Validators:  []validator.String{stringvalidator.LengthAtLeast(1)},
			},
			"poll_interval": schema.StringAttribute{
				Optional:    true,
				Description: "How often the account's events are read while a machine boots, such as \"8s\"; all machines share one question. Default 8s.",
				Validators:  []validator.String{base.Duration()},
			},
		},
	}
}

// errPending says that the account cannot be asked before the apply.
var errPending = fmt.Errorf("linode.token, url or ca_file %w: give them from a variable or the environment, or apply what they come from first", base.ErrPending)

// client makes the account's client at its first use: a site without Linodes
// needs no token.
func (m *linodeModel) client(version string, readOnly bool) func() (*linode.Client, error) {
	config := linode.Config{
		Token: os.Getenv("LINODE_TOKEN"), URL: os.Getenv("LINODE_URL"), CAFile: os.Getenv("LINODE_CA"), UserAgent: "terraform-provider-atoll/" + version,
		ReadOnly: readOnly,
	}
	pending := false
	if m != nil {
		for target, value := range map[*string]types.String{&config.Token: m.Token, &config.URL: m.URL, &config.CAFile: m.CAFile} {
			pending = pending || value.IsUnknown()
			if !value.IsNull() {
				*target = value.ValueString()
			}
		}
		// The validator has seen that it parses.
		config.Poll, _ = time.ParseDuration(m.PollInterval.ValueString())
	}
	return sync.OnceValues(func() (*linode.Client, error) {
		if pending {
			return nil, errPending
		}
		if config.Token == "" {
			return nil, errors.New("there is no token for the Linode API: set linode.token in the provider block, or LINODE_TOKEN in the environment")
		}
		return linode.New(config)
	})
}
