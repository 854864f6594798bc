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

// Made is a machine of which the API has told.
type Made struct {
	Instance linodego.Instance
	// HostKey is the public SSH host key to expect at the first contact; "" when
	// it is not known.
	HostKey string

	mark int
	// spec as it was ordered.
	spec Spec
}

// Create orders a machine and returns as soon as it has an id. It never makes a
// second one: where the answer is lost, the label and the tag of this very order
// tell whether it was carried out. A machine of the same label that an earlier
// order of the same journal left unfinished is taken over, with a fresh disk.
func (c *Client) Create(ctx context.Context, spec Spec, orders Orders) (Made, error) {
	made := Made{spec: spec}
	key, err := made.expect()
	if err != nil {
		return made, err
	}
	mark, err := c.mark(ctx, false)
	if err != nil {
		return made, err
	}
	made.mark = mark
	subject := "linode " + spec.Label
	tag, earlier := orders.Begin(subject)
	c.ordered(subject, tag)
	options, err := spec.creation(key, tag)
	if err != nil {
		return made, err
	}
	ours := func(ctx context.Context) (*linodego.Instance, bool, error) {
		found, err := c.InstanceLabelled(ctx, spec.Label)
		return found, err == nil && found != nil && slices.Contains(found.Tags, tag), err
	}
	instance, err := carryOut(ctx, "creating instance "+spec.Label, func(ctx context.Context) (*linodego.Instance, error) {
		return c.api.CreateInstance(ctx, options)
	}, ours)
	if err != nil && names(err, "label") {
		// Ours after all, if an order whose answer was lost was carried out late.
		var found bool
		instance, found, err = c.resolve(ctx, spec, earlier, ours, err)
		if err == nil && !found {
			made.Instance = *instance
			c.got(subject, instance.ID)
			return c.takeOver(ctx, made, key, tag)
		}
	}
	c.forget()
	if err != nil {
		return made, err
	}
	made.Instance = *instance
	c.got(subject, instance.ID)
	return made, nil
}

// expect makes the key of the first contact, if we are to make one.
func (m *Made) expect() (*pair, error) {
	if m.spec.Trust != TrustInjected {
		return nil, nil //nolint:nilnil // there is none
	}
	key, err := newPair()
	m.HostKey = key.public
	return &key, err
}

// resolve looks at who has the label. found says that it is the machine of this
// order; otherwise it is that of an earlier order of ours, or err tells whose.
func (c *Client) resolve(ctx context.Context, spec Spec, earlier []string, ours func(context.Context) (*linodego.Instance, bool, error), refused error) (instance *linodego.Instance, found bool, err error) {
	instance, found, err = ours(ctx)
	switch {
	case err != nil || found:
		return instance, found, err
	case instance == nil:
		return nil, false, refused
	case c.sibling("linode "+spec.Label, instance.ID, instance.Tags):
		return nil, false, fmt.Errorf("%w: instance %d is labelled %q, and another atoll_linode of this very run made it. An account's labels are unique: "+
			"leave that instance as it is, give this machine a label of its own, and apply again", ErrTaken, instance.ID, spec.Label)
	case !Unfinished(*instance):
		return nil, false, taken(*instance)
	case !slices.ContainsFunc(earlier, func(tag string) bool { return slices.Contains(instance.Tags, tag) }):
		return nil, false, fmt.Errorf("%w: instance %d is labelled %q, and another run ordered it that has not finished it. "+
			"If that run goes on, choose another label. If it was cut off, delete the instance at Linode and apply again", ErrTaken, instance.ID, spec.Label)
	case instance.Region != spec.Region:
		return nil, false, fmt.Errorf("%w: instance %d is labelled %q, unfinished, and in region %s. Delete it, or choose another label", ErrTaken, instance.ID, spec.Label, instance.Region)
	}
	return instance, false, nil
}

// takeOver gives an unfinished machine of an earlier run a fresh disk, since the
// host key that it was given died with that run.
func (c *Client) takeOver(ctx context.Context, made Made, key *pair, tag string) (Made, error) {
	id := made.Instance.ID
	if err := c.awaitIdle(ctx, id); err != nil {
		return made, err
	}
	err := set(ctx, "marking instance "+made.spec.Label, func(ctx context.Context) error {
		tags := append(unmarked(made.spec.Tags), tag)
		_, err := c.api.UpdateInstance(ctx, id, linodego.InstanceUpdateOptions{Tags: &tags})
		return err
	})
	if err != nil {
		return made, err
	}
	made.mark, err = c.rebuild(ctx, id, made.spec, key)
	return made, err
}

// AwaitIdle waits until nothing goes on with an instance: a reboot or a migration
// that somebody else began has its end. It returns the instance as it is then.
func (c *Client) AwaitIdle(ctx context.Context, instance linodego.Instance) (linodego.Instance, error) {
	if idle(instance) {
		return instance, nil
	}
	if err := c.awaitIdle(ctx, instance.ID); err != nil {
		return instance, err
	}
	c.forget()
	return c.Instance(ctx, instance.ID)
}

func idle(instance linodego.Instance) bool {
	return instance.Status == linodego.InstanceRunning || instance.Status == linodego.InstanceOffline
}

// awaitIdle waits until nothing goes on with an instance.
func (c *Client) awaitIdle(ctx context.Context, id int) error {
	for {
		instance, err := read(ctx, fmt.Sprintf("reading instance %d", id), func(ctx context.Context) (*linodego.Instance, error) { return c.api.GetInstance(ctx, id) })
		if err != nil || idle(*instance) {
			return err
		}
		if err := remote.Pause(ctx, c.poll); err != nil {
			return fmt.Errorf("waiting until instance %d is idle: %w: it is %s", id, err, instance.Status)
		}
	}
}

