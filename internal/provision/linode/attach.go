// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package linode

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/linode/linodego"

	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// ErrGuarded says that another firewall stands where one is to stand.
var ErrGuarded = errors.New("another firewall is assigned")

// A service can have one enabled firewall. The firewalls of a machine with config
// profiles are replaced by one request, so that there is no moment between them.
// Those of a machine with interfaces of its own are devices of each interface, and
// one has to go before the next can come: the machine is off meanwhile.

// stands says whether an entity is an instance, or an interface of it.
func stands(entity linodego.FirewallDeviceEntity, id int) bool {
	return entity.Type == linodego.FirewallDeviceLinode && entity.ID == id || entity.ParentEntity != nil && entity.ParentEntity.ID == id
}

// FirewallsOf are the ids of the cloud firewalls that an instance is behind, the
// enabled first.
func (c *Client) FirewallsOf(ctx context.Context, id int) ([]int, error) {
	enabled, disabled, err := c.before(ctx, id)
	return append(enabled, disabled...), err
}

func (c *Client) before(ctx context.Context, id int) (enabled, disabled []int, err error) {
	all, err := c.Firewalls(ctx)
	for _, wall := range all {
		switch {
		case !slices.ContainsFunc(wall.Entities, func(entity linodego.FirewallDeviceEntity) bool { return stands(entity, id) }):
		case wall.Status == linodego.FirewallEnabled:
			enabled = append(enabled, wall.ID)
		default:
			disabled = append(disabled, wall.ID)
		}
	}
	return enabled, disabled, err
}

// setFirewall puts an instance behind one firewall, or behind none with 0.
func (c *Client) setFirewall(ctx context.Context, instance linodego.Instance, wanted int, pause Pause) error {
	c.forget()
	if instance.InterfaceGeneration == linodego.GenerationLinode {
		return c.setFirewallOfInterfaces(ctx, instance.ID, wanted, pause)
	}
	_, disabled, err := c.before(ctx, instance.ID)
	if err != nil {
		return err
	}
	// Those that are switched off hold nobody up, and stay.
	ids := slices.DeleteFunc(disabled, func(id int) bool { return id == wanted })
	if wanted != 0 {
		ids = append(ids, wanted)
	}
	return c.replaceFirewalls(ctx, instance.ID, ids)
}

func (c *Client) replaceFirewalls(ctx context.Context, id int, walls []int) error {
	defer c.forget()
	return set(ctx, fmt.Sprintf("setting the firewalls of instance %d", id), func(ctx context.Context) error {
		_, err := c.api.UpdateInstanceFirewalls(ctx, id, linodego.InstanceFirewallUpdateOptions{FirewallIDs: append([]int{}, walls...)})
		return err
	})
}

// change of the firewalls of one interface.
type change struct {
	adapter int
	// gone are devices to delete, by firewall.
	gone map[int]int
	// comes says that the wanted firewall is not there yet.
	comes bool
}

func (c *Client) setFirewallOfInterfaces(ctx context.Context, id, wanted int, pause Pause) error {
	changes, err := c.changes(ctx, id, wanted)
	if err != nil {
		return err
	}
	carry := func(ctx context.Context) error {
		for _, change := range changes {
			if err := c.carryChange(ctx, change, wanted); err != nil {
				return err
			}
		}
		return nil
	}
	// Only what is taken away before something comes leaves a moment open.
	if slices.ContainsFunc(changes, func(change change) bool { return change.comes && len(change.gone) > 0 }) {
		return c.whileOff(ctx, id, pause, func(linodego.Instance) bool { return false }, carry)
	}
	return carry(ctx)
}

func (c *Client) carryChange(ctx context.Context, one change, wanted int) error {
	defer c.forget()
	for wall, device := range one.gone {
		err := set(ctx, fmt.Sprintf("detaching interface %d from firewall %d", one.adapter, wall), func(ctx context.Context) error {
			return c.api.DeleteFirewallDevice(ctx, wall, device)
		})
		if err != nil && !errors.Is(err, ErrNotFound) {
			return err
		}
	}
	if !one.comes {
		return nil
	}
	err := set(ctx, fmt.Sprintf("attaching interface %d to firewall %d", one.adapter, wanted), func(ctx context.Context) error {
		_, err := c.api.CreateFirewallDevice(ctx, wanted, linodego.FirewallDeviceCreateOptions{ID: one.adapter, Type: linodego.FirewallDeviceLinodeInterface})
		return err
	})
	if !errors.Is(err, ErrRefused) {
		return err
	}
	// An attachment whose answer was lost is refused the second time.
	devices, lookErr := c.devices(ctx, wanted)
	if lookErr == nil && slices.ContainsFunc(devices, func(device linodego.FirewallDevice) bool { return device.Entity.ID == one.adapter }) {
		return nil
	}
	return err
}

