// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package status

import (
	"cmp"
	"maps"
	"math/big"
	"net"
	"slices"
	"strconv"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/atollhq/terraform-provider-atoll/internal/provider/base"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/sitestatus"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/tinc"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// siteModel is one atoll_site_status.
type siteModel struct {
	Hosts            types.Map               `tfsdk:"hosts"`
	Peers            types.Map               `tfsdk:"peers"`
	Members          types.Map               `tfsdk:"members"`
	Given            types.Map               `tfsdk:"drift"`
	LeastFreePercent types.Int64             `tfsdk:"least_free_percent"`
	MostClockOffset  types.Int64             `tfsdk:"most_clock_offset"`
	MostQueued       types.Int64             `tfsdk:"most_queued"`
	Healthy          types.Bool              `tfsdk:"healthy"`
	Problems         []string                `tfsdk:"problems"`
	Primary          types.String            `tfsdk:"primary"`
	Links            map[string][]string     `tfsdk:"links"`
	Machines         map[string]machineModel `tfsdk:"machines"`
	Database         map[string]memberModel  `tfsdk:"database"`
}

type machineModel struct {
	Reachable          bool                 `tfsdk:"reachable"`
	Uptime             *int64               `tfsdk:"uptime"`
	ClockOffset        *big.Float           `tfsdk:"clock_offset"`
	MemoryMiB          *int64               `tfsdk:"memory_mib"`
	MemoryAvailableMiB *int64               `tfsdk:"memory_available_mib"`
	Carries            []string             `tfsdk:"carries"`
	FailedUnits        []string             `tfsdk:"failed_units"`
	Router             *routerModel         `tfsdk:"router"`
	Disks              map[string]diskModel `tfsdk:"disks"`
}

type routerModel struct {
	Version string `tfsdk:"version"`
	Active  bool   `tfsdk:"active"`
}

type diskModel struct {
	SizeMiB     int64 `tfsdk:"size_mib"`
	FreeMiB     int64 `tfsdk:"free_mib"`
	FreePercent int64 `tfsdk:"free_percent"`
}

type memberModel struct {
	State   string `tfsdk:"state"`
	Role    string `tfsdk:"role"`
	Version string `tfsdk:"version"`
	Queued  int64  `tfsdk:"queued"`
}

// site is who belongs to it. A peer or member on a machine that is not among the
// hosts brings its own, under its own name.
func (m siteModel) site() sitestatus.Site {
	site := sitestatus.Site{
		Machines: map[string]remote.Target{}, Mesh: tinc.Mesh{Peers: map[string]tinc.Peer{}},
		Members: map[string]string{}, PeerAt: map[string]string{}, MemberAt: map[string]string{},
	}
	at := map[string]string{}
	enter := func(name string, connection types.Object) string {
		target, _ := base.Target(connection)
		if known, there := at[target.Address()]; there {
			return known
		}
		for site.Machines[name].Host != "" {
			name += "'" // another machine has the name
		}
		at[target.Address()] = name
		site.Machines[name] = target
		return name
	}
	each := func(all types.Map, do func(key string, object types.Object)) {
		elements := all.Elements()
		for _, key := range slices.Sorted(maps.Keys(elements)) {
			object, _ := elements[key].(types.Object)
			do(key, object)
		}
	}
	each(m.Hosts, func(key string, object types.Object) { enter(key, object) })
	each(m.Peers, func(key string, object types.Object) {
		site.PeerAt[key] = enter(key, base.Member[types.Object](object, "ssh"))
		site.Mesh.Peers[key] = tinc.Peer{Name: key, Address: base.Member[types.String](object, "address").ValueString()}
	})
	each(m.Members, func(key string, object types.Object) {
		site.MemberAt[key] = enter(key, base.Member[types.Object](object, "ssh"))
		port := base.Member[types.Int64](object, "port").ValueInt64()
		site.Members[key] = net.JoinHostPort(base.Member[types.String](object, "address").ValueString(), strconv.FormatInt(port, 10))
	})
	return site
}

func (m siteModel) limits() sitestatus.Limits {
	or := func(given types.Int64, fallback int64) int64 {
		if given.IsNull() {
			return fallback
		}
		return given.ValueInt64()
	}
	return sitestatus.Limits{
		FreePercent: or(m.LeastFreePercent, 10), ClockOffset: time.Duration(or(m.MostClockOffset, 2)) * time.Second, Queue: or(m.MostQueued, 1000),
	}
}

// read takes over what the machines said.
func (m *siteModel) read(site sitestatus.Site, answers map[string]sitestatus.Answer) {
	m.Problems = []string{}
	for _, line := range site.Diagnose(answers, m.limits()) {
		m.Problems = append(m.Problems, line.String())
	}
	given := m.Given.Elements()
	for _, name := range slices.Sorted(maps.Keys(given)) {
		list, _ := given[name].(types.List)
		for _, element := range list.Elements() {
			text, _ := element.(types.String)
			m.Problems = append(m.Problems, name+": "+text.ValueString())
		}
	}
	m.Healthy = types.BoolValue(len(m.Problems) == 0)
	m.Links, m.Machines, m.Database = map[string][]string{}, map[string]machineModel{}, map[string]memberModel{}
	for key, name := range site.PeerAt {
		if answers[name].Err == nil {
			m.Links[key] = []string{}
			for _, to := range slices.Sorted(maps.Keys(answers[name].Reach)) {
				if answers[name].Reach[to] {
					m.Links[key] = append(m.Links[key], to)
				}
			}
		}
	}
	for name, answer := range answers {
		m.Machines[name] = machineOf(answer)
	}
	members, primary := site.MembersOf(answers)
	for key, member := range members {
		m.Database[key] = memberModel{State: member.State, Role: member.Role, Version: member.Version, Queued: member.Queue}
	}
	m.Primary = types.StringValue(primary)
}

func machineOf(answer sitestatus.Answer) machineModel {
	if answer.Err != nil {
		return machineModel{}
	}
	uptime, memory, available := int64(answer.Uptime.Seconds()), answer.MemoryKiB>>10, answer.AvailableKiB>>10
	machine := machineModel{
		Reachable: true, Uptime: &uptime, MemoryMiB: &memory, MemoryAvailableMiB: &available,
		ClockOffset: big.NewFloat(answer.Ahead.Round(time.Millisecond).Seconds()),
		Carries:     append([]string{}, answer.Owners...), FailedUnits: append([]string{}, answer.Failed...), Disks: map[string]diskModel{},
	}
	for _, disk := range answer.Disks {
		machine.Disks[disk.Mount] = diskModel{disk.SizeKiB >> 10, disk.FreeKiB >> 10, disk.Left()}
	}
	if len(answer.Routers.Active) > 0 {
		machine.Router = &routerModel{cmp.Or(answer.Routers.Version, "unknown"), len(answer.Routers.Stopped()) == 0}
	}
	return machine
}
