// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package linode

import (
	"regexp"

	"github.com/hashicorp/terraform-plugin-framework-validators/boolvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/int64validator"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/objectplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/atollhq/terraform-provider-atoll/internal/provider/base"
)

var labelPattern = regexp.MustCompile(`^[a-zA-Z][a-zA-Z0-9_.-]{1,62}[a-zA-Z0-9]$`)

// Schema describes a Linode from nothing to reachable over SSH.
func (k *linodeKind) Schema() schema.Schema {
	return schema.Schema{
		Description: "A Linode VPS from nothing to reachable over SSH, its host key known before the first contact: " +
			"a key that was made for this one contact travels with the user data, and the machine replaces it by one of its own over the verified channel, " +
			"so that neither the state nor Linode's metadata service holds a live private key. " +
			"Before a machine is resized, rebuilt or destroyed, what runs on it is asked whether the site can spare it now. " +
			"While another member of its MySQL cluster is not ONLINE, the apply waits, until nothing has changed about that one for five minutes, and then refuses; it waits for none in the provider's lost list. " +
			"A plan says so where the server on the machine sees it. " +
			"Off is not gone: a machine that is off is booted to be asked, and what cannot be asked is refused, unless its address is in the provider's lost list. " +
			"Destroying it deletes the machine and its disks at Linode. A plan that destroys, rebuilds or, for a change here, replaces a machine warns that its disk is discarded, and says what Atoll has on it. " +
			"Where terraform apply -replace, replace_triggered_by or a taint replaces it, Terraform shows no such warning of a provider's, only that the machine must be replaced; the site is asked all the same. " +
			"A machine is replaced only for what changed in the configuration since it was applied last, never for what the hoster or a person did to it. " +
			"An order that a killed run left behind is known again by a tag, which Terraform's data directory (.terraform) keeps; that of another workspace or directory is never touched. " +
			"Volumes, disks and further addresses stay with the linode/linode provider, which may manage them on the same machine.",
		Attributes: map[string]schema.Attribute{
			"label": base.Given("Name of the machine in the account, unique there. 3 to 64 letters, digits, single dots, dashes and underscores, a letter first. A change is in place.",
				label(labelPattern, "must be 3 to 64 letters, digits, dots, dashes and underscores, beginning with a letter and ending with a letter or digit")),
			"region": base.Given("Where the machine stands, such as \"ap-south\" (Singapore). A change here replaces the machine; one that was moved to another region stays, with a warning.", slug("ap-south")),
			"type": base.Given("Size of the machine, such as \"g6-standard-1\". A change is in place: what runs on the machine makes room in its group first, "+
				"the machine is shut down, resized and booted again, one machine of a group after another.", slug("g6-standard-1")),
			"image": base.Given("What the disk is made of, such as \"linode/debian13\". It has to have cloud-init, unless host_key or trust_on_first_use is set. "+
				"A change here replaces the machine, unless rebuild_generation is set or changes with it, which rebuilds it in place; one that was rebuilt from another image elsewhere stays, with a warning.", slug("linode/debian13")),
			"tags":               tagsAttribute("machine"),
			"backups":            keptBool("Whether Linode's backup service is on, which costs money. A change is in place; switching it off deletes the backups. Left alone when not given; false is refused where backups are on for the whole account."),
			"watchdog":           keptBool("Whether Linode boots the machine again when it goes down by itself. A change is in place. Left alone when not given; Linode's default is true."),
			"disk_encryption":    keptChoice("Whether Linode encrypts the disks at rest: enabled or disabled. A change here replaces the machine, unless rebuild_generation is set or changes with it, which rebuilds it in place. Left to Linode's default when not given.", "enabled", "disabled"),
			"placement_group_id": keptNumber(0, "Number of the placement group that the machine is in, 0 for none. A change is in place. Left alone when not given."),
			"swap_mib": schema.Int64Attribute{
				CustomType: base.Integer{},
				Optional:   true, Computed: true, Description: "Size of the swap disk that the machine is made with, in MiB. Linode's default is 512, and a rebuild always makes that: another size is refused together with a change of rebuild_generation. " +
					"A change here replaces the machine. Left alone when not given.",
				Validators: []validator.Int64{int64validator.Between(0, 1<<17)}, PlanModifiers: []planmodifier.Int64{keep{}},
			},
			"authorized_keys": schema.SetAttribute{
				Optional: true, Computed: true, ElementType: types.StringType, Validators: base.TextsOf(base.LoginKey()),
				Description: "Public SSH keys that may log in as root, exactly these; the provider's own key, which key names, has to be one of them. Default that key alone. The comment behind a key is not compared. " +
					"A change is in place, over SSH, and is taken back if it would lock Atoll out. Refused while the machine's host key is not known, as after an import without it.",
			},
			"user_data": schema.StringAttribute{
				Optional: true, WriteOnly: true, Sensitive: true,
				Description: "Your own user data for cloud-init: a #cloud-config, a script, a template (## template: jinja) or a MIME archive of several parts. A #cloud-config that is no YAML is refused. It is not kept in the state, and anyone on the machine can read it from the metadata service. " +
					"A change takes effect when rebuild_generation changes from one number to another. Default none. Needs Terraform 1.11 or OpenTofu 1.11.",
			},
			"user_data_sha256": base.Shows("SHA-256 of the user_data that the machine was made with, by which a change of it is seen; null when there were none, or after an import."),
			"private_ip": keptBool("Whether the machine has an address in the region's private network as well. An address is added in place: the machine is shut down and booted for it, as for a resize. " +
				"Once there, it stays, since Linode takes it back by a support ticket only. Left alone when not given."),
			"vpc_subnet_id": schema.Int64Attribute{
				CustomType: base.Integer{},
				Optional:   true, Computed: true, Description: "Number of a VPC subnet that the machine is in as well, by a second interface; its region needs VPCs. A rebuild keeps subnet and address. " +
					"A change here replaces the machine. Left alone when not given.",
				Validators: []validator.Int64{int64validator.AtLeast(1)}, PlanModifiers: []planmodifier.Int64{keep{}},
			},
			"interface_generation": keptChoice("Where Linode keeps the network interfaces: legacy_config, in a config profile and behind a firewall of the machine, or linode, on the machine itself, each behind a firewall of its own. "+
				"Default legacy_config; linode where the account's setting interfaces_for_new_linodes allows nothing else. A change here replaces the machine.", "legacy_config", "linode"),
			"firewall_id": keptNumber(0, "Number of the cloud firewall that the machine is behind from its creation on, 0 for none, not even the account's default firewall. A machine can have one that is enabled, so a change takes the place of the other "+
				"in one request, with no moment open in between; where interface_generation is linode that cannot be done at once, and the machine is off for that moment, as for a resize. Left alone when not given."),
			"maintenance_policy": schema.StringAttribute{
				Optional: true, Computed: true, Description: "What Linode does with the machine when its host needs maintenance: linode/migrate or linode/power_off_on; its region needs the Maintenance Policy. A change is in place. The account's default when not given.",
				Validators: []validator.String{base.OneOf("linode/migrate", "linode/power_off_on")}, PlanModifiers: []planmodifier.String{keep{}},
			},
			"alerts": alertsAttribute(),
			"reverse_dns": base.Optional("Name that the public IPv4 address is resolved to. It has to point to the address already, or Linode refuses: a new machine is then made with a warning, and the next apply tries again. "+
				"A change is in place. Left alone when not given.", base.Name()),
			"rebuild_generation": schema.Int64Attribute{
				CustomType: base.Integer{},
				Optional:   true,
				Description: "Any number; the first only sets the count, and changing it from one to another gives the machine a fresh disk of image in place, with a new host key and the same address. " +
					"All that was on the disk is gone, so what runs on the machine leaves its group first, or refuses. " +
					"The first number rebuilds the machine only where image or disk_encryption changes with it. Default none.",
			},
			"host_key": schema.StringAttribute{
				Optional: true, Computed: true, Validators: []validator.String{base.HostKey()},
				Description: "Public SSH host key of the machine, such as \"ssh-ed25519 AAAA…\". Made by the machine and known by itself when not given; " +
					"give it where the image brings a key that you know.",
			},
			"trust_on_first_use": schema.BoolAttribute{
				Optional: true, Validators: []validator.Bool{boolvalidator.ConflictsWith(path.MatchRoot("host_key"))},
				Description: "Whether the host key that the machine shows at the very first contact is believed and kept in the state, for images and regions without cloud-init. " +
					"Whoever is on the way at that moment can pose as the machine. Default false.",
			},
			"key":          base.Optional("Name of the key in the provider's ssh.keys or ssh.key_files to log in with. Default \"default\". A change is in place.", base.KeyName()),
			"status":       base.Shows("Power state at Linode, such as running or offline; anything but running shows as drift, and apply boots the machine."),
			"ipv4":         shows("Public IPv4 address; the first one, and the same as long as the machine has it.", stringplanmodifier.UseStateForUnknown()),
			"ipv6":         shows("Public IPv6 address with its prefix length.", stringplanmodifier.UseStateForUnknown()),
			"private_ipv4": shows("Address in the region's private network, if it has one.", keep{}),
			"vpc_ipv4":     shows("Address in the VPC subnet, if it is in one.", keep{}),
			"specs":        specsAttribute(),
			"ssh":          base.ConnectionOutput(),
		},
	}
}

