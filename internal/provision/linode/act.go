// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package linode

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/linode/linodego"

	"github.com/atollhq/terraform-provider-atoll/internal/provision"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// Pause asks whether a machine may go down for a while. It may refuse; what it
// returns is called when the machine runs again.
type Pause func(context.Context) (resume func(context.Context) error, err error)

// Doer does operations on an instance. Pause is called before each that stops the
// machine.
func (c *Client) Doer(instance linodego.Instance, spec Spec, pause Pause) provision.Doer {
	return doer{c, instance, spec, pause}
}

type doer struct {
	client   *Client
	instance linodego.Instance
	spec     Spec
	pause    Pause
}

// Do does one operation.
func (d doer) Do(ctx context.Context, operation provision.Operation) error {
	c, id := d.client, d.instance.ID
	var err error
	switch o := operation.(type) {
	case Resize:
		err = c.resize(ctx, id, o.To, d.pause)
	case AddPrivateIP:
		err = c.addPrivateIP(ctx, id, d.pause)
	case SetFirewall:
		err = c.setFirewall(ctx, d.instance, o.Firewall, d.pause)
	case Boot:
		err = c.boot(ctx, id)
	default:
		err = set(ctx, operation.String(), func(ctx context.Context) error { return d.repeatable(ctx, operation) })
	}
	c.forget()
	if err != nil {
		return fmt.Errorf("unable to %s: %w", operation, err)
	}
	return nil
}

// repeatable does what may be done twice.
func (d doer) repeatable(ctx context.Context, operation provision.Operation) error {
	api, id := d.client.api, d.instance.ID
	switch o := operation.(type) {
	case Describe:
		_, err := api.UpdateInstance(ctx, id, d.spec.description(d.instance))
		return err
	case Resolve:
		address, _ := Addresses(d.instance, "")
		name := &o.Name
		_, err := api.UpdateIPAddressV2(ctx, address, linodego.IPAddressUpdateOptionsV2{RDNS: &name})
		return err
	case EnableBackups:
		return api.EnableInstanceBackups(ctx, id)
	case CancelBackups:
		return api.CancelInstanceBackups(ctx, id)
	case LeaveGroup:
		_, err := api.UnassignPlacementGroupLinodes(ctx, o.Group, linodego.PlacementGroupUnAssignOptions{Linodes: []int{id}})
		return err
	case JoinGroup:
		_, err := api.AssignPlacementGroupLinodes(ctx, o.Group, linodego.PlacementGroupAssignOptions{Linodes: []int{id}})
		return err
	}
	return fmt.Errorf("operation %q is not one of a machine", operation)
}

// order gives an order to an instance that Linode tells of by an event. An
// answer that was lost is made up for by that event. It returns the mark after
// which the events of the order come.
func (c *Client) order(ctx context.Context, id int, action linodego.EventAction, give func(context.Context) error) (int, error) {
	mark, err := c.mark(ctx, true)
	if err != nil {
		return 0, err
	}
	_, err = carryOut(ctx, fmt.Sprintf("%s of instance %d", action, id), func(ctx context.Context) (struct{}, error) { return struct{}{}, give(ctx) },
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

// rebuild orders a fresh disk and returns the mark of its events. Linode deletes
// the config profiles with the disks: what is to have a VPC is booted only after
// its new profile has it.
func (c *Client) rebuild(ctx context.Context, id int, spec Spec, key *pair) (int, error) {
	metadata, err := spec.metadata(key)
	if err != nil {
		return 0, err
	}
	inVPC := spec.Subnet != nil && spec.Generation != GenerationLinode
	booted := !inVPC
	mark, err := c.order(ctx, id, linodego.ActionLinodeRebuild, func(ctx context.Context) error {
		_, err := c.api.RebuildInstance(ctx, id, linodego.InstanceRebuildOptions{
			Image: spec.Image, AuthorizedKeys: spec.AuthorizedKeys, Metadata: metadata, Booted: &booted, DiskEncryption: linodego.InstanceDiskEncryption(spec.DiskEncryption),
		})
		return err
	})
	if err != nil || !inVPC {
		return mark, err
	}
	if err := c.await(ctx, mark, id, linodego.InstanceOffline, linodego.ActionLinodeRebuild); err != nil {
		return mark, err
	}
	if err := c.plug(ctx, id, spec); err != nil {
		return mark, err
	}
	return c.order(ctx, id, linodego.ActionLinodeBoot, func(ctx context.Context) error { return c.api.BootInstance(ctx, id, 0) })
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

// Addresses of an instance: its public and its private IPv4. Of several public
// ones the known one stays ours: somebody may have added others.
func Addresses(instance linodego.Instance, known string) (public, private string) {
	for _, ip := range instance.IPv4 {
		switch {
		case ip == nil:
		case ip.IsPrivate():
			private = cmp.Or(private, ip.String())
		case public == "" || ip.String() == known:
			public = ip.String()
		}
	}
	return public, private
}
