// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package files

import (
	"context"
	"maps"
	"slices"

	"github.com/hashicorp/terraform-plugin-framework-validators/int64validator"
	"github.com/hashicorp/terraform-plugin-framework-validators/mapvalidator"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
	model "github.com/atollhq/terraform-provider-atoll/internal/model/tier"
	"github.com/atollhq/terraform-provider-atoll/internal/provider/base"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/filetier"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// Ensure the data source implements what Terraform is told it does.
var _ datasource.DataSourceWithConfigure = &tierStatus{}

// NewTierStatus makes an atoll_file_tier_status.
func NewTierStatus() datasource.DataSource { return &tierStatus{} }

type tierStatus struct{ base.DataSource }

func (d *tierStatus) Metadata(_ context.Context, req datasource.MetadataRequest, resp *datasource.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_file_tier_status"
}

// Schema describes a look at a file tier.
func (d *tierStatus) Schema(_ context.Context, _ datasource.SchemaRequest, resp *datasource.SchemaResponse) {
	node := types.ObjectType{AttrTypes: map[string]attr.Type{"address": types.StringType, "hot": types.StringType, "cold": types.StringType, "ssh": base.ConnectionType()}}
	limit := func(fallback string, least, most int64, description string) schema.Int64Attribute {
		return schema.Int64Attribute{CustomType: base.Integer{}, Optional: true, Description: description + " Default " + fallback + ".", Validators: []validator.Int64{int64validator.Between(least, most)}}
	}
	resp.Schema = schema.Schema{
		Description: "How a file tier is now: which pairs of nodes are in step, what is left on which path and why, what each tree holds, and the room where it lies. " +
			"Each node is asked once, all at the same time, and nothing is changed. Nothing is walked for it: the agent counts each tree once an hour, and each archive beside one once a day. " +
			"A node that does not answer is no error: it is said, and its pairs are not called in step.",
		Attributes: map[string]schema.Attribute{
			"tier": schema.SingleNestedAttribute{
				Required: true, Description: "The tier to look at: an atoll_file_tier, taken whole.",
				Attributes: map[string]schema.Attribute{
					"name":           schema.StringAttribute{Required: true, Description: "Name of the tier.", Validators: []validator.String{tierName()}},
					"hot":            schema.StringAttribute{Optional: true, Description: "Absolute path of the tree; left out, nodes that name none have only the archive.", Validators: []validator.String{treePath()}},
					"cold":           schema.StringAttribute{Optional: true, Description: "Absolute path of the archive; left out, there is none.", Validators: []validator.String{treePath()}},
					"hot_days":       schema.Int64Attribute{CustomType: base.Integer{}, Optional: true, Description: "Whether days move to the archive: left out, they do not."},
					"scrub_schedule": schema.StringAttribute{Optional: true, Description: "Whether the archive is read again: \"never\", or left out.", Validators: []validator.String{scrubSchedule()}},
					"hub":            schema.StringAttribute{Optional: true, Description: "Name of the node that all others are paired with.", Validators: []validator.String{nodeName()}},
					"pairs": schema.ListAttribute{
						Optional: true, ElementType: types.ListType{ElemType: types.StringType}, Description: "Which nodes are kept in step with one another, where that is not all with the hub.",
					},
					"nodes": schema.MapAttribute{
						Required: true, ElementType: node, Description: "The nodes of the tier, by name.",
						Validators: []validator.Map{mapvalidator.SizeAtLeast(1), mapvalidator.KeysAre(nodeName()), base.Whole{Of: "node of an atoll_file_tier", Needs: []string{"address", "ssh.host"}}},
					},
				},
			},
			"least_free_percent": limit("10", 0, 100, "Least that should be left where each tree lies, of room and of inodes, in percent. Less is a problem, and a warning of every plan."),
			"most_behind":        limit("60", 0, 86400, "Most seconds that a pair which is at work may be behind. What is more is a problem."),
			"healthy":            schema.BoolAttribute{Computed: true, Description: "Whether nothing is wrong: problems is empty."},
			"problems": schema.ListAttribute{
				Computed: true, ElementType: types.StringType, Description: "What is wrong, a line each, the worst first, such as \"app2 ↔ app1: PARTIAL: 1 path is left, the first is \\\"both\\\"\".",
			},
			"pairs": schema.ListNestedAttribute{
				Computed: true, Description: "How each pair of nodes with a hot tree is, in the order of the declaration, or by the name of the node that dials; empty where no two have one.", NestedObject: schema.NestedAttributeObject{Attributes: pairAttributes()},
			},
			"archives": schema.ListNestedAttribute{
				Computed: true, Description: "How the archives of each pair are to one another, in the same order; empty where the tier has none.", NestedObject: schema.NestedAttributeObject{Attributes: archiveAttributes()},
			},
			"nodes": schema.MapNestedAttribute{
				Computed: true, Description: "What there is on each node, by its name.", NestedObject: schema.NestedAttributeObject{Attributes: nodeStatusAttributes()},
			},
		},
	}
}

func leftAttributes(tree, program string) schema.NestedAttributeObject {
	return schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
		"path":   base.Tells("Path below the " + tree + ", as " + program + " prints it."),
		"reason": base.Tells("Why, in " + program + "'s words; empty where it gives none."),
	}}
}

