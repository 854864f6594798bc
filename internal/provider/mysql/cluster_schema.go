// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package mysql

import (
	"regexp"

	"github.com/hashicorp/terraform-plugin-framework-validators/int64validator"
	"github.com/hashicorp/terraform-plugin-framework-validators/mapvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/setvalidator"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/booldefault"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/atollhq/terraform-provider-atoll/internal/model/group"
	"github.com/atollhq/terraform-provider-atoll/internal/provider/base"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/innodbcluster"
)

var clusterPattern = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_.-]{0,62}$`)

const clusterMessage = "must start with a letter or underscore and have at most 63 letters, digits, dots, hyphens and underscores"

// Schema describes the membership of an InnoDB Cluster.
func (k *clusterKind) Schema() schema.Schema {
	return schema.Schema{
		Description: "Membership of a MySQL InnoDB Cluster, single-primary unless mode says otherwise. Creates the group, joins the members, each with its own recovery account, which is let in from the mesh alone and over TLS, lets the members verify each other's certificates, " +
			"and keeps the cluster metadata that MySQL Router reads. Adding or removing an entry joins or leaves one member at a time and never below quorum; " +
			"a member that left or is in ERROR is drift, and apply rejoins it. A server that already holds data becomes the first member and keeps it; " +
			"a joiner with transactions of its own is refused. Destroying it dissolves the group: every server keeps its data and stands alone.",
		Attributes: clusterAttributes(),
	}
}

// createdAttribute is computed, so that a server of which nobody knows when it was created,
// as one that is imported, is no other than it was.
func createdAttribute() schema.Attribute {
	attribute := base.ExportedText("When the server was created: another time is a server that was replaced and joins again.")
	attribute.Computed = true
	return attribute
}

func clusterAttributes() map[string]schema.Attribute {
	attributes := clusterOptions()
	attributes["name"] = base.Replacing("Name of the cluster, 1 to 63 characters. Routers match by it, so a change replaces the cluster: the group stops, and is formed again with its data.", base.Matching(clusterPattern, clusterMessage))
	attributes["members"] = schema.MapNestedAttribute{
		Required:    true,
		Description: "The members by a name of your own: each the member of an atoll_mysql_server. Up to 9; an odd number, since an even one survives no more failures than one less. Adding or removing an entry is in place.",
		Validators: []validator.Map{
			mapvalidator.SizeBetween(1, 9), mapvalidator.KeysAre(base.Line()),
			base.Whole{Of: "member of an atoll_mysql_server", Needs: []string{"address", "port", "server_id", "ssh.host"}},
		},
		NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
			"address":   base.ExportedText("Address that the server listens on."),
			"port":      base.ExportedNumber("TCP port that the server listens on."),
			"server_id": base.ExportedNumber("Number of the server."),
			"mesh":      base.ExportedText("Mesh that the address belongs to."),
			"created":   createdAttribute(),
			"ssh":       base.ConnectionWithin(),
		}},
	}
	attributes["group_name"] = schema.StringAttribute{
		Computed: true, Description: "UUID of the replication group.",
		PlanModifiers: []planmodifier.String{stringplanmodifier.UseStateForUnknown()},
	}
	attributes["cluster_id"] = schema.StringAttribute{
		Computed: true, Description: "UUID of the cluster in its metadata.",
		PlanModifiers: []planmodifier.String{stringplanmodifier.UseStateForUnknown()},
	}
	attributes["primary"] = schema.StringAttribute{
		Optional: true, Computed: true, Validators: []validator.String{base.Line()},
		Description: "Name of the member that takes writes. Left out, it shows which one does now, in multi-primary mode one of them. Declared, an apply hands the role over to it whenever another one has it: open transactions get a minute to end, and are named where they do not; writes pause for about a second. " +
			"After a failover, and after a restart of that member, the next plan shows the change back. A change is in place.",
	}
	attributes["allow_full_stop"] = schema.BoolAttribute{
		Optional: true, Computed: true, Default: booldefault.StaticBool(false),
		Description: "Whether an apply may stop the whole group and start it again, for what all members have to change at once: single_leader, and the XCOM communication stack of a group that others made. About half a minute without a database; all data stay. Default false: then such a plan fails. A change by itself does nothing.",
	}
	attributes["single_leader"] = schema.BoolAttribute{
		Optional: true,
		Description: "Whether one member, the primary, leads the group's consensus alone (true), or every member in its turn (false). Alone, no write waits for a secondary that died, or that is far away; in turn, a dead primary is replaced about 5 s sooner. Works in single-primary mode. " +
			"Left out, a new group has it false, and one that others made keeps what it has. A change needs the whole group stopped: see allow_full_stop.",
	}
	attributes["import_from"] = importAttribute()
	attributes["rotate_recovery_accounts"] = schema.StringAttribute{
		Optional: true, Validators: []validator.String{base.Line()},
		Description: "Any text, such as a date. A change of it gives the recovery account of every member a new random password, one member after another, in place and without a restart. No password is in the state.",
	}
	attributes["hidden_members"] = schema.SetAttribute{
		Optional: true, ElementType: types.StringType, Validators: []validator.Set{setvalidator.NoNullValues(), setvalidator.ValueStringsAre(base.Line())},
		Description: "Names of the members that routers send no new session to, such as one that is to be worked on, or that only takes backups. [] hides none; left out, what other tools hid stays as it is. A change is in place; routers end the sessions that are open there, unless other tools said otherwise: see draining_members.",
	}
	attributes["draining_members"] = schema.SetAttribute{
		Optional: true, ElementType: types.StringType, Validators: []validator.Set{setvalidator.NoNullValues(), setvalidator.ValueStringsAre(base.Line())},
		Description: "Names of the members that routers send no new session to, while those that are open go on until they end, so that a member can be emptied before it is worked on. A name stands here or in hidden_members. " +
			"[] drains none, and lets a hidden member lose its sessions; left out, what other tools said stays as it is. A change is in place.",
	}
	attributes["routers"] = schema.SetAttribute{
		Optional: true, ElementType: types.StringType,
		Validators: []validator.Set{setvalidator.NoNullValues(), setvalidator.ValueStringsAre(base.Text{Must: "be the host of a router's machine, host/name, or a label host::name", Check: checkRouter})},
		Description: "All routers that the cluster is to know, each by the id that its atoll_mysql_router has: the ssh.host of its machine, and behind a slash its name where it has one; one that Atoll did not make by MySQL Shell's label, such as \"app7.example.org::system\". " +
			"Written from what the machines are written from, such as [for n in local.applications : n.host], since the routers themselves come after the cluster. What the cluster's metadata hold of any other is drift, and an apply removes it: the row of a router whose machine is gone, and the account that was made for it, " +
			"also one without a row that Router made for itself (mysql_router7_...) or Atoll for an address. A router that has a session open on a member, or said within the last quarter of an hour that it is there, is at work and stays; the apply warns of it. An atoll_mysql_router that is missing here is refused at the plan. [] is for a cluster without routers; left out, nothing is removed. A change is in place.",
	}
	attributes["routing_options"] = routingOptionsAttribute("Those of the cluster hold for all of its routers; a router's own go before them.")
	attributes["metadata_version"] = schema.StringAttribute{
		Optional: true, Validators: []validator.String{base.OneOf(innodbcluster.MetadataVersions...)},
		Description: "The least version that the cluster's metadata are to have: 2.2.0, 2.3.0 or 2.4.0. Older ones, from 2.1.0 on, are upgraded in place, with all that stands in them; routers keep what they know meanwhile. Newer ones stay. " +
			"A MySQL Shell opens no cluster whose metadata are newer than it knows: one of 8.4 takes 2.2.0 at most, one of 9.6 or later 2.4.0. Left out, a new cluster gets 2.2.0 on servers of 8.0 and 8.4 and 2.4.0 on later ones, and what is there is kept. A change is in place.",
	}
	attributes["mode"] = base.Choice("single-primary", "Who takes writes: single-primary, one member, or multi-primary, all of them. With multi-primary two members that change the same row at once make one of the transactions fail when it commits, "+
		"numbers of AUTO_INCREMENT lie 7 apart, and tables whose foreign keys change rows of others (CASCADE, SET NULL), and SERIALIZABLE, are refused: the plan says so. Routers send the read-write port to all members in turn, and find none for the read-only one. "+
		"Default single-primary. A change is in place and nothing stops: MySQL switches the running group, in about a second.", "single-primary", multiPrimary)
	attributes["weights"] = schema.MapAttribute{
		Optional: true, ElementType: base.Integer{},
		Validators:  []validator.Map{mapvalidator.KeysAre(base.Line()), mapvalidator.NoNullValues(), mapvalidator.ValueInt64sAre(int64validator.Between(0, 100))},
		Description: "Weights of members, by name, from 0 to 100: when a primary is lost, the member with the highest one takes writes. Those that are left out have MySQL's 50. A change is in place, and moves nothing by itself; which member takes writes while all are well is what primary says.",
	}
	attributes["quorum_survivors"] = schema.SetAttribute{
		Optional: true, ElementType: types.StringType,
		Validators: base.TextsOf(base.Line()),
		Description: "Names of the members that go on where the group has lost its majority and not all members answer: exactly those that run and wait for the others. What only the others hold is lost, and they must be dead: where they run on and only cannot be reached, both sides take writes. " +
			"The apply refuses while it can see that one of them runs. Take it out again afterwards. Where all members answer, an apply needs no such word.",
	}
	attributes["status"] = schema.MapNestedAttribute{
		Computed:    true,
		Description: "State of each member at the last refresh, by name.",
		NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
			"state":   base.Shows("ONLINE, RECOVERING, OFFLINE, ERROR, UNREACHABLE, MISSING (not in the group of the majority), NO_QUORUM (in one without a majority) or UNKNOWN (nobody says)."),
			"role":    base.Shows("PRIMARY or SECONDARY; empty outside of the group."),
			"version": base.Shows("Version of the server."),
		}},
	}
	attributes["routing"] = base.ShowsGroup("What a router has to know of the cluster; hand it to atoll_mysql_router.cluster whole. Holds no secret.", map[string]schema.Attribute{
		"cluster":         base.Shows("Name of the cluster."),
		"cluster_id":      base.Shows("UUID of the cluster in its metadata."),
		"connect_timeout": base.ShowsNumber("Seconds of the routers' connect_timeout, as failover decides them."),
		"read_timeout":    base.ShowsNumber("Seconds of the routers' read_timeout, as failover decides them."),
		"members": schema.MapAttribute{
			Computed: true, ElementType: memberType(),
			Description: "The members of the cluster, by name.",
		},
	})
	return attributes
}

// clusterOptions are the knobs of Group Replication, each with a default for
// small sites over a mesh.
func clusterOptions() map[string]schema.Attribute {
	return map[string]schema.Attribute{
		"failover": base.Choice(group.DefaultFailover, "How soon a silent member is given up, and its work taken over: default, fast (which a break of a few seconds in a line can turn into an expulsion), or patient (for lines that break for up to a minute). "+
			"It decides expel_timeout (1, 0 or 60 s), consistency (fast: EVENTUAL), the routers' connect_timeout (2, 1 or 5 s) and read_timeout (3, 1 or 10 s), and how often the guardians look; each of the four can be set by itself, and wins. "+
			"Seconds measured for each stand in the guide of measurements. Default default. A change is in place, without a restart of mysqld; routers restart.",
			"fast", group.DefaultFailover, "patient"),
		"expel_timeout": schema.Int64Attribute{
			CustomType: base.Integer{},
			Optional:   true, Computed: true, Validators: []validator.Int64{int64validator.Between(0, 3600)},
			Description: "Seconds after which a member that does not answer is expelled, beside the 5 that MySQL always waits. Default: what failover says, 1. Lower fails over sooner, higher survives longer breaks of a line. A change is in place, without a restart.",
		},
		"unreachable_majority_timeout": schema.Int64Attribute{
			CustomType: base.Integer{},
			Optional:   true, Computed: true, Validators: []validator.Int64{int64validator.Between(0, 31536000)},
			Description: "Seconds after which a member that sees no majority leaves the group by itself: its writes, which stand still until then, fail and are rolled back, it does what exit_state_action says, and its guardian brings it back as soon as the others are there. " +
				"0 waits for ever; it suits a cluster whose servers have guardian = false, and where lines break for longer at every member at once. Default: expel_timeout and 15 more, 16; less than expel_timeout lets a member give up before the others have expelled it. A change is in place, without a restart.",
		},
		"autorejoin_tries": base.Number(3, 0, 2016, "How often a member that fell out of the group tries to come back by itself, every 5 minutes, where no guardian is beside its server; one that is does it at once, and keeps MySQL from trying meanwhile. Default 3. A change is in place, without a restart."),
		"consistency": schema.StringAttribute{
			Optional: true, Computed: true, Validators: []validator.String{base.OneOf("EVENTUAL", "BEFORE_ON_PRIMARY_FAILOVER", "BEFORE", "AFTER", "BEFORE_AND_AFTER")},
			Description: "What a new primary does first: EVENTUAL answers at once, BEFORE_ON_PRIMARY_FAILOVER applies what it received before. BEFORE, AFTER and BEFORE_AND_AFTER cost a round trip per transaction. Default: what failover says, BEFORE_ON_PRIMARY_FAILOVER. A change is in place, without a restart.",
		},
		"exit_state_action": base.Choice("READ_ONLY", "What a member does that had to leave the group: READ_ONLY goes on answering reads, OFFLINE_MODE lets only administrators in, ABORT_SERVER stops it. Default READ_ONLY. A change is in place, without a restart.",
			"READ_ONLY", "OFFLINE_MODE", "ABORT_SERVER"),
		"transaction_size_limit": base.Number(150000000, 0, 2147483647, "Largest transaction, in bytes; a larger one is rolled back. 0 means no limit. Default 150000000. A change is in place, without a restart."),
		"recovery_method": base.Choice("auto", "How a new member gets its data: auto takes what is missing from the binary logs where that is provably whole and a clone otherwise; clone and incremental say so. Default auto. Matters only for a join.",
			"auto", "clone", "incremental"),
	}
}
