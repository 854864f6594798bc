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

// Carry takes the steps of a plan on an instance. Around a step that stops the
// machine, pause is called before, and what it returns after the machine runs
// again; it may refuse.
func (c *Client) Carry(ctx context.Context, id int, spec Spec, steps []Step, pause func(context.Context) (resume func(context.Context) error, err error)) error {
	for _, step := range steps {
		var err error
		switch step.Kind {
		case Resize:
			err = c.resize(ctx, id, spec.Type, pause)
		case Boot:
			err = c.boot(ctx, id)
		default:
			err = c.settle(ctx, id, spec, step)
		}
		c.forget()
		if err != nil {
			return fmt.Errorf("unable to %s: %w", step.Title, err)
		}
	}
	return nil
}

// settle takes a step that may be taken twice.
func (c *Client) settle(ctx context.Context, id int, spec Spec, step Step) error {
	err := set(ctx, step.Title, func(ctx context.Context) error {
		switch step.Kind {
		case AttachFirewall:
			_, err := c.api.CreateFirewallDevice(ctx, step.ID, linodego.FirewallDeviceCreateOptions{ID: id, Type: linodego.FirewallDeviceLinode})
			return err
		case DetachFirewall:
			return c.detach(ctx, step.ID, id)
		case Rename:
			tags := unmarked(spec.Tags)
			_, err := c.api.UpdateInstance(ctx, id, linodego.InstanceUpdateOptions{Label: spec.Label, Tags: &tags, WatchdogEnabled: spec.Watchdog})
			return err
		case EnableBackups:
			return c.api.EnableInstanceBackups(ctx, id)
		case CancelBackups:
			return c.api.CancelInstanceBackups(ctx, id)
		case LeaveGroup:
			_, err := c.api.UnassignPlacementGroupLinodes(ctx, step.ID, linodego.PlacementGroupUnAssignOptions{Linodes: []int{id}})
			return err
		case JoinGroup:
			_, err := c.api.AssignPlacementGroupLinodes(ctx, step.ID, linodego.PlacementGroupAssignOptions{Linodes: []int{id}})
			return err
		}
		return fmt.Errorf("there is no such step: %d", step.Kind)
	})
	// An attachment whose answer was lost is refused the second time.
	if step.Kind == AttachFirewall && errors.Is(err, ErrRefused) {
		c.forget()
		if attached, lookErr := c.FirewallsOf(ctx, id); lookErr == nil && slices.Contains(attached, step.ID) {
			return nil
		}
	}
	return err
}

// detach removes the one device of an instance from a firewall.
func (c *Client) detach(ctx context.Context, firewall, id int) error {
	devices, err := c.api.ListFirewallDevices(ctx, firewall, &linodego.ListOptions{PageSize: pageSize})
	if err != nil {
		return err
	}
	for _, device := range devices {
		if device.Entity.Type == linodego.FirewallDeviceLinode && device.Entity.ID == id {
			return c.api.DeleteFirewallDevice(ctx, firewall, device.ID)
		}
	}
	return nil
}

// order gives an order to an instance that Linode tells of by an event. An
// answer that was lost is made up for by that event. It returns the mark after
// which the events of the order come.
func (c *Client) order(ctx context.Context, id int, action linodego.EventAction, give func(context.Context) error) (int, error) {
	mark, err := c.mark(ctx, true)
	if err != nil {
		return 0, err
	}
	_, err = change(ctx, fmt.Sprintf("%s of instance %d", action, id), func(ctx context.Context) (struct{}, error) { return struct{}{}, give(ctx) },
		func(ctx context.Context) (struct{}, bool, error) {
			c.watch.mu.Lock()
			err := c.follow(ctx)
			c.watch.mu.Unlock()
			if err != nil {
				return struct{}{}, false, err
			}
			events, err := c.since(ctx, mark, id)
			return struct{}{}, slices.ContainsFunc(events, func(e linodego.Event) bool { return e.Action == action }), err
		})
	return mark, err
}

// action gives an order and waits for its end.
func (c *Client) action(ctx context.Context, id int, action linodego.EventAction, status linodego.InstanceStatus, give func(context.Context) error) error {
	mark, err := c.order(ctx, id, action, give)
	if err != nil {
		return err
	}
	return c.await(ctx, mark, id, status, action)
}

