// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package linode

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/linode/linodego"
)

// Problem is something wrong with one attribute of a declaration.
type Problem struct {
	Attribute, Title, Detail string
}

// Capabilities of a region that attributes need.
const (
	metadataService   = "Metadata"
	vpcs              = "VPCs"
	maintenancePolicy = "Maintenance Policy"
	linodeInterfaces  = "Linode Interfaces"
	placementGroups   = "Placement Group"
)

// Check compares a declaration with the catalogue. Empty values are not known
// yet and pass.
func (o *Catalogue) Check(spec Spec) []Problem {
	wrong := o.checkNames(spec)
	if len(wrong) > 0 {
		return wrong
	}
	wrong = append(wrong, o.checkType(spec)...)
	wrong = append(wrong, o.checkCapabilities(spec)...)
	wrong = append(wrong, o.checkAccount(spec)...)
	if image := o.Images[spec.Image]; image.Deprecated {
		wrong = append(wrong, Problem{"image", "Deprecated Image", fmt.Sprintf("image = %q is deprecated at Linode, and nothing new is made of it. Those that are not: %s.", spec.Image, listed(o.current()))})
	}
	return append(wrong, o.checkTrust(spec)...)
}

// current are the images that are not deprecated.
func (o *Catalogue) current() map[string]linodego.Image {
	images := maps.Clone(o.Images)
	maps.DeleteFunc(images, func(_ string, image linodego.Image) bool { return image.Deprecated })
	return images
}

func (o *Catalogue) checkNames(spec Spec) []Problem {
	var wrong []Problem
	if _, known := o.Regions[spec.Region]; spec.Region != "" && !known {
		wrong = append(wrong, Problem{"region", "Unknown Region", fmt.Sprintf("region = %q is not one of Linode's: %s.", spec.Region, listed(o.Regions))})
	}
	if _, known := o.Types[spec.Type]; spec.Type != "" && !known {
		wrong = append(wrong, Problem{"type", "Unknown Type", fmt.Sprintf("type = %q is not one of Linode's: %s.", spec.Type, listed(o.Types))})
	}
	if _, known := o.Images[spec.Image]; spec.Image != "" && !known {
		wrong = append(wrong, Problem{"image", "Unknown Image", fmt.Sprintf("image = %q is not among the images of this account: %s.", spec.Image, listed(o.current()))})
	}
	return wrong
}

func (o *Catalogue) checkType(spec Spec) []Problem {
	var wrong []Problem
	if slices.Contains(o.Unavailable[spec.Region], spec.Type) {
		wrong = append(wrong, Problem{"type", "Type Not Available Here", fmt.Sprintf("type = %q cannot be had in the region %q now. Choose another type, or another region.", spec.Type, spec.Region)})
	}
	if kind, known := o.Types[spec.Type]; known && spec.SwapMiB != nil && *spec.SwapMiB >= kind.Disk {
		wrong = append(wrong, Problem{"swap_mib", "Swap Larger Than the Disk", fmt.Sprintf("swap_mib = %d, and a machine of type %q has %d MiB of disk for both swap and image.", *spec.SwapMiB, spec.Type, kind.Disk)})
	}
	return wrong
}

// checkCapabilities looks whether the region has what the declaration uses.
func (o *Catalogue) checkCapabilities(spec Spec) []Problem {
	region, known := o.Regions[spec.Region]
	if !known {
		return nil
	}
	var wrong []Problem
	for _, need := range []struct {
		used                  bool
		attribute, capability string
	}{
		{spec.Subnet != nil, "vpc_subnet_id", vpcs},
		{valueOf(spec.PlacementGroup) != 0, "placement_group_id", placementGroups},
		{spec.MaintenancePolicy != "", "maintenance_policy", maintenancePolicy},
		{spec.Generation == GenerationLinode, "interface_generation", linodeInterfaces},
	} {
		if need.used && !slices.Contains(region.Capabilities, need.capability) {
			wrong = append(wrong, Problem{need.attribute, "Not Available in the Region", fmt.Sprintf("The region %q has no %s, which %s needs. Leave it out, or choose one of %s.",
				spec.Region, need.capability, need.attribute, listed(o.with(need.capability)))})
		}
	}
	return wrong
}

// with are the regions that have a capability.
func (o *Catalogue) with(capability string) map[string]linodego.Region {
	regions := maps.Clone(o.Regions)
	maps.DeleteFunc(regions, func(_ string, region linodego.Region) bool { return !slices.Contains(region.Capabilities, capability) })
	return regions
}

// Forbidden says whether the account's settings rule a generation of interfaces
// out.
func (o *Catalogue) Forbidden(generation string) bool {
	if o.Settings == nil {
		return false
	}
	return o.Settings.InterfacesForNewLinodes == linodego.LinodeOnly && generation == GenerationConfig ||
		o.Settings.InterfacesForNewLinodes == linodego.LegacyConfigOnly && generation == GenerationLinode
}

// checkAccount looks at what the account's settings forbid.
func (o *Catalogue) checkAccount(spec Spec) []Problem {
	var wrong []Problem
	if o.Forbidden(spec.Generation) {
		wrong = append(wrong, Problem{"interface_generation", "Forbidden by the Account", fmt.Sprintf("interface_generation = %q, and the account's setting interfaces_for_new_linodes is %s. "+
			"Leave interface_generation out, or change the setting in Linode's Cloud Manager.", spec.Generation, o.Settings.InterfacesForNewLinodes)})
	}
	if spec.PrivateIP && spec.Generation == GenerationLinode {
		wrong = append(wrong, Problem{"private_ip", "No Private Address With These Interfaces", "private_ip = true, and machines whose interface_generation is \"linode\" have no address in the private network. " +
			"Use vpc_subnet_id, or interface_generation = \"legacy_config\" where the account allows it."})
	}
	if o.Settings != nil && o.Settings.BackupsEnabled && spec.Backups != nil && !*spec.Backups {
		wrong = append(wrong, Problem{"backups", "Forbidden by the Account", "backups = false, and backups are on for the whole account, so that every new machine has them. " +
			"Leave backups out, or switch the account's setting off in Linode's Cloud Manager."})
	}
	return wrong
}

