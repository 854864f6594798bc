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

	"github.com/atollhq/terraform-provider-atoll/internal/provision"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/firewall"
)

// ErrProtects says that a cloud firewall still guards what is not declared here.
var ErrProtects = errors.New("it still protects others")

// Wall is what one cloud firewall is declared to be.
type Wall struct {
	Label string
	Tags  []string
	Rules []firewall.Rule
	// Linodes that it is attached to; attachments of others stay.
	Linodes []int
}

// SeenWall is what the account shows of one.
type SeenWall struct {
	ID      int
	Label   string
	Tags    []string
	Rules   []firewall.Rule
	Linodes []int
	Status  linodego.FirewallStatus
	// Inbound and Outbound are the policies for what no rule says.
	Inbound, Outbound string
	// OutboundRules counts them; none is ours.
	OutboundRules int
}

// Firewall finds one by its number. ErrNotFound is what the API itself says.
func (c *Client) Firewall(ctx context.Context, id int) (SeenWall, error) {
	all, err := c.Firewalls(ctx)
	if err != nil {
		return SeenWall{}, err
	}
	for _, wall := range all {
		if wall.ID == id {
			return seenWall(wall), nil
		}
	}
	wall, err := read(ctx, fmt.Sprintf("reading firewall %d", id), func(ctx context.Context) (*linodego.Firewall, error) { return c.api.GetFirewall(ctx, id) })
	if err != nil {
		return SeenWall{}, err
	}
	return seenWall(*wall), nil
}

// FirewallLabelled finds one by its label, which is unique in an account.
func (c *Client) FirewallLabelled(ctx context.Context, label string) (wall SeenWall, found bool, err error) {
	c.forget()
	all, err := c.Firewalls(ctx)
	for _, one := range all {
		if one.Label == label {
			return seenWall(one), true, err
		}
	}
	return SeenWall{}, false, err
}

func seenWall(wall linodego.Firewall) SeenWall {
	seen := SeenWall{
		ID: wall.ID, Label: wall.Label, Tags: wall.Tags, Status: wall.Status,
		Inbound: wall.Rules.InboundPolicy, Outbound: wall.Rules.OutboundPolicy, OutboundRules: len(wall.Rules.Outbound),
	}
	for _, rule := range wall.Rules.Inbound {
		seen.Rules = append(seen.Rules, fromLinode(rule))
	}
	for _, entity := range wall.Entities {
		switch {
		case entity.Type == linodego.FirewallDeviceLinode:
			seen.Linodes = append(seen.Linodes, entity.ID)
		case entity.Type == linodego.FirewallDeviceLinodeInterface && entity.ParentEntity != nil:
			seen.Linodes = append(seen.Linodes, entity.ParentEntity.ID)
		}
	}
	slices.Sort(seen.Linodes)
	seen.Linodes = slices.Compact(seen.Linodes)
	return seen
}

// CreateFirewall makes a firewall with its attachments. As with machines, a lost
// answer is resolved by label and tag, and one that an earlier order of the journal
// left half-made is taken over. The machines come behind it afterwards, one by one:
// what stands before them now stays until that moment.
func (c *Client) CreateFirewall(ctx context.Context, wall Wall, orders Orders) (int, error) {
	subject := "firewall " + wall.Label
	tag, earlier := orders.Begin(subject)
	c.ordered(subject, tag)
	options := linodego.FirewallCreateOptions{Label: wall.Label, Rules: toLinode(wall.Rules), Tags: append(unmarked(wall.Tags), tag)}
	ours := func(ctx context.Context) (*linodego.Firewall, bool, error) {
		seen, found, err := c.FirewallLabelled(ctx, wall.Label)
		return &linodego.Firewall{ID: seen.ID}, found && slices.Contains(seen.Tags, tag), err
	}
	made, err := carryOut(ctx, "creating firewall "+wall.Label, func(ctx context.Context) (*linodego.Firewall, error) {
		return c.api.CreateFirewall(ctx, options)
	}, ours)
	if err != nil && names(err, "label") {
		seen, found, lookErr := c.FirewallLabelled(ctx, wall.Label)
		switch {
		case lookErr != nil:
			return 0, lookErr
		case !found:
			return 0, err
		case !slices.Contains(seen.Tags, tag) && c.sibling(subject, seen.ID, seen.Tags):
			return 0, fmt.Errorf("%w: firewall %d is labelled %q, and another atoll_linode_firewall of this very run made it. An account's labels are unique: "+
				"leave that firewall as it is, give this one a label of its own, and apply again", ErrTaken, seen.ID, wall.Label)
		case finished(seen.Tags):
			return 0, takenFirewall(seen)
		case !slices.ContainsFunc(append(earlier, tag), func(tag string) bool { return slices.Contains(seen.Tags, tag) }):
			return 0, fmt.Errorf("%w: firewall %d is labelled %q, and another run ordered it that has not finished it. "+
				"If that run goes on, choose another label. If it was cut off, delete the firewall at Linode and apply again", ErrTaken, seen.ID, wall.Label)
		}
		return seen.ID, c.UpdateFirewall(ctx, seen.ID, wall, nil)
	}
	if err != nil {
		return 0, err
	}
	c.got(subject, made.ID)
	c.forget()
	for _, linode := range wall.Linodes {
		if err := c.attach(ctx, linode, made.ID); err != nil {
			return made.ID, err
		}
	}
	return made.ID, c.label(ctx, made.ID, wall)
}

