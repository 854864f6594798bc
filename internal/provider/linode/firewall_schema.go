// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package linode

import (
	"regexp"

	"github.com/hashicorp/terraform-plugin-framework-validators/int64validator"
	"github.com/hashicorp/terraform-plugin-framework-validators/mapvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/setvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/booldefault"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

var (
	firewallLabel = regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9_.-]{1,30}[a-zA-Z0-9]$`)
	ruleName      = regexp.MustCompile(`^[a-zA-Z][a-zA-Z0-9_.-]{2,31}$`)
)

// Schema describes a cloud firewall.
func (k *firewallKind) Schema() schema.Schema {
	return schema.Schema{
		Description: "A cloud firewall at Linode: SSH from where you say, the mesh's port from exactly its peers, public ports, and everything else that comes in is dropped; " +
			"whatever goes out may. Machines are attached one by one, so that what others attached stays. " +
			"A rule that was changed by hand shows as drift, rule by rule.",
		Attributes: map[string]schema.Attribute{
			"label": schema.StringAttribute{
				Required:    true,
				Description: "Name of the firewall in the account, unique there: 3 to 32 letters, digits, single dots, dashes and underscores, a letter or digit first and last. A change is in place.",
				Validators: []validator.String{
					stringvalidator.RegexMatches(firewallLabel, "must be 3 to 32 letters, digits, dots, dashes and underscores, beginning and ending with a letter or digit"),
					without{labelRepetition, "must not hold two dashes, underscores or dots in a row"},
				},
			},
			"tags": schema.SetAttribute{
				Optional: true, ElementType: types.StringType,
				Description: "Tags of the firewall in the account, all of them. Linode's tags know no case, and the spelling here is kept. A change is in place. Default none.",
				Validators: []validator.Set{setvalidator.SizeAtLeast(1), distinct{}, setvalidator.ValueStringsAre(
					stringvalidator.LengthBetween(3, 50), without{regexp.MustCompile(`^atoll:`), "must not begin with atoll:, which is Atoll's own"})},
			},
			"ssh":  sshRuleAttribute(),
			"mesh": meshRuleAttribute(),
			"ping": schema.BoolAttribute{
				Optional: true, Computed: true, Default: booldefault.StaticBool(true),
				Description: "Whether ICMP may come in, which path MTU discovery needs. Default true. A change is in place.",
			},
			"open": openRuleAttribute(),
			"linodes": schema.SetAttribute{
				Optional: true, ElementType: types.StringType,
				Description: "Numbers (id) of the machines that the firewall is attached to. Attachments that are not listed here stay. " +
					"A machine can be behind one enabled firewall, so that it leaves another one in the same request, with no moment open in between; the account's default firewall, too. " +
					"To move a machine to another atoll_linode_firewall, change both lists in one apply: the new one takes it over, and the old one waits for that, as long as a poll_interval, before it lets go. " +
					"A machine whose interface_generation is linode is refused while another firewall is before it: use its firewall_id. " +
					"A change is in place. Default none. Use either this or firewall_id of atoll_linode for one machine.",
			},
		},
	}
}

func sshRuleAttribute() schema.SingleNestedAttribute {
	return schema.SingleNestedAttribute{
		Optional:    true,
		Description: "Who may reach sshd; the rule is called ssh. Atoll itself has to be among them. Nobody when not given. A change is in place.",
		Attributes: map[string]schema.Attribute{
			"from": schema.SetAttribute{
				Required: true, ElementType: types.StringType,
				Description: "Addresses and networks, such as \"192.0.2.0/24\"; \"0.0.0.0/0\" and \"::/0\" are everybody.",
				Validators:  []validator.Set{setvalidator.SizeAtLeast(1)},
			},
			"port": schema.Int64Attribute{
				Optional: true, Description: "TCP port of sshd. Default 22.", Validators: []validator.Int64{int64validator.Between(1, 65535)},
			},
		},
	}
}

func meshRuleAttribute() schema.SingleNestedAttribute {
	return schema.SingleNestedAttribute{
		Optional:    true,
		Description: "Who may reach the mesh's daemon, over TCP and UDP; the rules are called mesh-tcp and mesh-udp. Nobody when not given. A change is in place.",
		Attributes: map[string]schema.Attribute{
			"peers": schema.MapAttribute{
				Required: true, ElementType: types.StringType,
				Description: "Public addresses of the other peers, by name. Exactly these come in.",
				Validators:  []validator.Map{mapvalidator.SizeAtLeast(1)},
			},
			"port": schema.Int64Attribute{
				Optional: true, Description: "Port of the mesh. Default 655.", Validators: []validator.Int64{int64validator.Between(1, 65535)},
			},
		},
	}
}

func openRuleAttribute() schema.MapNestedAttribute {
	return schema.MapNestedAttribute{
		Optional:    true,
		Description: "Further ports to open, by the rule's name of 3 to 32 characters. A change is in place. Default none.",
		Validators: []validator.Map{mapvalidator.KeysAre(
			stringvalidator.RegexMatches(ruleName, "must be 3 to 32 letters, digits, dots, dashes and underscores, a letter first"),
			stringvalidator.NoneOf("ssh", "mesh-tcp", "mesh-udp", "ping"))},
		NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
			"protocol": schema.StringAttribute{Required: true, Description: "Protocol: tcp or udp.", Validators: []validator.String{stringvalidator.OneOf("tcp", "udp")}},
			"ports": schema.SetAttribute{
				Required: true, ElementType: types.StringType, Description: "Ports and ranges, such as \"443\" or \"6000-6010\", 15 at most.",
				Validators: []validator.Set{setvalidator.SizeBetween(1, 15)},
			},
			"from": schema.SetAttribute{
				Optional: true, ElementType: types.StringType, Description: "Addresses and networks that may come. Default everybody.",
				Validators: []validator.Set{setvalidator.SizeAtLeast(1)},
			},
		}},
	}
}
