// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package linode

import (
	"context"
	"errors"
	"fmt"

	"github.com/linode/linodego"
)

// Boot boots a machine that is off and waits until it runs.
func (c *Client) Boot(ctx context.Context, id int) error {
	defer c.forget()
	return c.boot(ctx, id)
}

func (c *Client) boot(ctx context.Context, id int) error {
	err := c.action(ctx, id, linodego.ActionLinodeBoot, linodego.InstanceRunning, func(ctx context.Context) error { return c.api.BootInstance(ctx, id, 0) })
	return c.unlessDone(ctx, id, err, func(instance linodego.Instance) bool { return instance.Status == linodego.InstanceRunning })
}

// whileOff stops the machine, does something, and boots the machine whatever it
// did before: it is wanted running. One that a killed run left off is booted by the
// next plan. Where the pause was long, another run may have done it meanwhile: then the
// machine is not stopped once more.
func (c *Client) whileOff(ctx context.Context, id int, pause Pause, done func(linodego.Instance) bool, do func(context.Context) error) error {
	instance, err := c.Instance(ctx, id)
	if err != nil {
		return err
	}
	resume := func(context.Context) error { return nil }
	if instance.Status != linodego.InstanceOffline {
		if resume, err = pause(ctx); err != nil {
			return err
		}
		c.forget()
		instance, err = c.Instance(ctx, id)
		if err != nil || instance.Status == linodego.InstanceRunning && done(instance) {
			return errors.Join(err, resume(ctx))
		}
		err = c.action(ctx, id, linodego.ActionLinodeShutdown, linodego.InstanceOffline, func(ctx context.Context) error { return c.api.ShutdownInstance(ctx, id) })
		if err := c.unlessDone(ctx, id, err, func(instance linodego.Instance) bool { return instance.Status == linodego.InstanceOffline }); err != nil {
			return errors.Join(err, resume(ctx))
		}
	}
	err = do(ctx)
	// Also after something that failed.
	return errors.Join(err, c.boot(ctx, id), resume(ctx))
}

func (c *Client) resize(ctx context.Context, id int, kind string, pause Pause) error {
	automatic := true
	has := func(instance linodego.Instance) bool { return instance.Type == kind }
	return c.whileOff(ctx, id, pause, has, func(ctx context.Context) error {
		err := c.action(ctx, id, linodego.ActionLinodeResize, linodego.InstanceOffline, func(ctx context.Context) error {
			return c.api.ResizeInstance(ctx, id, linodego.InstanceResizeOptions{Type: kind, MigrationType: linodego.ColdMigration, AllowAutoDiskResize: &automatic})
		})
		return c.unlessDone(ctx, id, err, has)
	})
}

// addPrivateIP adds the address and boots the machine anew: before that it does
// not know of it. An address whose answer was lost is refused the second time.
func (c *Client) addPrivateIP(ctx context.Context, id int, pause Pause) error {
	has := func(instance linodego.Instance) bool {
		_, private := Addresses(instance, "")
		return private != ""
	}
	return c.whileOff(ctx, id, pause, has, func(ctx context.Context) error {
		err := set(ctx, fmt.Sprintf("adding a private address to instance %d", id), func(ctx context.Context) error {
			_, err := c.api.AddInstanceIPAddress(ctx, id, false)
			return err
		})
		return c.unlessDone(ctx, id, err, has)
	})
}

// unlessDone looks, where an order was refused, whether the account shows what it was to
// bring about: the order before it may have, of which the answer was lost, or another run.
func (c *Client) unlessDone(ctx context.Context, id int, err error, done func(linodego.Instance) bool) error {
	if !errors.Is(err, ErrRefused) {
		return err
	}
	c.forget()
	if instance, lookErr := c.Instance(ctx, id); lookErr == nil && done(instance) {
		return nil
	}
	return err
}
