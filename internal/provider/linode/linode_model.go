// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package linode

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strconv"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/atollhq/terraform-provider-atoll/internal/provider/base"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/linode"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// linodeModel is the state of one atoll_linode.
type linodeModel struct {
	base.Common
	Label           types.String `tfsdk:"label"`
	Region          types.String `tfsdk:"region"`
	Type            types.String `tfsdk:"type"`
	Image           types.String `tfsdk:"image"`
	Tags            types.Set    `tfsdk:"tags"`
	Backups         types.Bool   `tfsdk:"backups"`
	Watchdog        types.Bool   `tfsdk:"watchdog"`
	DiskEncryption  types.String `tfsdk:"disk_encryption"`
	PlacementGroup  types.Int64  `tfsdk:"placement_group_id"`
	SwapMiB         types.Int64  `tfsdk:"swap_mib"`
	AuthorizedKeys  types.Set    `tfsdk:"authorized_keys"`
	UserData        types.String `tfsdk:"user_data"`
	UserDataSHA256  types.String `tfsdk:"user_data_sha256"`
	PrivateIP       types.Bool   `tfsdk:"private_ip"`
	Interfaces      types.String `tfsdk:"interface_generation"`
	Subnet          types.Int64  `tfsdk:"vpc_subnet_id"`
	Firewall        types.Int64  `tfsdk:"firewall_id"`
	Maintenance     types.String `tfsdk:"maintenance_policy"`
	Alerts          types.Object `tfsdk:"alerts"`
	ReverseDNS      types.String `tfsdk:"reverse_dns"`
	Generation      types.Int64  `tfsdk:"rebuild_generation"`
	HostKey         types.String `tfsdk:"host_key"`
	TrustOnFirstUse types.Bool   `tfsdk:"trust_on_first_use"`
	Key             types.String `tfsdk:"key"`
	Status          types.String `tfsdk:"status"`
	IPv4            types.String `tfsdk:"ipv4"`
	IPv6            types.String `tfsdk:"ipv6"`
	PrivateIPv4     types.String `tfsdk:"private_ipv4"`
	SubnetIPv4      types.String `tfsdk:"vpc_ipv4"`
	Specs           types.Object `tfsdk:"specs"`
	Connection      types.Object `tfsdk:"ssh"`
}

// spec turns the model into what the plugin takes. The user data come from the
// configuration, since no state holds them.
func (m *linodeModel) spec(config *linodeModel) linode.Spec {
	tags, _ := base.TextSet(m.Tags)
	keys, _ := base.TextSet(m.AuthorizedKeys)
	spec := linode.Spec{
		Label: m.Label.ValueString(), Region: m.Region.ValueString(), Type: m.Type.ValueString(), Image: m.Image.ValueString(),
		Tags: tags, AuthorizedKeys: keys,
		Backups: boolean(m.Backups), Watchdog: boolean(m.Watchdog), DiskEncryption: m.DiskEncryption.ValueString(),
		PlacementGroup: number(m.PlacementGroup), SwapMiB: number(m.SwapMiB), UserData: config.UserData.ValueString(),
		PrivateIP: config.PrivateIP.ValueBool(), Generation: m.Interfaces.ValueString(), Subnet: number(m.Subnet), SubnetIPv4: m.SubnetIPv4.ValueString(),
		MaintenancePolicy: m.Maintenance.ValueString(), Alerts: thresholds(m.Alerts), ReverseDNS: m.ReverseDNS.ValueString(),
	}
	if !config.Firewall.IsNull() {
		// What was not declared is not ours to take away.
		spec.Firewall = number(m.Firewall)
	}
	switch {
	case m.TrustOnFirstUse.ValueBool():
		spec.Trust = linode.TrustFirstUse
	case !m.HostKey.IsNull() && !m.HostKey.IsUnknown():
		spec.Trust = linode.TrustGiven
	}
	return spec
}

// read takes over what the account shows. What the declaration leaves alone is
// read, too.
func (m *linodeModel) read(seen linode.Observed) {
	instance := seen.Instance
	public, private := linode.Addresses(instance, m.IPv4.ValueString())
	m.ID = types.StringValue(strconv.Itoa(instance.ID))
	m.Label, m.Region, m.Type = types.StringValue(instance.Label), types.StringValue(instance.Region), types.StringValue(instance.Type)
	if instance.Image != "" { // an image that is gone from the catalogue shows no more
		m.Image = types.StringValue(instance.Image)
	}
	m.Status = types.StringValue(string(instance.Status))
	m.IPv4, m.PrivateIPv4, m.IPv6 = base.OptionalText(public), base.OptionalText(private), base.OptionalText(instance.IPv6)
	m.PrivateIP = types.BoolValue(private != "")
	m.Interfaces = types.StringValue(string(instance.InterfaceGeneration))
	m.Maintenance = base.OptionalText(instance.MaintenancePolicy)
	m.Alerts = alertsOf(linode.Alerts(instance))
	m.Watchdog = types.BoolValue(instance.WatchdogEnabled)
	m.Backups = types.BoolValue(instance.Backups != nil && instance.Backups.Enabled)
	m.DiskEncryption = types.StringValue(string(instance.DiskEncryption))
	m.PlacementGroup = types.Int64Value(0)
	if instance.PlacementGroup != nil {
		m.PlacementGroup = types.Int64Value(int64(instance.PlacementGroup.ID))
	}
	if !m.ReverseDNS.IsNull() {
		m.ReverseDNS = base.OptionalText(seen.ReverseDNS)
	}
	m.Tags = readTags(m.Tags, linode.Tags(instance))
	m.readFirewalls(seen.Firewalls)
	m.readSpecs(instance.Specs)
}

