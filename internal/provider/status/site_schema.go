// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package status

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework-validators/int64validator"
	"github.com/hashicorp/terraform-plugin-framework-validators/mapvalidator"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-framework/types/basetypes"

	"github.com/atollhq/terraform-provider-atoll/internal/provider/base"
)

// What is taken of exported objects; what else they have falls away.
func peerType() basetypes.ObjectType {
	return types.ObjectType{AttrTypes: map[string]attr.Type{"address": types.StringType, "ssh": base.ConnectionType()}}
}

func memberType() basetypes.ObjectType {
	return types.ObjectType{AttrTypes: map[string]attr.Type{"address": types.StringType, "port": base.Integer{}, "ssh": base.ConnectionType()}}
}

func textList() basetypes.ListType { return types.ListType{ElemType: types.StringType} }

// Schema describes how a whole site is asked how it is.
func (d *siteStatus) Schema(_ context.Context, _ datasource.SchemaRequest, resp *datasource.SchemaResponse) {
	resp.Schema = schema.Schema{
		Description: "How a site is now: who answers, who is in the database's group and how far behind, which links work, which routers run, and the room on the disks. " +
			"Each machine is asked once, all at the same time, and nothing is changed. What is wrong is a line in problems, for check blocks, outputs and a schedule; " +
			"with -refresh=false a plan costs no more than this.",
		Attributes: siteAttributes(),
	}
}

func siteAttributes() map[string]schema.Attribute {
	attributes := siteAnswers()
	attributes["hosts"] = schema.MapAttribute{
		Required: true, ElementType: base.ConnectionType(),
		Description: "The machines by a name of your own: each the ssh of an atoll_host, taken whole.",
		Validators:  []validator.Map{mapvalidator.SizeAtLeast(1), base.Whole{Of: "ssh of an atoll_host", Needs: []string{"host"}}},
	}
	attributes["peers"] = schema.MapAttribute{
		Optional: true, ElementType: peerType(),
		Description: "The peers of the mesh between the machines: each the peer of an atoll_mesh_peer. Default none: no link is tried.",
		Validators:  []validator.Map{base.Whole{Of: "peer of an atoll_mesh_peer", Needs: []string{"address", "ssh.host"}}},
	}
	attributes["members"] = schema.MapAttribute{
		Optional: true, ElementType: memberType(),
		Description: "The members of the database: each the member of an atoll_mysql_server. Default none: no server is asked.",
		Validators:  []validator.Map{base.Whole{Of: "member of an atoll_mysql_server", Needs: []string{"address", "port", "ssh.host"}}},
	}
	attributes["drift"] = schema.MapAttribute{
		Optional: true, ElementType: textList(),
		Description: "The drift of resources, by a name of your own, such as { \"host hk1\" = atoll_host.hk1.drift }: its lines stand in problems, too. Default none.",
	}
	limit := func(fallback string, least, most int64, description string) schema.Int64Attribute {
		return schema.Int64Attribute{CustomType: base.Integer{}, Optional: true, Description: description + " Default " + fallback + ".", Validators: []validator.Int64{int64validator.Between(least, most)}}
	}
	attributes["least_free_percent"] = limit("10", 0, 100, "Least that every disk should have left, of room and of inodes, in percent.")
	attributes["most_clock_offset"] = limit("2", 1, 86400, "Most seconds that a clock may be off from that of the machine where Terraform runs.")
	attributes["most_queued"] = limit("1000", 0, 1000000000, "Most transactions that a member may have received and not applied yet.")
	return attributes
}

// siteAnswers are the attributes that are read.
func siteAnswers() map[string]schema.Attribute {
	return map[string]schema.Attribute{
		"healthy": schema.BoolAttribute{Computed: true, Description: "Whether nothing is wrong: problems is empty. A link counts as the peers reach each other in this moment; " +
			"what a refresh of atoll_mesh finds beside that, such as a pair of which one side cannot dial, counts where drift has the mesh's drift."},
		"problems": schema.ListAttribute{Computed: true, ElementType: types.StringType, Description: "What is wrong, a line each, the worst first, such as \"member hk2: OFFLINE, want ONLINE\"."},
		"primary":  base.Tells("Name of the member that takes writes; empty when none does."),
		"links": schema.MapAttribute{
			Computed: true, ElementType: textList(), Description: "Which peers each peer reaches over the mesh, by name; those that did not answer are missing.",
		},
		"machines": schema.MapNestedAttribute{
			Computed: true, Description: "What each machine says of itself, by its name in hosts.",
			NestedObject: schema.NestedAttributeObject{Attributes: machineAttributes()},
		},
		"database": schema.MapNestedAttribute{
			Computed: true, Description: "State of each member, by its name in members.",
			NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
				"state":   base.Tells("ONLINE, RECOVERING, OFFLINE, ERROR, UNREACHABLE, MISSING (not in the group of the majority), NO_QUORUM (in one without a majority) or UNKNOWN (nobody says)."),
				"role":    base.Tells("PRIMARY or SECONDARY; empty outside of the group."),
				"version": base.Tells("Version of the server; empty when it is not known."),
				"queued":  base.TellsNumber("Transactions that it has received and not applied yet."),
			}},
		},
	}
}

func machineAttributes() map[string]schema.Attribute {
	return map[string]schema.Attribute{
		"reachable":            schema.BoolAttribute{Computed: true, Description: "Whether it answered. If not, the rest is null."},
		"uptime":               base.TellsNumber("Seconds since it was booted."),
		"clock_offset":         schema.NumberAttribute{Computed: true, Description: "Seconds that its clock is ahead of that of the machine where Terraform runs, give or take half of what its answer took; negative when behind."},
		"memory_mib":           base.TellsNumber("Memory of the machine in MiB."),
		"memory_available_mib": base.TellsNumber("Memory in MiB that could be had without swapping."),
		"carries":              schema.ListAttribute{Computed: true, ElementType: types.StringType, Description: "What Atoll has on the machine, by the names of its records there."},
		"failed_units":         schema.ListAttribute{Computed: true, ElementType: types.StringType, Description: "Units of what Atoll brings that systemd calls failed."},
		"router": schema.SingleNestedAttribute{
			Computed: true, Description: "MySQL Router on the machine; null where there is none.",
			Attributes: map[string]schema.Attribute{
				"version": base.Tells("Version of MySQL Router."),
				"active":  schema.BoolAttribute{Computed: true, Description: "Whether it runs; of several routers, whether all do."},
			},
		},
		"disks": schema.MapNestedAttribute{
			Computed: true, Description: "Local file systems by where they are mounted.",
			NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
				"size_mib":     base.TellsNumber("Size in MiB."),
				"free_mib":     base.TellsNumber("Room that is left, in MiB."),
				"free_percent": base.TellsNumber("What is left of room or inodes, whichever is less, in percent."),
			}},
		},
	}
}
