// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

// Package status holds the data sources that say how a site is.
package status

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/datasource"

	"github.com/atollhq/terraform-provider-atoll/internal/provider/base"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/sitestatus"
)

// Ensure the data source implements what Terraform is told it does.
var _ datasource.DataSourceWithConfigure = &siteStatus{}

// budget is how long all machines together may take.
const budget = 2 * time.Minute

// NewSiteStatus makes an atoll_site_status.
func NewSiteStatus() datasource.DataSource { return &siteStatus{} }

type siteStatus struct{ base.DataSource }

func (d *siteStatus) Metadata(_ context.Context, req datasource.MetadataRequest, resp *datasource.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_site_status"
}

// Read asks all machines at once. One that does not answer is a line, not an error.
func (d *siteStatus) Read(ctx context.Context, req datasource.ReadRequest, resp *datasource.ReadResponse) {
	var model siteModel
	resp.Diagnostics.Append(req.Config.Get(ctx, &model)...)
	if resp.Diagnostics.HasError() {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, budget)
	defer cancel()
	site := model.site()
	outcomes := base.Parallel(slices.Sorted(maps.Keys(site.Machines)), func(name string) (sitestatus.Answer, error) {
		return site.Ask(ctx, d.Hosts.Host(site.Machines[name]), name), nil
	})
	answers := map[string]sitestatus.Answer{}
	for name, outcome := range outcomes {
		answers[name] = outcome.Value
	}
	model.read(site, answers)
	resp.Diagnostics.Append(resp.State.Set(ctx, model)...)
}
