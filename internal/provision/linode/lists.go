// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package linode

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/linode/linodego"
)

// fresh is how long a list that one resource asked for answers the others: a
// refresh asks for all of them at once.
const fresh = 5 * time.Second

// pageSize is the API's largest.
const pageSize = 500

// shared is a list with the time it was asked for.
type shared[T any] struct {
	rows  []T
	asked time.Time
}

// Instances lists all instances of the account, at most a few seconds old.
func (c *Client) Instances(ctx context.Context) ([]linodego.Instance, error) {
	return c.instancesAfter(ctx, time.Now().Add(-min(fresh, c.poll)))
}

// instancesAfter gives a list that was asked for after a moment. Whoever wants
// one now shares it.
func (c *Client) instancesAfter(ctx context.Context, moment time.Time) ([]linodego.Instance, error) {
	return recent(ctx, c, "instances", &c.instances, moment, func(ctx context.Context) ([]linodego.Instance, error) {
		return c.api.ListInstances(ctx, &linodego.ListOptions{PageSize: pageSize})
	})
}

// Firewalls lists all cloud firewalls of the account with what they are
// attached to, at most a few seconds old.
func (c *Client) Firewalls(ctx context.Context) ([]linodego.Firewall, error) {
	return recent(ctx, c, "firewalls", &c.firewalls, time.Now().Add(-min(fresh, c.poll)), func(ctx context.Context) ([]linodego.Firewall, error) {
		return c.api.ListFirewalls(ctx, &linodego.ListOptions{PageSize: pageSize})
	})
}

// recent gives a list that was asked for after a moment, or asks for it once for
// all who want it now.
func recent[T any](ctx context.Context, c *Client, name string, kept *shared[T], moment time.Time, ask func(context.Context) ([]T, error)) ([]T, error) {
	c.mu.Lock()
	rows, asked, changed := kept.rows, kept.asked, c.changed
	c.mu.Unlock()
	// What was asked for before a change is of no use after it, also where it came then.
	if asked.After(moment) && asked.After(changed) {
		return rows, nil
	}
	_, err, _ := c.once.Do(name, func() (any, error) {
		begun := time.Now()
		rows, err := read(ctx, "listing "+name, ask)
		if err != nil {
			return nil, err
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		kept.rows, kept.asked = rows, begun
		return nil, nil //nolint:nilnil // the list is kept, for us and for others
	})
	if err != nil && (!errors.Is(err, context.Canceled) || ctx.Err() != nil) {
		return nil, err
	}
	// The one that was under way may be too old for us, or another's that was
	// cancelled.
	return recent(ctx, c, name, kept, moment, ask)
}

// forget makes the next question a new one, after something was changed.
func (c *Client) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.changed = time.Now()
}

// Instance finds one. ErrNotFound is what the API itself says of that id: an
// instance that a list lacks is asked for by name.
func (c *Client) Instance(ctx context.Context, id int) (linodego.Instance, error) {
	all, err := c.Instances(ctx)
	if err != nil {
		return linodego.Instance{}, err
	}
	for _, instance := range all {
		if instance.ID == id {
			return instance, nil
		}
	}
	instance, err := read(ctx, fmt.Sprintf("reading instance %d", id), func(ctx context.Context) (*linodego.Instance, error) {
		return c.api.GetInstance(ctx, id)
	})
	if err != nil {
		return linodego.Instance{}, err
	}
	return *instance, nil
}

// InstanceLabelled finds an instance by its label, which is unique in an
// account; nil when there is none.
func (c *Client) InstanceLabelled(ctx context.Context, label string) (*linodego.Instance, error) {
	filter := linodego.Filter{}
	filter.AddField(linodego.Eq, "label", label)
	text, err := filter.MarshalJSON()
	if err != nil {
		return nil, err
	}
	found, err := read(ctx, "looking for instance "+label, func(ctx context.Context) ([]linodego.Instance, error) {
		return c.api.ListInstances(ctx, &linodego.ListOptions{Filter: string(text)})
	})
	if err != nil || len(found) == 0 {
		return nil, err
	}
	return &found[0], nil
}

// ReverseDNS is the name behind an address of the account.
func (c *Client) ReverseDNS(ctx context.Context, address string) (string, error) {
	all, err := recent(ctx, c, "addresses", &c.addresses, time.Now().Add(-min(fresh, c.poll)), func(ctx context.Context) ([]linodego.InstanceIP, error) {
		return c.api.ListIPAddresses(ctx, &linodego.ListOptions{PageSize: pageSize})
	})
	for _, one := range all {
		if one.Address == address {
			return one.RDNS, err
		}
	}
	return "", err
}