func (c *Client) boot(ctx context.Context, id int) error {
	return c.action(ctx, id, linodego.ActionLinodeBoot, linodego.InstanceRunning, func(ctx context.Context) error { return c.api.BootInstance(ctx, id, 0) })
}

// resize stops the machine, gives it its new size, and boots it whatever it did
// before. A machine that a killed run left off is booted by the next plan.
func (c *Client) resize(ctx context.Context, id int, kind string, pause func(context.Context) (func(context.Context) error, error)) error {
	instance, err := c.Instance(ctx, id)
	if err != nil {
		return err
	}
	resume := func(context.Context) error { return nil }
	if instance.Status != linodego.InstanceOffline {
		if resume, err = pause(ctx); err != nil {
			return err
		}
		if err := c.action(ctx, id, linodego.ActionLinodeShutdown, linodego.InstanceOffline, func(ctx context.Context) error {
			return c.api.ShutdownInstance(ctx, id)
		}); err != nil {
			return errors.Join(err, resume(ctx))
		}
	}
	automatic := true
	resizeErr := c.action(ctx, id, linodego.ActionLinodeResize, linodego.InstanceOffline, func(ctx context.Context) error {
		return c.api.ResizeInstance(ctx, id, linodego.InstanceResizeOptions{Type: kind, MigrationType: linodego.ColdMigration, AllowAutoDiskResize: &automatic})
	})
	// Also after a resize that failed: the machine is wanted running.
	bootErr := c.boot(ctx, id)
	return errors.Join(resizeErr, bootErr, resume(ctx))
}

// rebuild orders a fresh disk and returns the mark of its events.
func (c *Client) rebuild(ctx context.Context, id int, spec Spec, key *pair) (int, error) {
	metadata, err := spec.metadata(key)
	if err != nil {
		return 0, err
	}
	return c.order(ctx, id, linodego.ActionLinodeRebuild, func(ctx context.Context) error {
		_, err := c.api.RebuildInstance(ctx, id, linodego.InstanceRebuildOptions{Image: spec.Image, AuthorizedKeys: spec.AuthorizedKeys, Metadata: metadata})
		return err
	})
}

// Rebuild gives a machine a fresh disk; id and address stay. Finish brings it to
// its end as it does a new one.
func (c *Client) Rebuild(ctx context.Context, instance linodego.Instance, spec Spec) (Made, error) {
	made := Made{Instance: instance, spec: spec}
	key, err := made.expect()
	if err != nil {
		return made, err
	}
	made.mark, err = c.rebuild(ctx, instance.ID, spec, key)
	return made, err
}

// Delete ends a machine and returns when the account has it no more.
func (c *Client) Delete(ctx context.Context, id int) error {
	err := set(ctx, fmt.Sprintf("deleting instance %d", id), func(ctx context.Context) error { return c.api.DeleteInstance(ctx, id) })
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	deleted := time.Now()
	for {
		// The pause comes first, so that machines that go together are looked
		// for together.
		if err := remote.Pause(ctx, c.poll/4); err != nil {
			return fmt.Errorf("waiting until instance %d is gone: %w", id, err)
		}
		all, err := c.instancesAfter(ctx, deleted)
		if err != nil {
			return err
		}
		if !slices.ContainsFunc(all, func(instance linodego.Instance) bool { return instance.ID == id }) {
			return nil
		}
		deleted = time.Now()
	}
}

// Addresses of an instance: the first public and private IPv4.
func Addresses(instance linodego.Instance) (public, private string) {
	return address(instance, false), address(instance, true)
}

// SubnetAddress is the machine's address in a VPC subnet, by its first config.
func (c *Client) SubnetAddress(ctx context.Context, id, subnet int) (string, error) {
	configs, err := read(ctx, fmt.Sprintf("reading the configs of instance %d", id), func(ctx context.Context) ([]linodego.InstanceConfig, error) {
		return c.api.ListInstanceConfigs(ctx, id, &linodego.ListOptions{PageSize: pageSize})
	})
	if err != nil {
		return "", err
	}
	for _, config := range configs {
		for _, adapter := range config.Interfaces {
			if adapter.SubnetID != nil && *adapter.SubnetID == subnet && adapter.IPv4 != nil {
				return adapter.IPv4.VPC, nil
			}
		}
	}
	return "", nil
}
