// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package linode

import (
	"net/http"
	"slices"
	"testing"

	"github.com/linode/linodego"
)

// What the document and linodego say beyond the keys of the answers.

func TestPageBeyondTheEndIsEmpty(t *testing.T) {
	_, client, _ := open(t)
	if types := must(client.ListTypes(t.Context(), linodego.NewListOptions(100, "")))(t); len(types) != 0 {
		t.Errorf("page 100 of the types has %d", len(types))
	}
}

func TestAccountWideSettingsHoldForNewLinodes(t *testing.T) {
	_, client, _ := open(t)
	ctx := t.Context()
	must(client.UpdateAccountSettings(ctx, linodego.AccountSettingsUpdateOptions{
		BackupsEnabled: pointer(true), InterfacesForNewLinodes: pointer(linodego.LinodeDefaultButLegacyConfigAllowed), MaintenancePolicy: pointer("linode/power_off_on"),
	}))(t)
	options := wanted("defaults")
	options.PrivateIP = false
	made := must(client.CreateInstance(ctx, options))(t)
	if !made.Backups.Enabled || made.InterfaceGeneration != linodego.GenerationLinode || made.MaintenancePolicy != "linode/power_off_on" {
		t.Errorf("made as %+v", made)
	}
	until(t, client, made.ID, linodego.InstanceRunning)
	refused(t, client.CancelInstanceBackups(ctx, made.ID), http.StatusBadRequest, "whole account")
	for setting, forbidden := range map[linodego.InterfacesForNewLinodes]linodego.InterfaceGeneration{
		linodego.LegacyConfigOnly: linodego.GenerationLinode, linodego.LinodeOnly: linodego.GenerationLegacyConfig,
	} {
		must(client.UpdateAccountSettings(ctx, linodego.AccountSettingsUpdateOptions{InterfacesForNewLinodes: &setting}))(t)
		other := wanted("forbidden")
		other.InterfaceGeneration, other.PrivateIP = forbidden, false
		_, err := client.CreateInstance(ctx, other)
		refused(t, err, http.StatusBadRequest, "[interface_generation]")
	}
}

func TestDefaultFirewallStandsBeforeNewLinodes(t *testing.T) {
	_, client, _ := open(t)
	ctx := t.Context()
	wall := must(client.CreateFirewall(ctx, linodego.FirewallCreateOptions{Label: "everybody", Rules: rules()}))(t)
	must(client.UpdateFirewallSettings(ctx, linodego.FirewallSettingsUpdateOptions{DefaultFirewallIDs: &linodego.DefaultFirewallIDsOptions{
		Linode: pointer(&wall.ID), PublicInterface: pointer(&wall.ID),
	}}))(t)
	config := must(client.CreateInstance(ctx, wanted("config")))(t)
	options := wanted("interface")
	options.PrivateIP, options.InterfaceGeneration = false, linodego.GenerationLinode
	interfacing := must(client.CreateInstance(ctx, options))(t)
	options = wanted("without")
	options.FirewallID = -1
	must(client.CreateInstance(ctx, options))(t)
	entities := must(client.GetFirewall(ctx, wall.ID))(t).Entities
	if len(entities) != 2 || entities[0].ID != config.ID || entities[1].Type != linodego.FirewallDeviceLinodeInterface || entities[1].ParentEntity.ID != interfacing.ID {
		t.Errorf("the default firewall stands before %+v", entities)
	}
	refused(t, client.DeleteFirewall(ctx, wall.ID), http.StatusBadRequest, "default")
	for id, kind := range map[int]linodego.FirewallDeviceType{interfacing.ID: linodego.FirewallDeviceLinode, config.ID: linodego.FirewallDeviceLinodeInterface} {
		other := must(client.CreateFirewall(ctx, linodego.FirewallCreateOptions{Label: "other-" + string(kind), Rules: rules()}))(t)
		_, err := client.CreateFirewallDevice(ctx, other.ID, linodego.FirewallDeviceCreateOptions{ID: id, Type: kind})
		refused(t, err, http.StatusBadRequest, "[id]")
	}
}

func TestTagsAreCaseInsensitive(t *testing.T) {
	_, client, _ := open(t)
	ctx := t.Context()
	must(client.CreateInstance(ctx, wanted("first")))(t)
	options := wanted("second")
	options.Tags = []string{"SITE", "site"}
	if tags := must(client.CreateInstance(ctx, options))(t).Tags; !slices.Equal(tags, []string{"site"}) {
		t.Errorf("tags %q", tags)
	}
}