// noFirewall keeps the account's default firewall away.
const noFirewall = -1

// creation is the order in linodego's words. The generation of the interfaces is
// always said: what an account has for a default is another one's affair.
func (s Spec) creation(key *pair, tag string) (linodego.InstanceCreateOptions, error) {
	options := linodego.InstanceCreateOptions{
		Region: s.Region, Type: s.Type, Label: s.Label, Image: s.Image, AuthorizedKeys: s.AuthorizedKeys, PrivateIP: s.PrivateIP,
		Tags: append(unmarked(s.Tags), tag), SwapSize: s.SwapMiB, InterfaceGeneration: linodego.InterfaceGeneration(s.Generation),
		DiskEncryption: linodego.InstanceDiskEncryption(s.DiskEncryption), BackupsEnabled: s.Backups != nil && *s.Backups,
	}
	if s.MaintenancePolicy != "" {
		options.MaintenancePolicy = &s.MaintenancePolicy
	}
	if valueOf(s.PlacementGroup) != 0 {
		options.PlacementGroup = &linodego.InstanceCreatePlacementGroupOptions{ID: *s.PlacementGroup}
	}
	var wall *int
	if s.Firewall != nil {
		number := *s.Firewall
		if number == 0 {
			number = noFirewall
		}
		wall = &number
	}
	if s.Generation == GenerationLinode {
		options.LinodeInterfaces = s.adapters(wall)
	} else {
		options.FirewallID = valueOf(wall)
		options.Interfaces = s.configInterfaces()
	}
	metadata, err := s.metadata(key)
	options.Metadata = metadata
	return options, err
}

// configInterfaces of a config profile; none leaves them to Linode.
func (s Spec) configInterfaces() []linodego.InstanceConfigInterfaceCreateOptions {
	if s.Subnet == nil {
		return nil
	}
	inside := linodego.InstanceConfigInterfaceCreateOptions{Purpose: linodego.InterfacePurposeVPC, SubnetID: s.Subnet}
	if s.SubnetIPv4 != "" {
		inside.IPv4 = &linodego.VPCIPv4{VPC: s.SubnetIPv4}
	}
	return []linodego.InstanceConfigInterfaceCreateOptions{{Purpose: linodego.InterfacePurposePublic, Primary: true}, inside}
}

// adapters are the interfaces of a machine itself, all behind one firewall.
func (s Spec) adapters(wall *int) []linodego.LinodeInterfaceCreateOptions {
	yes := true
	all := []linodego.LinodeInterfaceCreateOptions{{
		FirewallID: wall, Public: &linodego.PublicInterfaceCreateOptions{}, DefaultRoute: &linodego.InterfaceDefaultRoute{IPv4: &yes, IPv6: &yes},
	}}
	if s.Subnet != nil {
		all = append(all, linodego.LinodeInterfaceCreateOptions{FirewallID: wall, VPC: &linodego.VPCInterfaceCreateOptions{SubnetID: *s.Subnet}})
	}
	return all
}

func (s Spec) metadata(key *pair) (*linodego.InstanceMetadataOptions, error) {
	if key == nil && s.UserData == "" {
		return nil, nil //nolint:nilnil // nothing to tell
	}
	text, err := encode(key, s.UserData)
	return &linodego.InstanceMetadataOptions{UserData: text}, err
}

// Finish waits until a new machine runs, trusts it at the first contact, lets it
// make a host key of its own, and takes the mark off that calls it unfinished.
// It returns the machine as it is then, and the host key to keep.
func (c *Client) Finish(ctx context.Context, made Made, hosts Hosts, target remote.Target) (linodego.Instance, string, error) {
	id := made.Instance.ID
	if err := c.await(ctx, made.mark, id, linodego.InstanceRunning,
		linodego.ActionLinodeCreate, linodego.ActionLinodeRebuild, linodego.ActionLinodeBoot); err != nil {
		return linodego.Instance{}, "", err
	}
	key, err := meet(ctx, made.spec.Trust, hosts, target)
	if err != nil {
		return linodego.Instance{}, "", err
	}
	instance, err := read(ctx, "tagging instance "+made.spec.Label, func(ctx context.Context) (*linodego.Instance, error) {
		return c.api.UpdateInstance(ctx, id, made.spec.description(made.Instance))
	})
	c.forget()
	if err != nil {
		return linodego.Instance{}, "", err
	}
	return *instance, key, nil
}

// description is what names and watches a machine; its tags are without our mark.
func (s Spec) description(instance linodego.Instance) linodego.InstanceUpdateOptions {
	tags := unmarked(s.Tags)
	options := linodego.InstanceUpdateOptions{Label: s.Label, Tags: &tags, WatchdogEnabled: s.Watchdog, Alerts: alerts(s, instance)}
	if s.MaintenancePolicy != "" {
		options.MaintenancePolicy = &s.MaintenancePolicy
	}
	return options
}

// firstContact is how long a machine that Linode calls running may take until
// its sshd answers.
const firstContact = 5 * time.Minute

// meet makes the first contact. The target's host key is the one to expect.
func meet(ctx context.Context, trust Trust, hosts Hosts, target remote.Target) (string, error) {
	err := hosts.Host(target).Await(ctx, firstContact)
	if trust == TrustFirstUse {
		var shown *remote.Error
		if errors.As(err, &shown) && errors.Is(err, remote.ErrHostKeyUnknown) {
			target.HostKey = shown.Shown
			err = hosts.Host(target).Await(ctx, firstContact)
		}
	}
	if err != nil {
		return "", fmt.Errorf("the first contact: %w", err)
	}
	if trust != TrustInjected {
		return target.HostKey, nil
	}
	return rotate(ctx, hosts, target)
}
