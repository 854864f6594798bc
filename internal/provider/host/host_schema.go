// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package host

import (
	"regexp"

	"github.com/hashicorp/terraform-plugin-framework-validators/int64validator"
	"github.com/hashicorp/terraform-plugin-framework-validators/mapvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/setvalidator"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/atollhq/terraform-provider-atoll/internal/provider/base"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/node"
)

var (
	hostnamePattern = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?$`)
	packagePattern  = regexp.MustCompile(`^[a-z0-9][a-z0-9+.-]+$`)
	sysctlPattern   = regexp.MustCompile(`^[a-z0-9_]+([./][A-Za-z0-9_-]+)+$`)
)

// Schema describes a machine that already answers SSH.
func (k *hostKind) Schema() schema.Schema {
	return schema.Schema{
		Description: "A physical or any other machine that already answers SSH, adopted as a node of the site. " +
			"Reports what the machine is and keeps the few machine-wide settings declared here; what is left out stays as it is. " +
			"Destroying it stops managing: the files made here are removed, package sources among them, and the swap is switched off. What the machine has become stays: its name, its packages, a time service, " +
			"the values that kernel settings have until the next boot, and the swap file on the disk.",
		Attributes: map[string]schema.Attribute{
			"hostname": base.Optional("Host name of the machine, without a domain. Left alone when not given. A change is in place.",
				base.Matching(hostnamePattern, "must be one DNS label: 1 to 63 letters, digits and hyphens, no hyphen at either end")),
			"time_sync": schema.BoolAttribute{
				Optional:    true,
				Description: "Whether a time service has to run; systemd-timesyncd is installed where there is none. Left alone when not given. A change is in place.",
			},
			"swap_mib": schema.Int64Attribute{
				CustomType:  base.Integer{},
				Optional:    true,
				Description: "Size of a swap file kept at /var/lib/atoll/swapfile, in MiB. None when not given. A change is in place: the file is made anew, so memory must hold what was swapped out.",
				Validators:  []validator.Int64{int64validator.Between(64, 1<<20)},
			},
			"sysctls": schema.MapAttribute{
				Optional: true, ElementType: types.StringType,
				Description: "Kernel settings by name, such as \"vm.swappiness\" = \"10\", set now and at every boot. A change is in place; a setting taken out keeps its value until the next boot.",
				Validators: []validator.Map{
					mapvalidator.NoNullValues(), mapvalidator.KeysAre(base.Matching(sysctlPattern, "must be a sysctl name such as vm.swappiness")), mapvalidator.ValueStringsAre(base.Line()),
				},
			},
			"inotify":     inotifyAttribute(),
			"apt_sources": aptSourcesAttribute(),
			"packages": schema.SetAttribute{
				Optional: true, ElementType: types.StringType,
				Description: "Extra distribution packages to be installed. A change is in place; a package taken out of the list stays installed, since something else may need it.",
				Validators:  []validator.Set{setvalidator.NoNullValues(), setvalidator.ValueStringsAre(base.Matching(packagePattern, "must be a package name of the distribution"))},
			},
			"watcher_keys": schema.SetAttribute{
				Optional: true, ElementType: types.StringType, Validators: base.TextsOf(base.LoginKey()),
				Description: "Public SSH keys that may watch the machine and nothing else: a plan of a provider with ssh.watcher = true logs in with one of them as the user " + node.Watcher + ", who is made here. " +
					"Such a key is bound to one program, which answers what the last apply has asked and takes no arguments: it gives no shell, reads no file of its choice and changes nothing. Installs sudo where there is none. " +
					"None when not given. A change is in place; without keys nobody gets in, and the user stays.",
			},
			"facts": factsAttribute(),
		},
	}
}

func inotifyAttribute() schema.SingleNestedAttribute {
	return base.Group("Limits of file watching. Programs that watch large trees, such as the file tiers, need more than the defaults. Left alone when not given.", map[string]schema.Attribute{
		"max_user_watches": schema.Int64Attribute{
			CustomType:  base.Integer{},
			Optional:    true,
			Description: "Most watches per user (fs.inotify.max_user_watches). A watch costs about 1 KiB of kernel memory and each directory needs one.",
			Validators:  []validator.Int64{int64validator.AtLeast(1)},
		},
		"max_user_instances": schema.Int64Attribute{
			CustomType:  base.Integer{},
			Optional:    true,
			Description: "Most watchers per user (fs.inotify.max_user_instances). The kernel's default is 128.",
			Validators:  []validator.Int64{int64validator.AtLeast(1)},
		},
	})
}

func factsAttribute() schema.SingleNestedAttribute {
	return base.ShowsGroup("What the machine says about itself, read at each refresh.", map[string]schema.Attribute{
		"os":             base.Shows("Short name of the distribution, such as debian."),
		"os_version":     base.Shows("Version of the distribution; empty for a rolling one."),
		"os_name":        base.Shows("Full name of the distribution."),
		"architecture":   base.Shows("Machine architecture, such as x86_64."),
		"kernel":         base.Shows("Release of the running kernel."),
		"virtualisation": base.Shows("Kind of virtualisation as systemd sees it, none on a physical machine."),
		"machine_id":     base.Shows("Content of /etc/machine-id. Two hosts with the same one were cloned from one image."),
		"cpus":           base.ShowsNumber("Number of processors online."),
		"memory_mib":     base.ShowsNumber("Memory, in MiB."),
		"swap_mib":       base.ShowsNumber("Swap, in MiB."),
		"disks": schema.ListNestedAttribute{
			Computed: true, Description: "File systems on disks.",
			NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
				"name":       base.Shows("Device, such as /dev/sda1."),
				"mount":      base.Shows("Where it is mounted."),
				"size_mib":   base.ShowsNumber("Size, in MiB."),
				"rotational": schema.BoolAttribute{Computed: true, Description: "Whether the disk has moving parts."},
			}},
		},
	})
}
