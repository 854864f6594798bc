// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package linode

import (
	"context"
	"errors"
	"net/netip"
	"regexp"

	"github.com/hashicorp/terraform-plugin-framework-validators/int64validator"
	"github.com/hashicorp/terraform-plugin-framework-validators/mapvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/setvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/booldefault"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/atollhq/terraform-provider-atoll/internal/provider/base"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/firewall"
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
			"A rule that was changed by hand shows as drift, rule by rule. Of one that is imported all that stands shows so, since nothing is declared yet, and the plan warns of what its apply changes or deletes.",
		Attributes: map[string]schema.Attribute{
			"label": base.Given("Name of the firewall in the account, unique there: 3 to 32 letters, digits, single dots, dashes and underscores, a letter or digit first and last. A change is in place.",
				label(firewallLabel, "must be 3 to 32 letters, digits, dots, dashes and underscores, beginning and ending with a letter or digit")),
			"tags": tagsAttribute("firewall"),
			"ssh":  sshRuleAttribute(),
			"mesh": meshRuleAttribute(),
			"ping": schema.BoolAttribute{
				Optional: true, Computed: true, Default: booldefault.StaticBool(true),
				Description: "Whether ICMP may come in, which path MTU discovery needs. Default true. A change is in place.",
			},
			"open": openRuleAttribute(),
			"linodes": schema.SetAttribute{
				Optional: true, ElementType: types.StringType, Validators: []validator.Set{setvalidator.NoNullValues()},
				Description: "Numbers (id) of the machines that the firewall is attached to. Attachments that are not listed here stay. " +
					"A machine can be behind one enabled firewall, so that it leaves another one in the same request, with no moment open in between; the account's default firewall, too. " +
					"To move a machine to another atoll_linode_firewall, change both lists in one apply: the new one takes it over, and the old one waits for that, as long as a poll_interval, before it lets go. " +
					"Linode drops what its rules do not let through in both directions, open connections too: those of a mesh, and of what runs over it, stand still for some seconds where a machine that runs gets its first firewall here. New ones come about at once; firewall_id of atoll_linode has the firewall before the machine from its first boot. " +
					"A machine whose interface_generation is linode is refused while another firewall is before it: use its firewall_id. " +
					"A plan in which two of them list one machine is refused, and so is a number that the account does not have. " +
					"A change is in place. Default none. Use either this or firewall_id of atoll_linode for one machine.",
			},
		},
	}
}

// network and peer are what rules name others by.

func network() base.Text { return parsed("be an address or a network", firewall.ParseNetwork) }

func peer() base.Text {
	return base.Text{Must: "be an IP address", Check: func(value string) error {
		if _, err := netip.ParseAddr(value); err != nil {
			return errors.New("is not an IP address. Give the public address that the peer's packets come from")
		}
		return nil
	}}
}

func portAttribute(description string) schema.Int64Attribute {
	return schema.Int64Attribute{CustomType: base.Integer{}, Optional: true, Description: description, Validators: []validator.Int64{int64validator.Between(1, 65535)}}
}

func sshRuleAttribute() schema.SingleNestedAttribute {
	return schema.SingleNestedAttribute{
		Optional: true, Validators: []validator.Object{lockout{}},
		Description: "Who may reach sshd; the rule is called ssh. Atoll itself has to be among them, so this has to be given; for machines that are reached on another way, say from = []. A change is in place.",
		Attributes: map[string]schema.Attribute{
			"from": schema.SetAttribute{
				Required: true, ElementType: types.StringType, Validators: []validator.Set{setvalidator.NoNullValues(), setvalidator.ValueStringsAre(network())},
				Description: "Addresses and networks, such as \"192.0.2.0/24\"; \"0.0.0.0/0\" and \"::/0\" are everybody, and [] is nobody.",
			},
			"port": portAttribute("TCP port of sshd. Default 22."),
		},
	}
}

// lockout refuses a firewall that does not say who may reach sshd: the machines
// behind it would be out of reach, for Atoll too.
type lockout struct{}

func (lockout) Description(context.Context) string         { return "must be given" }
func (lockout) MarkdownDescription(context.Context) string { return "must be given" }

func (lockout) ValidateObject(_ context.Context, req validator.ObjectRequest, resp *validator.ObjectResponse) {
	if req.ConfigValue.IsNull() {
		resp.Diagnostics.AddAttributeError(req.Path, "Nobody Could Log In", "ssh is not given, so that nobody could reach sshd behind this firewall, Atoll included. "+
			"Say from where: ssh = { from = [\"192.0.2.0/24\"] }. If the machines are reached on another way, such as a private network, say ssh = { from = [] }.")
	}
}

func meshRuleAttribute() schema.SingleNestedAttribute {
	return base.Group("Who may reach the mesh's daemon, over TCP and UDP; the rules are called mesh-tcp and mesh-udp. Nobody when not given, and no plan can know that a machine is a peer of a mesh: give it for each that is. A change is in place.", map[string]schema.Attribute{
		"peers": schema.MapAttribute{
			Required: true, ElementType: types.StringType,
			Description: "Public addresses of the other peers, by name. Exactly these come in.",
			Validators:  []validator.Map{mapvalidator.SizeAtLeast(1), mapvalidator.NoNullValues(), mapvalidator.ValueStringsAre(peer())},
		},
		"port": portAttribute("Port of the mesh. Default 655."),
	})
}

// openRuleAttribute has no required attribute: see base.Whole.
func openRuleAttribute() schema.MapNestedAttribute {
	return schema.MapNestedAttribute{
		Optional:    true,
		Description: "Further ports to open, by the rule's name of 3 to 32 characters. A change is in place. Default none.",
		Validators: []validator.Map{base.Whole{Of: "rule, with protocol and ports", Needs: []string{"protocol", "ports"}}, mapvalidator.KeysAre(
			base.Matching(ruleName, "must be 3 to 32 letters, digits, dots, dashes and underscores, a letter first"),
			stringvalidator.NoneOf("ssh", "mesh-tcp", "mesh-udp", "ping"))},
		NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
			"protocol": base.Optional("Protocol: tcp or udp. Has to be given.", base.OneOf("tcp", "udp")),
			"ports": schema.SetAttribute{
				Optional: true, ElementType: types.StringType, Description: "Ports and ranges, such as \"443\" or \"6000-6010\", 15 at most. Have to be given.",
				Validators: append(base.TextsOf(parsed("be a port or a range", firewall.ParsePorts)), setvalidator.SizeAtMost(15)),
			},
			"from": schema.SetAttribute{
				Optional: true, ElementType: types.StringType, Description: "Addresses and networks that may come. Default everybody.", Validators: base.TextsOf(network()),
			},
		}},
	}
}
