// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package linode

import (
	"context"
	"errors"
	"maps"
	"net/netip"
	"slices"
	"strconv"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-framework/types/basetypes"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
	"github.com/atollhq/terraform-provider-atoll/internal/provider/base"
	"github.com/atollhq/terraform-provider-atoll/internal/provision"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/firewall"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/linode"
)

// firewallModel is the state of one atoll_linode_firewall.
type firewallModel struct {
	base.Common
	Label   types.String `tfsdk:"label"`
	Tags    types.Set    `tfsdk:"tags"`
	SSH     types.Object `tfsdk:"ssh"`
	Mesh    types.Object `tfsdk:"mesh"`
	Ping    types.Bool   `tfsdk:"ping"`
	Open    types.Map    `tfsdk:"open"`
	Linodes types.Set    `tfsdk:"linodes"`
}

type sshRule struct {
	From types.Set   `tfsdk:"from"`
	Port types.Int64 `tfsdk:"port"`
}

type meshRule struct {
	Peers types.Map   `tfsdk:"peers"`
	Port  types.Int64 `tfsdk:"port"`
}

type openRule struct {
	Protocol types.String `tfsdk:"protocol"`
	Ports    types.Set    `tfsdk:"ports"`
	From     types.Set    `tfsdk:"from"`
}

// known says whether every value that rules are made of is known.
func (m *firewallModel) known(ctx context.Context) bool {
	for _, value := range []attr.Value{m.SSH, m.Mesh, m.Ping, m.Open} {
		whole, err := value.ToTerraformValue(ctx)
		if err != nil || !whole.IsFullyKnown() {
			return false
		}
	}
	return true
}

// rules turns the model into rules.
func (m *firewallModel) rules(ctx context.Context, diags *diag.Diagnostics) []firewall.Rule {
	intent := firewall.Intent{Ping: m.Ping.ValueBool()}
	if !m.SSH.IsNull() {
		var ssh sshRule
		diags.Append(m.SSH.As(ctx, &ssh, basetypes.ObjectAsOptions{})...)
		intent.SSHPort = uint16(ssh.Port.ValueInt64()) // the validator bounds it
		intent.SSHFrom = read(ssh.From, firewall.ParseNetwork)
	}
	if !m.Mesh.IsNull() {
		var mesh meshRule
		diags.Append(m.Mesh.As(ctx, &mesh, basetypes.ObjectAsOptions{})...)
		intent.MeshPort = uint16(mesh.Port.ValueInt64()) // the validator bounds it
		peers, _ := base.TextMap(mesh.Peers)
		for _, name := range slices.Sorted(maps.Keys(peers)) {
			if address, err := netip.ParseAddr(peers[name]); err == nil { // the validator has seen that it parses
				intent.MeshPeers = append(intent.MeshPeers, address)
			}
		}
	}
	intent.Open = m.open(ctx, diags)
	rules := intent.Rules()
	if err := errors.Join(firewall.Check(rules), linode.CheckRules(rules)); err != nil && !diags.HasError() {
		diags.AddError("Invalid Firewall Rules", base.Sentence(err))
	}
	return rules
}

func (m *firewallModel) open(ctx context.Context, diags *diag.Diagnostics) []firewall.Rule {
	declared := map[string]openRule{}
	if m.Open.IsNull() {
		return nil
	}
	diags.Append(m.Open.ElementsAs(ctx, &declared, false)...)
	var rules []firewall.Rule
	for _, name := range slices.Sorted(maps.Keys(declared)) {
		rule := firewall.Rule{Name: name, Protocol: firewall.Protocol(declared[name].Protocol.ValueString()), Ports: read(declared[name].Ports, firewall.ParsePorts), From: firewall.Anywhere}
		if !declared[name].From.IsNull() {
			rule.From = read(declared[name].From, firewall.ParseNetwork)
		}
		rules = append(rules, rule)
	}
	return rules
}

// read gives what stands in a set; the validators have seen that all of it parses.
func read[T any](set types.Set, parse func(string) (T, error)) []T {
	all, _ := base.TextSet(set)
	var values []T
	for _, text := range all {
		if value, err := parse(text); err == nil {
			values = append(values, value)
		}
	}
	return values
}

// wall turns the model into what the plugin takes.
func (m *firewallModel) wall(ctx context.Context, diags *diag.Diagnostics) linode.Wall {
	tags, _ := base.TextSet(m.Tags)
	return linode.Wall{Label: m.Label.ValueString(), Tags: tags, Rules: m.rules(ctx, diags), Linodes: m.attached()}
}

// attached are the numbers of the declared machines.
func (m *firewallModel) attached() []int {
	ids := read(m.Linodes, linodeNumber)
	slices.Sort(ids)
	return ids
}

// read takes over what the account shows, and says what of it no attribute does.
// Of the attachments only declared ones count: others are not ours. An import
// declares nothing yet, so all that it finds has a line: no attribute shows it, and
// the plan that follows may take it away.
func (m *firewallModel) read(ctx context.Context, seen linode.SeenWall, diags *diag.Diagnostics) []converge.Line {
	wall := m.wall(ctx, diags)
	m.ID, m.Label = types.StringValue(strconv.Itoa(seen.ID)), types.StringValue(seen.Label)
	m.Tags = readTags(m.Tags, seen.Tags)
	if !m.Linodes.IsNull() {
		var present []string
		for _, id := range wall.Linodes {
			if slices.Contains(seen.Linodes, id) {
				present = append(present, strconv.Itoa(id))
			}
		}
		m.Linodes = setOf(present)
	}
	return provision.Drift(linode.DiagnoseFirewall(wall, seen, nil))
}

// adopted says that the state is that of an import which was not applied since: what is
// applied has an ssh.
func (m *firewallModel) adopted() bool { return m.SSH.IsNull() }

func setOf(values []string) types.Set {
	all := make([]attr.Value, 0, len(values))
	for _, value := range values {
		all = append(all, types.StringValue(value))
	}
	return types.SetValueMust(types.StringType, all)
}

func (m *firewallModel) Subject() string { return "Linode Firewall " + m.Label.ValueString() }
