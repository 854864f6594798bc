// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package files

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/atollhq/terraform-provider-atoll/internal/provider/base"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/filetier"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// tierModel is the state of one atoll_file_tier.
type tierModel struct {
	base.Relation
	Mesh      types.String `tfsdk:"mesh"`
	Hot       types.String `tfsdk:"hot"`
	Owner     types.String `tfsdk:"owner"`
	Nodes     types.Map    `tfsdk:"nodes"`
	Hub       types.String `tfsdk:"hub"`
	Pairs     types.List   `tfsdk:"pairs"`
	Ignore    types.List   `tfsdk:"ignore"`
	Conflicts types.String `tfsdk:"conflicts"`
	Xattrs    types.Bool   `tfsdk:"xattrs"`
	Initial   types.String `tfsdk:"initial"`
	MemoryMiB types.Int64  `tfsdk:"memory_mib"`

	Cold             types.String `tfsdk:"cold"`
	ColdSchedule     types.String `tfsdk:"cold_schedule"`
	ColdBandwidthKiB types.Int64  `tfsdk:"cold_bandwidth_kib"`
	ColdReserveMiB   types.Int64  `tfsdk:"cold_reserve_mib"`
	ColdDeletions    types.List   `tfsdk:"cold_deletions"`

	HotDays           types.Int64  `tfsdk:"hot_days"`
	Layout            types.String `tfsdk:"layout"`
	QuietMinutes      types.Int64  `tfsdk:"quiet_minutes"`
	GraceHours        types.Int64  `tfsdk:"grace_hours"`
	ColdReserveInodes types.Int64  `tfsdk:"cold_reserve_inodes"`

	ScrubSchedule types.String `tfsdk:"scrub_schedule"`
	ScrubDays     types.Int64  `tfsdk:"scrub_days"`
}

// Subject names the tier in diagnostics.
func (m *tierModel) Subject() string { return "File Tier " + m.Name.ValueString() }

// Imported says whether the state knows no nodes yet.
func (m *tierModel) Imported() bool { return m.Nodes.IsNull() }

// declared is the tier as the plugin takes it. Nodes of which a part is not known
// yet are left out, and whole is false.
func (m *tierModel) declared() (tier filetier.Tier, whole bool) {
	tier = filetier.Tier{
		Name: m.Name.ValueString(), Owner: m.Owner.ValueString(), After: base.MeshUnit(m.Mesh.ValueString()), Nodes: map[string]filetier.Node{},
		Conflicts: m.Conflicts.ValueString(), Initial: m.Initial.ValueString(), Xattrs: m.Xattrs.ValueBool(), MemoryMiB: int(m.MemoryMiB.ValueInt64()),
	}
	whole = !m.Name.IsUnknown() && !m.Nodes.IsUnknown() && !m.Hot.IsUnknown() && !m.Cold.IsUnknown() && !m.Mesh.IsUnknown() && !m.Owner.IsUnknown() && !m.Hub.IsUnknown() && !m.Xattrs.IsUnknown()
	for name, element := range m.Nodes.Elements() {
		object, _ := element.(types.Object)
		node, known := nodeOf(object, m.Hot.ValueString(), m.Cold.ValueString())
		if known {
			tier.Nodes[name] = node
		}
		whole = whole && known
	}
	ignore, known := texts(m.Ignore)
	tier.Ignore, whole = ignore, whole && known
	archive, known := m.archive()
	tier.Archive, whole = archive, whole && known
	tier.Layout, tier.Moves, known = m.moving()
	whole = whole && known
	tier.Scrub, known = m.scrub()
	whole = whole && known
	pairs, known := m.pairs()
	tier.Pairs, whole = pairs, whole && known
	return tier, whole
}

// How archives are kept in step where nothing is said. These are no defaults of the
// schema: a tier without an archive has none of it.
const (
	usualSchedule   = "daily"
	usualReserveMiB = 1024
	usualReserve    = 10000 // inodes

	usualQuietMinutes = 60
	usualGraceHours   = 24

	usualScrub     = "04:30"
	usualScrubDays = 30
	neverScrub     = "never"
)

// scrub is how the archives are read again; nil where they are not.
func (m *tierModel) scrub() (scrub *filetier.Scrubbing, known bool) {
	known = !m.ScrubSchedule.IsUnknown() && !m.ScrubDays.IsUnknown()
	if m.ScrubSchedule.ValueString() == neverScrub {
		return nil, known
	}
	return &filetier.Scrubbing{
		Calendar: calendar(cmp.Or(m.ScrubSchedule.ValueString(), usualScrub)),
		Interval: time.Duration(orUsual(m.ScrubDays, usualScrubDays)) * 24 * time.Hour,
	}, known
}

