// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package linode

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/terraform-plugin-log/tflog"
	"github.com/linode/linodego"

	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// ErrEvent is an action that Linode began and that failed there.
var ErrEvent = errors.New("failed at Linode")

// watch is the one list of events that all who wait share.
type watch struct {
	mu sync.Mutex
	// newest is the highest id that was seen before anything of this process
	// was begun, or a later one; known says that it was asked for.
	newest int
	known  bool
	asked  time.Time
	// events by id, those after newest at the first question.
	events map[int]linodego.Event
}

// mark is the id of the newest event: what is begun afterwards has a higher
// one. One question serves a whole process while only new instances are made,
// since no earlier event can be about them; latest asks anew.
func (c *Client) mark(ctx context.Context, latest bool) (int, error) {
	c.watch.mu.Lock()
	defer c.watch.mu.Unlock()
	if c.watch.known && !latest {
		return c.watch.newest, nil
	}
	events, err := read(ctx, "reading the newest event", func(ctx context.Context) ([]linodego.Event, error) {
		return c.api.ListEvents(ctx, &linodego.ListOptions{PageOptions: &linodego.PageOptions{Page: 1}, PageSize: 25})
	})
	if err != nil {
		return 0, err
	}
	newest := 0
	for _, event := range events {
		newest = max(newest, event.ID)
	}
	if !c.watch.known {
		c.watch.newest, c.watch.known, c.watch.events = newest, true, map[int]linodego.Event{}
	}
	return newest, nil
}

// since gives the events of an instance after a mark, the oldest first; the
// list behind it is asked for at most once a poll.
func (c *Client) since(ctx context.Context, mark, id int) ([]linodego.Event, error) {
	c.watch.mu.Lock()
	defer c.watch.mu.Unlock()
	if time.Since(c.watch.asked) >= c.poll*9/10 {
		if err := c.follow(ctx); err != nil {
			return nil, err
		}
	}
	var mine []linodego.Event
	for _, event := range c.watch.events {
		if event.ID > mark && event.Entity != nil && event.Entity.Type == linodego.EntityLinode && entityID(event) == id {
			mine = append(mine, event)
		}
	}
	slices.SortFunc(mine, func(a, b linodego.Event) int { return a.ID - b.ID })
	return mine, nil
}

// follow reads what happened since the first mark. Held by c.watch.mu.
func (c *Client) follow(ctx context.Context) error {
	filter := fmt.Sprintf(`{"id":{"+gt":%d},"entity.type":"linode","+order_by":"id","+order":"desc"}`, c.watch.newest)
	events, err := read(ctx, "reading events", func(ctx context.Context) ([]linodego.Event, error) {
		return c.api.ListEvents(ctx, &linodego.ListOptions{PageOptions: &linodego.PageOptions{Page: 1}, PageSize: pageSize, Filter: filter})
	})
	if err != nil {
		return err
	}
	c.watch.asked = time.Now()
	for _, event := range events {
		c.watch.events[event.ID] = event
	}
	return nil
}

// entityID: linodego decodes it into a float64 or an int.
func entityID(event linodego.Event) int {
	switch id := event.Entity.ID.(type) {
	case int:
		return id
	case float64:
		return int(id)
	}
	return 0
}

// looksAtStatus: an event may be missing (a boot after a resize has none), so
// every so many polls the instance's own status counts.
const looksAtStatus = 4

// await waits until the last of the actions has ended on an instance, each told
// by an event after the mark. An event that failed ends it with ErrEvent. Where
// no event comes, the status that the actions lead to is taken for the end.
func (c *Client) await(ctx context.Context, mark, id int, status linodego.InstanceStatus, actions ...linodego.EventAction) error {
	told := map[int]string{}
	for polls := 1; ; polls++ {
		events, err := c.since(ctx, mark, id)
		if err != nil {
			return err
		}
		over, err := ended(ctx, events, actions, told)
		if err != nil || over {
			c.forget()
			return err
		}
		if polls%looksAtStatus == 0 && len(pending(events)) == 0 {
			instance, err := c.Instance(ctx, id)
			if err != nil || instance.Status == status {
				return err
			}
		}
		if err := remote.Pause(ctx, c.poll); err != nil {
			return fmt.Errorf("waiting for instance %d: %w: %s", id, err, progress(events, actions))
		}
	}
}

// ended says whether the last action has ended.
func ended(ctx context.Context, events []linodego.Event, actions []linodego.EventAction, told map[int]string) (bool, error) {
	for _, event := range events {
		if !slices.Contains(actions, event.Action) {
			continue
		}
		if line := fmt.Sprintf("%s %s %d %%", event.Action, event.Status, event.PercentComplete); told[event.ID] != line {
			told[event.ID] = line
			tflog.Info(ctx, "Linode: "+line, map[string]any{"linode_id": entityID(event), "event": event.ID})
		}
		switch event.Status {
		case linodego.EventFailed:
			return false, fmt.Errorf("%w: event %d, %s: %s", ErrEvent, event.ID, event.Action, orNothing(event.Message))
		case linodego.EventFinished, linodego.EventNotification:
			if event.Action == actions[len(actions)-1] {
				return true, nil
			}
		}
	}
	return false, nil
}

func pending(events []linodego.Event) []linodego.Event {
	return slices.DeleteFunc(slices.Clone(events), func(e linodego.Event) bool {
		return e.Status != linodego.EventScheduled && e.Status != linodego.EventStarted
	})
}

// progress tells how far it came, for the error of a deadline.
func progress(events []linodego.Event, actions []linodego.EventAction) string {
	var parts []string
	for _, event := range events {
		if slices.Contains(actions, event.Action) {
			parts = append(parts, fmt.Sprintf("%s is %s at %d %%", event.Action, event.Status, event.PercentComplete))
		}
	}
	if len(parts) == 0 {
		return "no event told of it"
	}
	return strings.Join(parts, ", ")
}

func orNothing(text string) string {
	if text == "" {
		return "Linode gives no reason"
	}
	return text
}