// checkTrust looks whether a host key can reach the machine before the first
// contact.
func (o *Catalogue) checkTrust(spec Spec) []Problem {
	if spec.Region == "" || spec.Image == "" || spec.Trust != TrustInjected {
		return nil
	}
	const ways = "Choose another one; or give the machine's own key as host_key; or set trust_on_first_use = true, " +
		"which believes the key that the machine shows at the first contact and keeps it in the state."
	var wrong []Problem
	if !slices.Contains(o.Images[spec.Image].Capabilities, "cloud-init") {
		wrong = append(wrong, Problem{"image", "Host Key Cannot Be Known in Advance", fmt.Sprintf("The image %q has no cloud-init, so it cannot be given an SSH host key. %s", spec.Image, ways)})
	}
	if !slices.Contains(o.Regions[spec.Region].Capabilities, metadataService) {
		wrong = append(wrong, Problem{"region", "Host Key Cannot Be Known in Advance", fmt.Sprintf("The region %q has no Metadata service, so a machine there cannot be given an SSH host key. %s", spec.Region, ways)})
	}
	return wrong
}

// Missing looks for what a declaration names by number: each is asked for only
// where it is named.
func (c *Client) Missing(ctx context.Context, spec Spec) ([]Problem, error) {
	var wrong []Problem
	add := func(problem *Problem, err error) error {
		if problem != nil {
			wrong = append(wrong, *problem)
		}
		return err
	}
	if number := valueOf(spec.PlacementGroup); number != 0 {
		if err := add(c.missingGroup(ctx, number, spec.Region)); err != nil {
			return nil, err
		}
	}
	if number := valueOf(spec.Firewall); number != 0 {
		if err := add(c.missingFirewall(ctx, number)); err != nil {
			return nil, err
		}
	}
	if spec.Subnet != nil {
		if err := add(c.missingSubnet(ctx, *spec.Subnet, spec.Region)); err != nil {
			return nil, err
		}
	}
	return wrong, nil
}

func (c *Client) missingGroup(ctx context.Context, number int, region string) (*Problem, error) {
	groups, err := shareOnce(ctx, c, "placement groups", func(ctx context.Context) ([]linodego.PlacementGroup, error) {
		return c.api.ListPlacementGroups(ctx, &linodego.ListOptions{PageSize: pageSize})
	})
	if err != nil {
		return nil, err
	}
	for _, group := range groups {
		switch {
		case group.ID != number:
		case region != "" && group.Region != region:
			return &Problem{"placement_group_id", "Placement Group of Another Region", fmt.Sprintf("placement_group_id = %d is in %s, and the machine in %s. A group holds machines of its own region.", number, group.Region, region)}, nil
		default:
			return nil, nil //nolint:nilnil // nothing is wrong
		}
	}
	return &Problem{"placement_group_id", "Unknown Placement Group", fmt.Sprintf("placement_group_id = %d: the account has no such placement group.", number)}, nil
}

func (c *Client) missingFirewall(ctx context.Context, number int) (*Problem, error) {
	walls, err := c.Firewalls(ctx)
	if err != nil || slices.ContainsFunc(walls, func(wall linodego.Firewall) bool { return wall.ID == number }) {
		return nil, err
	}
	return &Problem{"firewall_id", "Unknown Firewall", fmt.Sprintf("firewall_id = %d: the account has no such firewall.", number)}, nil
}

func (c *Client) missingSubnet(ctx context.Context, number int, region string) (*Problem, error) {
	all, err := shareOnce(ctx, c, "VPCs", func(ctx context.Context) ([]linodego.VPC, error) {
		return c.api.ListVPCs(ctx, &linodego.ListOptions{PageSize: pageSize})
	})
	if err != nil {
		return nil, err
	}
	for _, home := range all {
		if !slices.ContainsFunc(home.Subnets, func(subnet linodego.VPCSubnet) bool { return subnet.ID == number }) {
			continue
		}
		if region != "" && home.Region != region {
			return &Problem{"vpc_subnet_id", "Subnet of Another Region", fmt.Sprintf("vpc_subnet_id = %d is in %s, and the machine in %s. A VPC holds machines of its own region.", number, home.Region, region)}, nil
		}
		return nil, nil //nolint:nilnil // nothing is wrong
	}
	return &Problem{"vpc_subnet_id", "Unknown Subnet", fmt.Sprintf("vpc_subnet_id = %d: the account has no VPC with such a subnet.", number)}, nil
}

// shareOnce asks once for all that want the same at the same time.
func shareOnce[T any](ctx context.Context, c *Client, name string, ask func(context.Context) ([]T, error)) ([]T, error) {
	value, err, _ := c.once.Do(name, func() (any, error) { return read(ctx, "listing "+name, ask) })
	rows, _ := value.([]T)
	return rows, err
}

// listed names what there is.
func listed[V any](offered map[string]V) string {
	names := slices.Sorted(maps.Keys(offered))
	if len(names) > 40 {
		names = append(names[:40], "…")
	}
	return strings.Join(names, ", ")
}
