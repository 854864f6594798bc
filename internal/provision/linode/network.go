// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package linode

import (
	"context"
	"fmt"

	"github.com/linode/linodego"
)

// What an instance's own answer does not tell is read from its parts, where it is
// declared or was just made.

// SwapMiB is the size of the swap disk; 0 for none.
func (c *Client) SwapMiB(ctx context.Context, id int) (int, error) {
	disks, err := read(ctx, fmt.Sprintf("reading the disks of instance %d", id), func(ctx context.Context) ([]linodego.InstanceDisk, error) {
		return c.api.ListInstanceDisks(ctx, id, &linodego.ListOptions{PageSize: pageSize})
	})
	for _, disk := range disks {
		if disk.Filesystem == linodego.FilesystemSwap {
			return disk.Size, err
		}
	}
	return 0, err
}

func (c *Client) configs(ctx context.Context, id int) ([]linodego.InstanceConfig, error) {
	return read(ctx, fmt.Sprintf("reading the configs of instance %d", id), func(ctx context.Context) ([]linodego.InstanceConfig, error) {
		return c.api.ListInstanceConfigs(ctx, id, &linodego.ListOptions{PageSize: pageSize})
	})
}

func (c *Client) adapters(ctx context.Context, id int) ([]linodego.LinodeInterface, error) {
	return read(ctx, fmt.Sprintf("reading the interfaces of instance %d", id), func(ctx context.Context) ([]linodego.LinodeInterface, error) {
		return c.api.ListInterfaces(ctx, id, nil)
	})
}

// Subnet is the VPC subnet that a machine is in, with its address there; 0 for
// none.
func (c *Client) Subnet(ctx context.Context, instance linodego.Instance) (subnet int, address string, err error) {
	if instance.InterfaceGeneration == linodego.GenerationLinode {
		adapters, err := c.adapters(ctx, instance.ID)
		for _, adapter := range adapters {
			if adapter.VPC != nil && len(adapter.VPC.IPv4.Addresses) > 0 {
				return adapter.VPC.SubnetID, adapter.VPC.IPv4.Addresses[0].Address, err
			}
		}
		return 0, "", err
	}
	configs, err := c.configs(ctx, instance.ID)
	for _, config := range configs {
		for _, adapter := range config.Interfaces {
			if adapter.SubnetID != nil && adapter.IPv4 != nil {
				return *adapter.SubnetID, adapter.IPv4.VPC, err
			}
		}
	}
	return 0, "", err
}

// plug gives the config profile of a machine that is off its interfaces.
func (c *Client) plug(ctx context.Context, id int, spec Spec) error {
	configs, err := c.configs(ctx, id)
	if err != nil {
		return err
	}
	if len(configs) == 0 {
		return fmt.Errorf("%w: instance %d has no config profile to put into the VPC", ErrNotFound, id)
	}
	options := configs[0].GetUpdateOptions()
	options.Interfaces = spec.configInterfaces()
	return set(ctx, fmt.Sprintf("putting instance %d into subnet %d", id, *spec.Subnet), func(ctx context.Context) error {
		_, err := c.api.UpdateInstanceConfig(ctx, id, configs[0].ID, options)
		return err
	})
}