// readTags keeps the declared spelling where Linode's differs in case only.
func readTags(declared types.Set, tags []string) types.Set {
	var spelled []string
	for _, value := range declared.Elements() {
		if text, ok := value.(types.String); ok {
			spelled = append(spelled, text.ValueString())
		}
	}
	if linode.SameTags(spelled, tags) && (len(tags) > 0 || declared.IsNull()) {
		return declared
	}
	return setOf(tags)
}

// readFirewalls shows the declared attachment if it stands, else another one, 0
// for none.
func (m *linodeModel) readFirewalls(attached []int) {
	shown := 0
	if len(attached) > 0 {
		shown = attached[0]
	}
	if declared := int(m.Firewall.ValueInt64()); slices.Contains(attached, declared) {
		shown = declared
	}
	m.Firewall = types.Int64Value(int64(shown))
}

// thresholdNames are Linode's names of the alerts.
var thresholdNames = []string{"cpu", "io", "network_in", "network_out", "transfer_quota"}

func alertTypes() map[string]attr.Type {
	all := map[string]attr.Type{}
	for _, name := range thresholdNames {
		all[name] = base.Integer{}
	}
	return all
}

func alertsOf(thresholds map[string]int) types.Object {
	all := map[string]attr.Value{}
	for _, name := range thresholdNames {
		all[name] = types.Int64Value(int64(thresholds[name]))
	}
	return types.ObjectValueMust(alertTypes(), all)
}

// thresholds that are known of the alerts.
func thresholds(alerts types.Object) map[string]int {
	all := map[string]int{}
	for name, value := range alerts.Attributes() {
		if known, ok := value.(types.Int64); ok && !known.IsNull() && !known.IsUnknown() {
			all[name] = int(known.ValueInt64())
		}
	}
	return all
}

func specTypes() map[string]attr.Type {
	return map[string]attr.Type{"vcpus": types.Int64Type, "memory_mib": types.Int64Type, "disk_mib": types.Int64Type, "transfer_gb": types.Int64Type}
}

func (m *linodeModel) readSpecs(specs *linode.Specs) {
	if specs == nil {
		specs = &linode.Specs{}
	}
	m.Specs = types.ObjectValueMust(specTypes(), map[string]attr.Value{
		"vcpus": types.Int64Value(int64(specs.VCPUs)), "memory_mib": types.Int64Value(int64(specs.Memory)),
		"disk_mib": types.Int64Value(int64(specs.Disk)), "transfer_gb": types.Int64Value(int64(specs.Transfer)),
	})
}

// target is how the machine is reached, with the host key to expect.
func (m *linodeModel) target(hostKey string) remote.Target {
	return remote.Target{Host: m.IPv4.ValueString(), Key: m.Key.ValueString(), HostKey: hostKey}
}

// connect fills in the attribute that other resources take.
func (m *linodeModel) connect(hostKey string) {
	m.HostKey = base.OptionalText(hostKey)
	m.Connection = base.ConnectionFor(m.target(hostKey))
}

// readKeys takes over who may log in.
func (m *linodeModel) readKeys(keys []string) {
	m.AuthorizedKeys = setOf(keys)
}

// nullUnknown makes null what is still unknown: a state holds no unknown values.
func (m *linodeModel) nullUnknown() {
	for _, text := range []*types.String{&m.HostKey, &m.SubnetIPv4, &m.UserDataSHA256, &m.IPv4, &m.IPv6, &m.PrivateIPv4, &m.Status} {
		if text.IsUnknown() {
			*text = types.StringNull()
		}
	}
	for _, count := range []*types.Int64{&m.SwapMiB, &m.Subnet} {
		if count.IsUnknown() {
			*count = types.Int64Null()
		}
	}
	if m.Connection.IsUnknown() {
		m.Connection = types.ObjectNull(base.ConnectionType().AttrTypes)
	}
	m.Drift = base.Drift(nil)
	m.UserData = types.StringNull()
}

func (m *linodeModel) Subject() string { return "Linode " + m.Label.ValueString() }

func digest(userData types.String) types.String {
	switch {
	case userData.IsUnknown():
		return types.StringUnknown()
	case userData.ValueString() == "":
		return types.StringNull()
	}
	sum := sha256.Sum256([]byte(userData.ValueString()))
	return types.StringValue(hex.EncodeToString(sum[:]))
}

func boolean(value types.Bool) *bool {
	if value.IsNull() || value.IsUnknown() {
		return nil
	}
	return value.ValueBoolPointer()
}

func number(value types.Int64) *int {
	if value.IsNull() || value.IsUnknown() {
		return nil
	}
	plain := int(value.ValueInt64())
	return &plain
}
