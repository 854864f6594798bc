// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package host

import (
	"context"
	"time"

	"github.com/hashicorp/terraform-plugin-framework-timeouts/resource/timeouts"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/node"
)

// hostModel is the state of one atoll_host.
type hostModel struct {
	ID         types.String   `tfsdk:"id"`
	Connection types.Object   `tfsdk:"ssh"`
	Hostname   types.String   `tfsdk:"hostname"`
	TimeSync   types.Bool     `tfsdk:"time_sync"`
	SwapMiB    types.Int64    `tfsdk:"swap_mib"`
	Sysctls    types.Map      `tfsdk:"sysctls"`
	Inotify    types.Object   `tfsdk:"inotify"`
	Packages   types.Set      `tfsdk:"packages"`
	Facts      types.Object   `tfsdk:"facts"`
	Drift      types.List     `tfsdk:"drift"`
	Timeouts   timeouts.Value `tfsdk:"timeouts"`
}

// inotifyModel holds limits per user.
type inotifyModel struct {
	MaxUserWatches   types.Int64 `tfsdk:"max_user_watches"`
	MaxUserInstances types.Int64 `tfsdk:"max_user_instances"`
}

// config turns the model into what the plugin takes.
func (m hostModel) config(ctx context.Context, diags *diag.Diagnostics) node.Config {
	config := node.Config{
		Hostname: m.Hostname.ValueString(), TimeSync: m.TimeSync.ValueBool(), SwapMiB: m.SwapMiB.ValueInt64(),
	}
	if !m.Sysctls.IsNull() {
		diags.Append(m.Sysctls.ElementsAs(ctx, &config.Sysctls, false)...)
	}
	if !m.Packages.IsNull() {
		diags.Append(m.Packages.ElementsAs(ctx, &config.Packages, false)...)
	}
	if !m.Inotify.IsNull() {
		var inotify inotifyModel
		diags.Append(m.Inotify.As(ctx, &inotify, objectOptions)...)
		config.InotifyWatches = inotify.MaxUserWatches.ValueInt64()
		config.InotifyInstances = inotify.MaxUserInstances.ValueInt64()
	}
	return config
}

func diskTypes() map[string]attr.Type {
	return map[string]attr.Type{
		"name": types.StringType, "mount": types.StringType, "size_mib": types.Int64Type,
		"free_mib": types.Int64Type, "rotational": types.BoolType,
	}
}

func factTypes() map[string]attr.Type {
	return map[string]attr.Type{
		"os": types.StringType, "os_version": types.StringType, "os_name": types.StringType,
		"architecture": types.StringType, "kernel": types.StringType, "virtualisation": types.StringType,
		"machine_id": types.StringType, "cpus": types.Int64Type, "memory_mib": types.Int64Type, "swap_mib": types.Int64Type,
		"clock_offset_ms": types.Int64Type,
		"disks":           types.ListType{ElemType: types.ObjectType{AttrTypes: diskTypes()}},
	}
}

// facts turns what the host said about itself into the attribute.
func facts(f converge.Facts, asked time.Time) types.Object {
	disks := make([]attr.Value, 0, len(f.Disks))
	for _, disk := range f.Disks {
		disks = append(disks, types.ObjectValueMust(diskTypes(), map[string]attr.Value{
			"name": types.StringValue(disk.Name), "mount": types.StringValue(disk.Mount),
			"size_mib": types.Int64Value(int64(disk.SizeBytes >> 20)), "free_mib": types.Int64Value(int64(disk.FreeBytes >> 20)),
			"rotational": types.BoolValue(disk.Rotational),
		}))
	}
	return types.ObjectValueMust(factTypes(), map[string]attr.Value{
		"os": types.StringValue(f.OSID), "os_version": types.StringValue(f.OSVersion), "os_name": types.StringValue(f.OSName),
		"architecture": types.StringValue(f.Architecture), "kernel": types.StringValue(f.Kernel),
		"virtualisation": types.StringValue(f.Virtualisation), "machine_id": types.StringValue(f.MachineID),
		"cpus":       types.Int64Value(int64(f.CPUs)),
		"memory_mib": types.Int64Value(int64(f.MemoryBytes >> 20)), "swap_mib": types.Int64Value(int64(f.SwapBytes >> 20)),
		"clock_offset_ms": types.Int64Value(f.Clock.Sub(asked).Milliseconds()),
		"disks":           types.ListValueMust(types.ObjectType{AttrTypes: diskTypes()}, disks),
	})
}