func TestRebuildKeepsNeitherSwapNorVPC(t *testing.T) {
	_, client, _ := open(t)
	ctx := t.Context()
	home := must(client.CreateVPC(ctx, linodego.VPCCreateOptions{
		Label: "home", Region: "jp-osa", Subnets: []linodego.VPCSubnetCreateOptions{{Label: "first", IPv4: "10.0.0.0/24"}},
	}))(t)
	options := wanted("rebuilt")
	options.Region, options.SwapSize, options.DiskEncryption = "jp-osa", pointer(256), "disabled"
	options.Interfaces = []linodego.InstanceConfigInterfaceCreateOptions{{Purpose: linodego.InterfacePurposePublic}, {Purpose: linodego.InterfacePurposeVPC, SubnetID: &home.Subnets[0].ID}}
	made := must(client.CreateInstance(ctx, options))(t)
	until(t, client, made.ID, linodego.InstanceRunning)
	looks := func(swap, interfaces int) linodego.InstanceConfig {
		t.Helper()
		disks, configs := must(client.ListInstanceDisks(ctx, made.ID, nil))(t), must(client.ListInstanceConfigs(ctx, made.ID, nil))(t)
		if disks[1].Size != swap || disks[1].DiskEncryption != "disabled" || len(configs) != 1 || len(configs[0].Interfaces) != interfaces {
			t.Errorf("disks %+v, configs %+v", disks, configs)
		}
		return configs[0]
	}
	looks(256, 2)
	must(client.RebuildInstance(ctx, made.ID, linodego.InstanceRebuildOptions{Image: "linode/debian13", AuthorizedKeys: []string{rootKey}, Booted: pointer(false)}))(t)
	until(t, client, made.ID, linodego.InstanceOffline)
	config := looks(512, 0)
	change := config.GetUpdateOptions()
	change.Interfaces = options.Interfaces
	must(client.UpdateInstanceConfig(ctx, made.ID, config.ID, change))(t)
	looks(512, 2)
	if members := must(client.GetVPCSubnet(ctx, home.ID, home.Subnets[0].ID))(t).Linodes; len(members) != 1 || members[0].ID != made.ID {
		t.Errorf("in the subnet: %+v", members)
	}
}

func TestCatalogueDiffersByRegion(t *testing.T) {
	server, client, _ := open(t)
	ctx := t.Context()
	kind := must(client.GetType(ctx, "g6-standard-1"))(t)
	if len(kind.RegionPrices) != 1 || kind.RegionPrices[0].Monthly <= kind.Price.Monthly || len(kind.Addons.Backups.RegionPrices) != 1 {
		t.Errorf("prices %+v", kind.RegionPrices)
	}
	for field, edit := range map[string]func(*linodego.InstanceCreateOptions){
		"[type]":      func(o *linodego.InstanceCreateOptions) { o.Type = "g7-premium-2" },
		"[swap_size]": func(o *linodego.InstanceCreateOptions) { o.SwapSize = pointer(25600) },
		"[image]":     func(o *linodego.InstanceCreateOptions) { o.Image = "linode/debian10" },
		"[maintenance_policy]": func(o *linodego.InstanceCreateOptions) {
			o.Region, o.MaintenancePolicy = "ap-west", pointer("linode/migrate")
		},
	} {
		options := wanted("elsewhere")
		edit(&options)
		_, err := client.CreateInstance(ctx, options)
		refused(t, err, http.StatusBadRequest, field)
	}
	_, err := client.CreateVPC(ctx, linodego.VPCCreateOptions{Label: "none", Region: "ap-south"})
	refused(t, err, http.StatusBadRequest, "[region]")
	if disk := must(client.CreateVolume(ctx, linodego.VolumeCreateOptions{Label: "sized", Region: "ap-south"}))(t); disk.Size != 20 {
		t.Errorf("a volume without a size has %d GB", disk.Size)
	}
	made := must(client.CreateInstance(ctx, wanted("configured")))(t)
	must(client.CreateInstanceConfig(ctx, made.ID, linodego.InstanceConfigCreateOptions{Label: "second"}))(t)
	server.update(func() {
		if event := server.events[len(server.events)-1]; event.Action != "linode_config_create" || event.SecondaryEntity.Label != "second" {
			t.Errorf("the last event is %+v", event)
		}
	})
	_, err = client.CreateFirewall(ctx, linodego.FirewallCreateOptions{Label: "a--b", Rules: rules()})
	refused(t, err, http.StatusBadRequest, "[label]")
}