func archiveAttributes() map[string]schema.Attribute {
	return map[string]schema.Attribute{
		"dials":        base.Tells("Name of the node that dials, whose timer makes the runs."),
		"serves":       base.Tells("Name of the other node."),
		"told":         schema.BoolAttribute{Computed: true, Description: "Whether both nodes were asked, and a run has told how it went. Before the first one nothing is known."},
		"problem":      base.Tells("Why not all is on both sides; empty where the last run carried all, and where none has been yet."),
		"since":        base.Tells("When the last run began, ended or failed, in UTC as RFC 3339, by the clock of the node that dials; empty where it is not known."),
		"last_in_step": base.Tells("When a run carried all, the last time, in UTC as RFC 3339; empty for never, or where it is not known. Hold it against cold_schedule: one run was missed where it is older."),
		"failed":       schema.ListNestedAttribute{Computed: true, Description: "What the last run left.", NestedObject: leftAttributes("archive", "rsync")},
	}
}

func pairAttributes() map[string]schema.Attribute {
	left := leftAttributes("tree", "unison")
	return map[string]schema.Attribute{
		"dials":  base.Tells("Name of the node that dials, which tells of the pair."),
		"serves": base.Tells("Name of the other node."),
		"state": base.Tells("IN_STEP (all was carried, and changes are waited for), PARTIAL (the same but for skipped and failed paths), WORKING (trees are read, or changes carried), CONNECTING, " +
			"WAITING (it cannot go on now and tries again), STOPPED (what keeps it in step does not run) or UNKNOWN (one of both nodes was not asked, or has told nothing yet)."),
		"in_step": schema.BoolAttribute{Computed: true, Description: "Whether the state is IN_STEP."},
		"problem": base.Tells("Why it is not in step; empty where it is, or no reason is known."),
		"since":   base.Tells("When it came to what it is doing, in UTC as RFC 3339, by the clock of the node that dials; empty where it is not known."),
		"last_in_step": base.Tells("When all that could be carried was, the last time, in UTC as RFC 3339, by the clock of the node that dials; empty for never, or where it is not known. " +
			"While a pair is in step and nothing changes, it stays as it is, but for the probe of lag."),
		"behind": base.TellsNumber("Seconds since all was carried, while it is not in step: what was changed before that is on both sides. " +
			"0 in step, though what was changed in the last seconds may be on its way; null where it never was in step, or nothing is known."),
		"backlog": base.TellsNumber("Paths that were found changed on either side and are still to be carried; those that are left for good are not among them. " +
			"0 in step; null while the trees are read, and while there is no line between them."),
		"lag": schema.Float64Attribute{Computed: true, Description: "Seconds that a new file was on its way from the node that dials to the other one, when it was measured last: the agent writes a file at the top of the tree, whose name begins with " + model.ProbePrefix +
			", an hour after the one before, and takes it back when unison has carried it. Null before the first time."},
		"lag_at":  base.Tells("When that file had arrived, in UTC as RFC 3339, by the clock of the node that dials; empty before the first time. More than two hours ago means that none has arrived since."),
		"skipped": schema.ListNestedAttribute{Computed: true, Description: "Paths that were left as they are on both sides, mostly since both changed them: conflicts. At most 1000.", NestedObject: left},
		"failed":  schema.ListNestedAttribute{Computed: true, Description: "Paths that could not be carried and are tried again. At most 1000.", NestedObject: left},
		"moving":  schema.ListNestedAttribute{Computed: true, Description: "Days that are on their way to the archive, a link on one side and a directory on the other, and are left alone: no conflict. A day that was deleted as a whole on one side is listed, too.", NestedObject: left},
	}
}

func nodeStatusAttributes() map[string]schema.Attribute {
	attributes := heldAttributes("tree", "in the first minutes after it was brought there, and then every hour", "ten minutes that there are")
	attributes["asked"] = schema.BoolAttribute{Computed: true, Description: "Whether it answered. If not, problem says why, and what follows is null."}
	attributes["problem"] = base.Tells("Why it was not asked; empty when it was.")
	attributes["tree_there"] = schema.BoolAttribute{Computed: true, Description: "Whether the tree is there and carries the tier's mark. One that is not mounted does not. On a node without a hot tree, this and what follows is of its archive."}
	attributes["archive"] = schema.SingleNestedAttribute{
		Computed: true, Description: "What its archive holds, and the room where that lies; null where the tier has none. On a node without a hot tree this is what stands beside it, too.",
		Attributes: heldAttributes("archive", "in the first minutes after it was brought there, and then once a day, beside a tree", "two hours that there are beside a tree"),
	}
	attributes["scrub"], attributes["mover"] = scrubAttributes(), moverAttributes()
	return attributes
}