func specsAttribute() schema.SingleNestedAttribute {
	return base.ShowsGroup("What the machine has, by its type. Where a plan changes the type, it is known after the apply, and what is made of it follows in the same apply.", map[string]schema.Attribute{
		"vcpus":       base.ShowsNumber("Number of virtual processors."),
		"memory_mib":  base.ShowsNumber("Memory, in MiB."),
		"disk_mib":    base.ShowsNumber("Room for disks, in MiB."),
		"transfer_gb": base.ShowsNumber("Transfer a month that is paid for, in GB."),
	})
}

func alertsAttribute() schema.SingleNestedAttribute {
	threshold := func(text string) schema.Int64Attribute {
		return keptNumber(0, text+" 0 switches the alert off. Left alone when not given.")
	}
	return schema.SingleNestedAttribute{
		Optional: true, Computed: true, Description: "Thresholds over which Linode sends a mail. A change is in place. Left alone when not given.",
		PlanModifiers: []planmodifier.Object{objectplanmodifier.UseStateForUnknown()},
		Attributes: map[string]schema.Attribute{
			"cpu":            threshold("Use of the processors over two hours, in percent of one of them."),
			"io":             threshold("Disk operations a second over two hours."),
			"network_in":     threshold("Incoming traffic over two hours, in Mbit/s."),
			"network_out":    threshold("Outgoing traffic over two hours, in Mbit/s."),
			"transfer_quota": threshold("Use of the month's transfer, in percent."),
		},
	}
}
