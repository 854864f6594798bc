// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package mysql

import (
	"context"
	"maps"
	"slices"

	"github.com/hashicorp/terraform-plugin-framework-validators/mapvalidator"
	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
	"github.com/atollhq/terraform-provider-atoll/internal/provider/base"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/preflight"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// Ensure the data source implements what Terraform is told it does.
var _ datasource.DataSourceWithConfigure = &preflightSource{}

// NewPreflight makes an atoll_mysql_preflight.
func NewPreflight() datasource.DataSource { return &preflightSource{} }

type preflightSource struct{ base.DataSource }

func (d *preflightSource) Metadata(_ context.Context, req datasource.MetadataRequest, resp *datasource.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_mysql_preflight"
}

// Schema describes a look at servers before they are one group.
func (d *preflightSource) Schema(_ context.Context, _ datasource.SchemaRequest, resp *datasource.SchemaResponse) {
	resp.Schema = schema.Schema{
		Description: "What stands against MySQL servers as members of one InnoDB Cluster, before they are: tables without a key or of another engine, foreign keys, accounts, definers and events that will not work, " +
			"memory, disk and limits, and what differs between the servers. Each machine is asked once and nothing is changed; the servers need not be Atoll's yet. " +
			"What is an error here is refused by the plan of an atoll_mysql_server that would adopt the data.",
		Attributes: map[string]schema.Attribute{
			"hosts": base.ConnectionsAsked("The machines of the servers that are to be one cluster, by a name of your own: each the ssh of an atoll_host, or, before there is one, how to reach the machine.", mapvalidator.SizeAtLeast(1)),
			"ready": schema.BoolAttribute{Computed: true, Description: "Whether no finding is an error: all servers were asked, and nothing keeps them from being one cluster."},
			"findings": schema.ListNestedAttribute{
				Computed: true, Description: "What was found, errors first, then by server, check and object. Of each kind on a server at most 100 are listed, and how many more there are.",
				NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
					"severity": base.Tells("error: a join would fail or rows would be lost. warning: it works until something happens, which the text names. info: good to know."),
					"check":    base.Tells("What was looked at: server, version, engine, key, foreign_key, account, definer, event, replication, variable, identity, memory, disk, transaction_size or binary_log."),
					"server":   base.Tells("Name of the server in hosts; empty for what is between servers."),
					"object":   base.Tells("What it is about, such as \"shop.orders\" or \"'app'@'%'\"; empty for the server as a whole."),
					"text":     base.Tells("What is the matter, and what follows."),
					"remedy":   base.Tells("SQL that ends it; empty where SQL does not. A word in <angle brackets> is yours to fill in."),
				}},
			},
			"servers": schema.MapNestedAttribute{
				Computed: true, Description: "What each server is, by its name in hosts.",
				NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
					"answers":    schema.BoolAttribute{Computed: true, Description: "Whether a server runs there and answered. If not, a finding says why, and version and schemas are empty."},
					"version":    base.Tells("Version of the server."),
					"schemas":    schema.ListAttribute{Computed: true, ElementType: types.StringType, Description: "Schemas that are a user's, sorted."},
					"data_mib":   base.TellsNumber("Size of the InnoDB files in MiB, which is what a clone carries."),
					"memory_mib": base.TellsNumber("Memory of the machine in MiB."),
					"free_mib":   base.TellsNumber("Room in MiB where the datadir is or will be."),
				}},
			},
		},
	}
}

// preflightModel is one atoll_mysql_preflight.
type preflightModel struct {
	Hosts    types.Map                    `tfsdk:"hosts"`
	Ready    types.Bool                   `tfsdk:"ready"`
	Findings []findingModel               `tfsdk:"findings"`
	Servers  map[string]lookedServerModel `tfsdk:"servers"`
}

type findingModel struct {
	Severity string `tfsdk:"severity"`
	Check    string `tfsdk:"check"`
	Server   string `tfsdk:"server"`
	Object   string `tfsdk:"object"`
	Text     string `tfsdk:"text"`
	Remedy   string `tfsdk:"remedy"`
}

type lookedServerModel struct {
	Answers   bool     `tfsdk:"answers"`
	Version   string   `tfsdk:"version"`
	Schemas   []string `tfsdk:"schemas"`
	DataMiB   int64    `tfsdk:"data_mib"`
	MemoryMiB int64    `tfsdk:"memory_mib"`
	FreeMiB   int64    `tfsdk:"free_mib"`
}

// Read asks all machines at once. One that does not answer is a finding.
func (d *preflightSource) Read(ctx context.Context, req datasource.ReadRequest, resp *datasource.ReadResponse) {
	base.Look(ctx, req, resp, d.look)
}

func (d *preflightSource) look(ctx context.Context, model *preflightModel) {
	model.read(lookAt(ctx, d.Data, targetsOf(model.Hosts)))
}

// lookAt asks all servers at once, each by its key. One that is declared lost is
// not contacted and, like any that was not asked, says so.
func lookAt(ctx context.Context, data *base.Data, targets map[string]remote.Target) map[string]preflight.Facts {
	looked := map[string]preflight.Facts{}
	for key, outcome := range base.Parallel(slices.Sorted(maps.Keys(targets)), func(key string) (preflight.Facts, error) {
		return converge.Ask(ctx, data.Hosts.Host(targets[key]), preflight.Question())
	}) {
		facts := outcome.Value
		facts.Err = outcome.Err
		looked[key] = facts
	}
	return looked
}

// targetsOf reads a map of connections.
func targetsOf(connections types.Map) map[string]remote.Target {
	targets := map[string]remote.Target{}
	for key, element := range connections.Elements() {
		connection, _ := element.(types.Object)
		targets[key], _ = base.Target(connection)
	}
	return targets
}

// read takes over what the servers said.
func (m *preflightModel) read(looked map[string]preflight.Facts) {
	m.Findings, m.Servers = []findingModel{}, map[string]lookedServerModel{}
	ready := true
	for _, finding := range preflight.Check(looked) {
		ready = ready && finding.Severity != preflight.Error
		m.Findings = append(m.Findings, findingModel{string(finding.Severity), finding.Check, finding.Server, finding.Object, finding.Text, finding.Remedy})
	}
	m.Ready = types.BoolValue(ready)
	for key, facts := range looked {
		m.Servers[key] = lookedServerModel{
			Answers: facts.Answers, Version: facts.Version, Schemas: append([]string{}, slices.Sorted(slices.Values(facts.Schemas))...),
			DataMiB: int64(facts.DataBytes >> 20), MemoryMiB: int64(facts.MemoryBytes >> 20), FreeMiB: int64(facts.FreeBytes >> 20),
		}
	}
}