func moverAttributes() schema.SingleNestedAttribute {
	return schema.SingleNestedAttribute{
		Computed: true, Description: "Where the last run of the mover left the days; null where no days move, and before the first run.",
		Attributes: map[string]schema.Attribute{
			"at":        base.Tells("When the run ended, in UTC as RFC 3339, by the clock of the node. There is one every hour."),
			"problem":   base.Tells("What went wrong, or that the archive is full; empty for nothing."),
			"hot":       base.TellsNumber("Days that are too young to move."),
			"archived":  base.TellsNumber("Days that have moved."),
			"conflicts": base.TellsNumber("Files of which the run kept two versions in the archive, since it had another one: the names say so."),
			"waiting": schema.ListNestedAttribute{
				Computed: true, Description: "Days that are on their way or cannot move, the oldest first, at most 400.",
				NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
					"day":  base.Tells("The day, as in 2026/12/24."),
					"next": base.Tells("wait, or leave where somebody has to look: it stays as it is."),
					"why":  base.Tells("What it waits for, such as \"it is copied: app2 has no copy yet\"."),
				}},
			},
		},
	}
}

func scrubAttributes() schema.SingleNestedAttribute {
	return schema.SingleNestedAttribute{
		Computed: true, Description: "What the scrub of the archive found, see scrub_schedule of atoll_file_tier; null where nothing is scrubbed, and before the first run.",
		Attributes: map[string]schema.Attribute{
			"at":      base.Tells("When the last run ended, in UTC as RFC 3339, by the clock of the node."),
			"problem": base.Tells("Why something could not be read; empty for nothing. Files that rotted are in rotten."),
			"days":    base.TellsNumber("Days that the last run read: those that were due."),
			"files":   base.TellsNumber("Files, directories and links that it read."),
			"bytes":   base.TellsNumber("Length of the files that it read."),
			"rotten":  schema.ListNestedAttribute{Computed: true, Description: "Files that rotted and are not mended, at most 1000: no node has lent one that is as it was. They are as they were found.", NestedObject: leftAttributes("archive", "the agent")},
			"mended": schema.ListNestedAttribute{
				Computed: true, Description: "Files that rotted and are again as they were, the latest last, at most 100.",
				NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
					"path": base.Tells("Path below the archive."),
					"at":   base.Tells("When it was mended, in UTC as RFC 3339, by the clock of the node."),
					"from": base.Tells("Name of the node whose copy it is."),
					"kept": base.Tells("Path below the archive at which the rotten one lies. It may be deleted."),
				}},
			},
			"gone": schema.ListNestedAttribute{
				Computed: true, Description: "Files, or whole days, that the archive had when it was read before, and that are gone without a word in cold_deletions, at most 1000. One that is there again is listed until the next scrub.",
				NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
					"path": base.Tells("Path below the archive."),
					"at":   base.Tells("When it was missed first, in UTC as RFC 3339, by the clock of the node."),
				}},
			},
		},
	}
}

// Read asks all nodes at once.
func (d *tierStatus) Read(ctx context.Context, req datasource.ReadRequest, resp *datasource.ReadResponse) {
	base.Look(ctx, req, resp, func(ctx context.Context, model *statusModel) { d.look(ctx, model, &resp.Diagnostics) })
}

func (d *tierStatus) look(ctx context.Context, model *statusModel, diags *diag.Diagnostics) {
	tier := model.tier()
	if err := tier.Validate(); err != nil {
		diags.AddAttributeError(path.Root("tier"), "File Tier Cannot Be Asked", err.Error())
		return
	}
	nodes := map[string]filetier.NodeStatus{}
	for name, outcome := range base.Parallel(slices.Sorted(maps.Keys(tier.Nodes)), func(name string) (filetier.NodeStatus, error) {
		target := tier.Nodes[name].Target
		if d.Lost[target.Host] {
			return filetier.NodeStatus{}, &remote.Error{Kind: remote.ErrLost, Address: target.Address()}
		}
		return tier.Look(ctx, d.Hosts.Host(target), name), nil
	}) {
		nodes[name] = outcome.Value
		if outcome.Err != nil {
			nodes[name] = filetier.NodeStatus{Err: outcome.Err}
		}
	}
	full := slices.DeleteFunc(tier.Problems(nodes, model.limits()), func(line converge.Line) bool { return line.Code != filetier.CodeDisk })
	if len(full) > 0 {
		diags.AddWarning("Disk Nearly Full", "File tier "+tier.Name+": "+said(full))
	}
	model.read(tier, nodes)
}
