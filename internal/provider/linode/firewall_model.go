// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package linode

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strconv"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
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

// rules turns the model into rules; every problem names its attribute.
func (m *firewallModel) rules(ctx context.Context, diags *diag.Diagnostics) []firewall.Rule {
	intent := firewall.Intent{Ping: m.Ping.ValueBool()}
	if !m.SSH.IsNull() {
		var ssh sshRule
		diags.Append(m.SSH.As(ctx, &ssh, basetypes.ObjectAsOptions{})...)
		intent.SSHPort = uint16(ssh.Port.ValueInt64()) // the validator bounds it
		intent.SSHFrom = networks(ctx, path.Root("ssh").AtName("from"), ssh.From, diags)
	}
	if !m.Mesh.IsNull() {
		var mesh meshRule
		diags.Append(m.Mesh.As(ctx, &mesh, basetypes.ObjectAsOptions{})...)
		intent.MeshPort = uint16(mesh.Port.ValueInt64()) // the validator bounds it
		peers := map[string]string{}
		diags.Append(mesh.Peers.ElementsAs(ctx, &peers, false)...)
		for _, name := range slices.Sorted(maps.Keys(peers)) {
			address, err := netip.ParseAddr(peers[name])
			if err != nil {
				diags.AddAttributeError(path.Root("mesh").AtName("peers").AtMapKey(name), "Invalid Peer Address",
					fmt.Sprintf("mesh.peers[%q] = %q is not an IP address. Give the public address that the peer's packets come from.", name, peers[name]))
				continue
			}
			intent.MeshPeers = append(intent.MeshPeers, address)
		}
	}
	intent.Open = m.open(ctx, diags)
	rules := intent.Rules()
	if err := errors.Join(firewall.Check(rules), linode.CheckRules(rules)); err != nil && !diags.HasError() {
		diags.AddError("Invalid Firewall Rules", err.Error()+".")
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
		at := path.Root("open").AtMapKey(name)
		rule := firewall.Rule{Name: name, Protocol: firewall.Protocol(declared[name].Protocol.ValueString()), From: firewall.Anywhere}
		if !declared[name].From.IsNull() {
			rule.From = networks(ctx, at.AtName("from"), declared[name].From, diags)
		}
		for _, text := range texts(ctx, declared[name].Ports, diags) {
			ports, err := firewall.ParsePorts(text)
			if err != nil {
				diags.AddAttributeError(at.AtName("ports"), "Invalid Port", fmt.Sprintf("open[%q].ports: %v.", name, err))
			}
			rule.Ports = append(rule.Ports, ports)
		}
		rules = append(rules, rule)
	}
	return rules
}

func networks(ctx context.Context, at path.Path, set types.Set, diags *diag.Diagnostics) []netip.Prefix {
	var all []netip.Prefix
	for _, text := range texts(ctx, set, diags) {
		network, err := firewall.ParseNetwork(text)
		if err != nil {
			diags.AddAttributeError(at, "Invalid Network", fmt.Sprintf("%s: %v.", at, err))
			continue
		}
		all = append(all, network)
	}
	return all
}

// wall turns the model into what the plugin takes.
func (m *firewallModel) wall(ctx context.Context, diags *diag.Diagnostics) linode.Wall {
	return linode.Wall{Label: m.Label.ValueString(), Tags: texts(ctx, m.Tags, diags), Rules: m.rules(ctx, diags), Linodes: m.attached(ctx, diags)}
}

// attached are the numbers of the declared machines.
func (m *firewallModel) attached(ctx context.Context, diags *diag.Diagnostics) []int {
	var ids []int
	for _, text := range texts(ctx, m.Linodes, diags) {
		id, err := strconv.Atoi(text)
		if err != nil {
			diags.AddAttributeError(path.Root("linodes"), "Invalid Linode Number", fmt.Sprintf("linodes: %q is not a number. Give the id of an atoll_linode.", text))
			continue
		}
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}

// see takes over what the account shows, and says what of it no attribute does.
// Of the attachments only declared ones count: others are not ours. An import
// declares nothing yet.
func (m *firewallModel) see(ctx context.Context, seen linode.SeenWall, diags *diag.Diagnostics) []converge.Line {
	imported, wall := m.Label.IsNull(), m.wall(ctx, diags)
	m.ID, m.Label = types.StringValue(strconv.Itoa(seen.ID)), types.StringValue(seen.Label)
	m.Tags = seeTags(m.Tags, seen.Tags)
	if imported {
		return nil
	}
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

func setOf(values []string) types.Set {
	all := make([]attr.Value, 0, len(values))
	for _, value := range values {
		all = append(all, types.StringValue(value))
	}
	return types.SetValueMust(types.StringType, all)
}

func (m *firewallModel) Subject() string { return "Linode Firewall " + m.Label.ValueString() }