func (c *Client) devices(ctx context.Context, wall int) ([]linodego.FirewallDevice, error) {
	return read(ctx, fmt.Sprintf("reading the devices of firewall %d", wall), func(ctx context.Context) ([]linodego.FirewallDevice, error) {
		return c.api.ListFirewallDevices(ctx, wall, &linodego.ListOptions{PageSize: pageSize})
	})
}

// changes finds what is to be done at each interface that firewalls apply to.
func (c *Client) changes(ctx context.Context, id, wanted int) ([]change, error) {
	adapters, err := c.adapters(ctx, id)
	if err != nil {
		return nil, err
	}
	standing, err := c.FirewallsOf(ctx, id)
	if err != nil {
		return nil, err
	}
	var changes []change
	for _, adapter := range adapters {
		if adapter.VLAN == nil {
			changes = append(changes, change{adapter: adapter.ID, gone: map[int]int{}, comes: wanted != 0})
		}
	}
	for _, wall := range standing {
		devices, err := c.devices(ctx, wall)
		if err != nil {
			return nil, err
		}
		for i := range changes {
			for _, device := range devices {
				switch {
				case device.Entity.Type != linodego.FirewallDeviceLinodeInterface || device.Entity.ID != changes[i].adapter:
				case wall == wanted:
					changes[i].comes = false
				default:
					changes[i].gone[wall] = device.ID
				}
			}
		}
	}
	return changes, nil
}

// attach puts an instance behind a firewall for the firewall's own declaration,
// which cannot ask whether the machine may go down.
func (c *Client) attach(ctx context.Context, id, wall int) error {
	instance, err := c.Instance(ctx, id)
	if err != nil {
		return err
	}
	return c.setFirewall(ctx, instance, wall, func(context.Context) (func(context.Context) error, error) {
		return nil, fmt.Errorf("%w to instance %d, whose firewalls belong to its interfaces: between two of them it would be open to all. "+
			"Say firewall_id = %d in its atoll_linode, which switches the machine off for that moment; or detach the other one yourself", ErrGuarded, id, wall)
	})
}

// release takes instances from behind a firewall. Another declaration of the same
// run may be about to take them over, which leaves no moment open: it is given time
// until then, which is one poll's.
func (c *Client) release(ctx context.Context, ids []int, wall int, until time.Time) error {
	for len(ids) > 0 {
		c.forget()
		all, err := c.Firewalls(ctx)
		if err != nil {
			return err
		}
		at := slices.IndexFunc(all, func(one linodego.Firewall) bool { return one.ID == wall })
		if at < 0 {
			return nil
		}
		ids = slices.DeleteFunc(ids, func(id int) bool {
			return !slices.ContainsFunc(all[at].Entities, func(entity linodego.FirewallDeviceEntity) bool { return stands(entity, id) })
		})
		if len(ids) > 0 && time.Now().After(until) {
			return c.detach(ctx, ids, wall)
		}
		if err := remote.Pause(ctx, c.poll/4); err != nil {
			return err
		}
	}
	return nil
}

// detach removes the devices of instances from a firewall.
func (c *Client) detach(ctx context.Context, ids []int, wall int) error {
	defer c.forget()
	devices, err := c.devices(ctx, wall)
	if err != nil {
		return err
	}
	for _, device := range devices {
		if !slices.ContainsFunc(ids, func(id int) bool { return stands(device.Entity, id) }) {
			continue
		}
		err := set(ctx, fmt.Sprintf("detaching %s from firewall %d", device.Entity.Label, wall), func(ctx context.Context) error {
			return c.api.DeleteFirewallDevice(ctx, wall, device.ID)
		})
		if err != nil && !errors.Is(err, ErrNotFound) {
			return err
		}
	}
	return nil
}
