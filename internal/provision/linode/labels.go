// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package linode

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/linode/linodego"
)

// ErrTaken says that the label belongs to another machine or firewall.
var ErrTaken = errors.New("the label is taken")

// orderedHere is what this process ordered under one label: the tags of the orders, and
// the number of what came of them.
type orderedHere struct {
	tags []string
	got  int
}

// ordered notes the tag of an order for a subject, such as "linode sg1", and got what
// came of it: one that is made by another resource of the same run is nobody's
// left-over.
func (c *Client) ordered(subject, tag string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	known := c.making[subject]
	known.tags = append(known.tags, tag)
	c.making[subject] = known
}

func (c *Client) got(subject string, id int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	known := c.making[subject]
	known.got = id
	c.making[subject] = known
}

// sibling says whether another order of this process made what has the label.
func (c *Client) sibling(subject string, id int, tags []string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	known := c.making[subject]
	return known.got == id || slices.ContainsFunc(known.tags, func(tag string) bool { return slices.Contains(tags, tag) })
}

// taken is the refusal of a label that a machine has which is nobody's order.
func taken(instance linodego.Instance) error {
	return fmt.Errorf("%w: instance %d is labelled %q. Choose another label, or import it with the id %q. "+
		"If it is the machine that this one is to replace, create_before_destroy, of it or of what depends on it, has the new one made first, and an account's labels are unique: "+
		"leave that out, or change the label with it", ErrTaken, instance.ID, instance.Label, instance.Label)
}

func takenFirewall(seen SeenWall) error {
	return fmt.Errorf("%w: firewall %d is labelled %q. Choose another label, or import it with the id %d", ErrTaken, seen.ID, seen.Label, seen.ID)
}

// Taken says, before anything is ordered, that a machine of the account has a label;
// ours says which ones Terraform knows, and may be about to replace.
func (c *Client) Taken(ctx context.Context, label string, ours func(id int) bool) error {
	all, err := c.Instances(ctx)
	if err != nil {
		return err
	}
	for _, instance := range all {
		if instance.Label == label && !Unfinished(instance) && !ours(instance.ID) {
			return taken(instance)
		}
	}
	return nil
}

// FirewallTaken is Taken for firewalls.
func (c *Client) FirewallTaken(ctx context.Context, label string, ours func(id int) bool) error {
	all, err := c.Firewalls(ctx)
	if err != nil {
		return err
	}
	for _, wall := range all {
		if wall.Label == label && finished(wall.Tags) && !ours(wall.ID) {
			return takenFirewall(seenWall(wall))
		}
	}
	return nil
}

// MissingLinodes are those of these numbers that the account does not have.
func (c *Client) MissingLinodes(ctx context.Context, ids []int) (missing []int, err error) {
	for _, id := range ids {
		_, err := c.Instance(ctx, id)
		if errors.Is(err, ErrNotFound) {
			missing = append(missing, id)
			continue
		}
		if err != nil {
			return nil, err
		}
	}
	return missing, nil
}