// label sets what names a firewall, and takes our mark off.
func (c *Client) label(ctx context.Context, id int, wall Wall) error {
	tags := unmarked(wall.Tags)
	err := set(ctx, fmt.Sprintf("naming firewall %d", id), func(ctx context.Context) error {
		_, err := c.api.UpdateFirewall(ctx, id, linodego.FirewallUpdateOptions{Label: wall.Label, Status: linodego.FirewallEnabled, Tags: &tags})
		return err
	})
	c.forget()
	return err
}

// UpdateFirewall brings a firewall to what is declared, see DiagnoseFirewall.
func (c *Client) UpdateFirewall(ctx context.Context, id int, wall Wall, former []int) error {
	seen, err := c.Firewall(ctx, id)
	if err != nil {
		return err
	}
	operations, err := provision.Operations(DiagnoseFirewall(wall, seen, former))
	if err != nil {
		return err
	}
	do := &wallDoer{client: c, id: id, wall: wall}
	for _, operation := range operations {
		if err := do.Do(ctx, operation); err != nil {
			return err
		}
	}
	c.forget()
	return nil
}

// wallDoer does operations on a firewall.
type wallDoer struct {
	client *Client
	id     int
	wall   Wall
	// patience ends the wait for others that take machines over: all that leave
	// wait together.
	patience time.Time
}

// Do does one operation.
func (d *wallDoer) Do(ctx context.Context, operation provision.Operation) error {
	c := d.client
	switch o := operation.(type) {
	case WriteRules:
		return set(ctx, fmt.Sprintf("writing the rules of firewall %d", d.id), func(ctx context.Context) error {
			_, err := c.api.UpdateFirewallRules(ctx, d.id, toLinode(d.wall.Rules))
			return err
		})
	case Attach:
		return c.attach(ctx, o.Linode, d.id)
	case Detach:
		if d.patience.IsZero() {
			d.patience = time.Now().Add(c.poll)
		}
		return c.release(ctx, []int{o.Linode}, d.id, d.patience)
	case DescribeFirewall:
		return c.label(ctx, d.id, d.wall)
	}
	return fmt.Errorf("operation %q is not one of a firewall", operation)
}

// DeleteFirewall ends a firewall, unless it guards machines that are not ours.
func (c *Client) DeleteFirewall(ctx context.Context, id int, ours []int) error {
	c.forget()
	seen, err := c.Firewall(ctx, id)
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	if others := slices.DeleteFunc(slices.Clone(seen.Linodes), func(id int) bool { return slices.Contains(ours, id) }); len(others) > 0 {
		return fmt.Errorf("%w: instances %v are attached to it and not declared here. Detach them first", ErrProtects, others)
	}
	if err := c.release(ctx, slices.Clone(seen.Linodes), id, time.Now().Add(c.poll)); err != nil {
		return err
	}
	err = set(ctx, fmt.Sprintf("deleting firewall %d", id), func(ctx context.Context) error { return c.api.DeleteFirewall(ctx, id) })
	c.forget()
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	return err
}
