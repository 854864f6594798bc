// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

// Package status holds the data sources that say how a site is.
package status

import (
	"context"
	"maps"
	"slices"

	"github.com/hashicorp/terraform-plugin-framework/datasource"

	"github.com/atollhq/terraform-provider-atoll/internal/provider/base"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/sitestatus"
)

// Ensure the data source implements what Terraform is told it does.
var _ datasource.DataSourceWithConfigure = &siteStatus{}

// NewSiteStatus makes an atoll_site_status.
func NewSiteStatus() datasource.DataSource { return &siteStatus{} }

type siteStatus struct{ base.DataSource }

func (d *siteStatus) Metadata(_ context.Context, req datasource.MetadataRequest, resp *datasource.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_site_status"
}

// Read asks all machines at once. One that does not answer is a line, not an error.
func (d *siteStatus) Read(ctx context.Context, req datasource.ReadRequest, resp *datasource.ReadResponse) {
	base.Look(ctx, req, resp, d.look)
}

func (d *siteStatus) look(ctx context.Context, model *siteModel) {
	site := model.site()
	outcomes := base.Parallel(slices.Sorted(maps.Keys(site.Machines)), func(name string) (sitestatus.Answer, error) {
		return site.Ask(ctx, d.Hosts.Host(site.Machines[name]), name), nil
	})
	answers := map[string]sitestatus.Answer{}
	for name, outcome := range outcomes {
		answers[name] = outcome.Value
	}
	model.read(site, answers)
}