// moving is how days move; nil where none do.
func (m *tierModel) moving() (layout string, moves *filetier.Moving, known bool) {
	known = !m.HotDays.IsUnknown() && !m.Layout.IsUnknown() && !m.QuietMinutes.IsUnknown() && !m.GraceHours.IsUnknown()
	if m.HotDays.IsNull() {
		return m.Layout.ValueString(), nil, known
	}
	return m.Layout.ValueString(), &filetier.Moving{
		HotDays: int(m.HotDays.ValueInt64()),
		Quiet:   time.Duration(orUsual(m.QuietMinutes, usualQuietMinutes)) * time.Minute,
		Grace:   time.Duration(orUsual(m.GraceHours, usualGraceHours)) * time.Hour,
	}, known
}

func orUsual(value types.Int64, usual int64) int64 {
	if value.IsNull() {
		return usual
	}
	return value.ValueInt64()
}

// archive is how the archives are kept in step.
func (m *tierModel) archive() (archive filetier.Archive, known bool) {
	deleted, known := texts(m.ColdDeletions)
	archive = filetier.Archive{
		Calendar: calendar(cmp.Or(m.ColdSchedule.ValueString(), usualSchedule)), BandwidthKiB: int(m.ColdBandwidthKiB.ValueInt64()),
		ReserveMiB: int(orUsual(m.ColdReserveMiB, usualReserveMiB)), ReserveInodes: uint64(orUsual(m.ColdReserveInodes, usualReserve)), Deleted: deleted,
	}
	return archive, known && !m.ColdReserveInodes.IsUnknown() && !m.ColdSchedule.IsUnknown() && !m.ColdBandwidthKiB.IsUnknown() && !m.ColdReserveMiB.IsUnknown()
}

// calendar is a schedule as systemd.time(7) has it.
func calendar(schedule string) string {
	if strings.Contains(schedule, ":") {
		return "*-*-* " + schedule + ":00"
	}
	return schedule
}

// nodeOf reads one node.
func nodeOf(object types.Object, hot, cold string) (node filetier.Node, known bool) {
	target, known := base.Target(base.Member[types.Object](object, "ssh"))
	address, port := base.Member[types.String](object, "address"), base.Member[types.Int64](object, "port")
	ownHot, ownCold := base.Member[types.String](object, "hot"), base.Member[types.String](object, "cold")
	owner := base.Member[types.String](object, "owner")
	node = filetier.Node{
		Target: target, Address: address.ValueString(), Hot: cmp.Or(ownHot.ValueString(), hot), Cold: cmp.Or(ownCold.ValueString(), cold),
		Port: cmp.Or(int(port.ValueInt64()), target.Port, 22), Owner: owner.ValueString(),
	}
	return node, known && !address.IsUnknown() && !port.IsUnknown() && !ownHot.IsUnknown() && !ownCold.IsUnknown() && !owner.IsUnknown()
}

// texts gives the strings of a list, in their order.
func texts(values types.List) (found []string, whole bool) {
	whole = !values.IsUnknown()
	for _, element := range values.Elements() {
		text, _ := element.(types.String)
		whole = whole && !text.IsUnknown()
		found = append(found, text.ValueString())
	}
	return found, whole
}

// pairs are those that are declared, or all with the hub.
func (m *tierModel) pairs() (pairs []filetier.Pair, whole bool) {
	if m.Pairs.IsNull() {
		return filetier.Star(m.Hub.ValueString(), slices.Sorted(maps.Keys(m.Nodes.Elements()))), !m.Hub.IsUnknown()
	}
	whole = !m.Pairs.IsUnknown()
	for _, element := range m.Pairs.Elements() {
		list, _ := element.(types.List)
		ends, known := texts(list)
		if whole = whole && known && len(ends) == 2; whole {
			pairs = append(pairs, filetier.Pair{Dials: ends[1], Serves: ends[0]})
		}
	}
	return pairs, whole
}

// targets are the machines of the nodes, by name.
func targets(tier filetier.Tier) map[string]remote.Target {
	all := make(map[string]remote.Target, len(tier.Nodes))
	for name, node := range tier.Nodes {
		all[name] = node.Target
	}
	return all
}
