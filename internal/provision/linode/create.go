// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package linode

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/linode/linodego"

	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// ErrTaken says that the label belongs to another machine.
var ErrTaken = errors.New("the label is taken")

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
// second one: where the answer is lost, the label and a tag of this very order
// tell whether it was carried out. A machine of the same label that a killed run
// left unfinished is taken over, with a fresh disk.
func (c *Client) Create(ctx context.Context, spec Spec) (Made, error) {
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
	tag := marker + strings.ToLower(rand.Text()[:12])
	options, err := spec.creation(key, tag)
	if err != nil {
		return made, err
	}
	ours := func(ctx context.Context) (*linodego.Instance, bool, error) {
		found, err := c.InstanceLabelled(ctx, spec.Label)
		return found, err == nil && found != nil && slices.Contains(found.Tags, tag), err
	}
	instance, err := change(ctx, "creating instance "+spec.Label, func(ctx context.Context) (*linodego.Instance, error) {
		return c.api.CreateInstance(ctx, options)
	}, ours)
	if err != nil && names(err, "label") {
		// Ours after all, if an order whose answer was lost was carried out late.
		var found bool
		instance, found, err = c.resolve(ctx, spec, ours, err)
		if err == nil && !found {
			made.Instance = *instance
			return c.takeOver(ctx, made, key, tag)
		}
	}
	c.forget()
	if err != nil {
		return made, err
	}
	made.Instance = *instance
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
// order; otherwise it is one that is ours to take over, or err tells whose.
func (c *Client) resolve(ctx context.Context, spec Spec, ours func(context.Context) (*linodego.Instance, bool, error), refused error) (instance *linodego.Instance, found bool, err error) {
	instance, found, err = ours(ctx)
	switch {
	case err != nil || found:
		return instance, found, err
	case instance == nil:
		return nil, false, refused
	case !unfinished(*instance):
		return nil, false, fmt.Errorf("%w: instance %d is labelled %q. Choose another label, or import it with the id %q", ErrTaken, instance.ID, spec.Label, spec.Label)
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

// awaitIdle waits until nothing goes on with an instance.
func (c *Client) awaitIdle(ctx context.Context, id int) error {
	for {
		instance, err := read(ctx, fmt.Sprintf("reading instance %d", id), func(ctx context.Context) (*linodego.Instance, error) { return c.api.GetInstance(ctx, id) })
		if err != nil || instance.Status == linodego.InstanceRunning || instance.Status == linodego.InstanceOffline {
			return err
		}
		if err := remote.Pause(ctx, c.poll); err != nil {
			return fmt.Errorf("waiting until instance %d is idle: %w: it is %s", id, err, instance.Status)
		}
	}
}

// creation is the order in linodego's words.
func (s Spec) creation(key *pair, tag string) (linodego.InstanceCreateOptions, error) {
	options := linodego.InstanceCreateOptions{
		Region: s.Region, Type: s.Type, Label: s.Label, Image: s.Image, AuthorizedKeys: s.AuthorizedKeys, PrivateIP: s.PrivateIP,
		Tags: append(unmarked(s.Tags), tag), FirewallID: valueOf(s.Firewall), SwapSize: s.SwapMiB,
		DiskEncryption: linodego.InstanceDiskEncryption(s.DiskEncryption), BackupsEnabled: s.Backups != nil && *s.Backups,
	}
	if s.PlacementGroup != nil {
		options.PlacementGroup = &linodego.InstanceCreatePlacementGroupOptions{ID: *s.PlacementGroup}
	}
	if s.Subnet != nil {
		// The kind of interfaces that linodego v1's types are sure of.
		options.InterfaceGeneration = linodego.GenerationLegacyConfig
		options.Interfaces = []linodego.InstanceConfigInterfaceCreateOptions{
			{Purpose: linodego.InterfacePurposePublic, Primary: true}, {Purpose: linodego.InterfacePurposeVPC, SubnetID: s.Subnet},
		}
	}
	metadata, err := s.metadata(key)
	options.Metadata = metadata
	return options, err
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
func (c *Client) Finish(ctx context.Context, made Made, hosts Hosts, target remote.Target) (Observed, string, error) {
	id := made.Instance.ID
	if err := c.await(ctx, made.mark, id, linodego.InstanceRunning,
		linodego.ActionLinodeCreate, linodego.ActionLinodeRebuild, linodego.ActionLinodeBoot); err != nil {
		return Observed{}, "", err
	}
	key, err := meet(ctx, made.spec.Trust, hosts, target)
	if err != nil {
		return Observed{}, "", err
	}
	tags := unmarked(made.spec.Tags)
	options := linodego.InstanceUpdateOptions{Tags: &tags, WatchdogEnabled: made.spec.Watchdog}
	instance, err := read(ctx, "tagging instance "+made.spec.Label, func(ctx context.Context) (*linodego.Instance, error) {
		return c.api.UpdateInstance(ctx, id, options)
	})
	c.forget()
	if err != nil {
		return Observed{}, "", err
	}
	seen := Observed{Instance: *instance}
	if made.spec.Firewall != nil {
		seen.Firewalls = []int{*made.spec.Firewall}
	}
	return seen, key, nil
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
