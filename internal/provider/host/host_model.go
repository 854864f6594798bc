// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package host

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
	"github.com/atollhq/terraform-provider-atoll/internal/provider/base"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/node"
)

// hostModel is the state of one atoll_host.
type hostModel struct {
	base.Node
	Hostname   types.String `tfsdk:"hostname"`
	TimeSync   types.Bool   `tfsdk:"time_sync"`
	SwapMiB    types.Int64  `tfsdk:"swap_mib"`
	Sysctls    types.Map    `tfsdk:"sysctls"`
	Inotify    types.Object `tfsdk:"inotify"`
	AptSources types.Map    `tfsdk:"apt_sources"`
	Packages   types.Set    `tfsdk:"packages"`
	Watchers   types.Set    `tfsdk:"watcher_keys"`
	Facts      types.Object `tfsdk:"facts"`
}

// Key is the address of the machine.
func (m *hostModel) Key() types.String { return m.Address() }

// Subject names the host in diagnostics.
func (m *hostModel) Subject() string { return "Host " + m.ID.ValueString() }

// declared sums up what is declared of the machine; nothing of it can be read from that.
func (m *hostModel) declared() string {
	sum := sha256.New()
	for _, value := range []attr.Value{m.Hostname, m.TimeSync, m.SwapMiB, m.Sysctls, m.Inotify, m.AptSources, m.Packages, m.Watchers} {
		fmt.Fprintln(sum, value.String())
	}
	return hex.EncodeToString(sum.Sum(nil))
}

// manifest is what the host wants on its machine, and what is asked beside.
func (m *hostModel) manifest() converge.Manifest {
	config := node.Config{Hostname: m.Hostname.ValueString(), TimeSync: m.TimeSync.ValueBool(), SwapMiB: m.SwapMiB.ValueInt64()}
	config.Sysctls, _ = base.TextMap(m.Sysctls)
	config.Packages, _ = base.TextSet(m.Packages)
	config.WatcherKeys, _ = base.TextSet(m.Watchers)
	config.Sources = sources(m.AptSources)
	config.InotifyWatches = base.Member[types.Int64](m.Inotify, "max_user_watches").ValueInt64()
	config.InotifyInstances = base.Member[types.Int64](m.Inotify, "max_user_instances").ValueInt64()
	manifest := config.Manifest()
	manifest.Items = append(manifest.Items, converge.MachineFacts())
	return manifest
}

// read takes over what the host said about itself.
func (m *hostModel) read(observation converge.Observation) error {
	found, err := converge.MachineFacts().Answer(observation)
	if err == nil {
		m.Facts = facts(found)
	}
	return err
}

func diskTypes() map[string]attr.Type {
	return map[string]attr.Type{"name": types.StringType, "mount": types.StringType, "size_mib": types.Int64Type, "rotational": types.BoolType}
}

func factTypes() map[string]attr.Type {
	return map[string]attr.Type{
		"os": types.StringType, "os_version": types.StringType, "os_name": types.StringType,
		"architecture": types.StringType, "kernel": types.StringType, "virtualisation": types.StringType,
		"machine_id": types.StringType, "cpus": types.Int64Type, "memory_mib": types.Int64Type, "swap_mib": types.Int64Type,
		"disks": types.ListType{ElemType: types.ObjectType{AttrTypes: diskTypes()}},
	}
}

func unknownFacts() types.Object { return types.ObjectUnknown(factTypes()) }

// facts turns what the host said about itself into the attribute. What moves by
// itself (free room, the clock) is left out: a plan would show it each time.
func facts(f converge.Facts) types.Object {
	disks := make([]attr.Value, 0, len(f.Disks))
	for _, disk := range f.Disks {
		disks = append(disks, types.ObjectValueMust(diskTypes(), map[string]attr.Value{
			"name": types.StringValue(disk.Name), "mount": types.StringValue(disk.Mount),
			"size_mib": mebibytes(disk.SizeBytes), "rotational": types.BoolValue(disk.Rotational),
		}))
	}
	return types.ObjectValueMust(factTypes(), map[string]attr.Value{
		"os": types.StringValue(f.OSID), "os_version": types.StringValue(f.OSVersion), "os_name": types.StringValue(f.OSName),
		"architecture": types.StringValue(f.Architecture), "kernel": types.StringValue(f.Kernel),
		"virtualisation": types.StringValue(f.Virtualisation), "machine_id": types.StringValue(f.MachineID),
		"cpus": types.Int64Value(int64(f.CPUs)), "memory_mib": mebibytes(f.MemoryBytes), "swap_mib": mebibytes(f.SwapBytes),
		"disks": types.ListValueMust(types.ObjectType{AttrTypes: diskTypes()}, disks),
	})
}

func mebibytes(bytes uint64) types.Int64 { return types.Int64Value(int64(bytes >> 20)) }

// keepFacts plans the facts as they are; the swap is read again if it changes.
func keepFacts(facts types.Object, swapChanges bool) types.Object {
	kept := maps.Clone(facts.Attributes())
	if swapChanges {
		kept["swap_mib"] = types.Int64Unknown()
	}
	return types.ObjectValueMust(factTypes(), kept)
}

// holdFacts keeps what was planned as known: this run's refresh has read it, and
// Terraform refuses any other value, such as the kernel after a reboot since.
func holdFacts(planned, read types.Object) types.Object {
	held := maps.Clone(read.Attributes())
	for name, value := range planned.Attributes() {
		if !value.IsUnknown() {
			held[name] = value
		}
	}
	return types.ObjectValueMust(factTypes(), held)
}
