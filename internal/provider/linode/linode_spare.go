// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package linode

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/atollhq/terraform-provider-atoll/internal/provision"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/linode"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/mysqld"
)

// ErrUnasked says that nobody could say whether the site can spare a machine.
var ErrUnasked = errors.New("what is on the machine cannot be asked whether the site can spare it")

// empty says that the machine was looked at and had nothing on it.
func (k memory) empty() bool { return k.Carries != nil && len(k.Carries) == 0 }

// pause asks whether the machine may go down for a while. It may have been booted a
// moment ago, by whoever changed it.
func (k *linodeKind) pause(model *linodeModel, hostKey string) linode.Pause {
	return func(ctx context.Context) (func(context.Context) error, error) {
		host := k.Hosts.Host(model.target(hostKey))
		_ = host.Await(ctx, bootPatience) // the error is the one that the guard meets
		return k.Guard.Spare(ctx, host, provision.Pause)
	}
}

// spare asks whether the site can do without what the machine carries. One that
// was never reached, or is declared lost, carries nothing that anybody has now.
// Off is not gone: such a machine is booted, so that it can be asked, unless it is
// known to have nothing on it. One that was booted, be it here or a moment ago,
// first finds its group again.
func (k *linodeKind) spare(ctx context.Context, client *linode.Client, state *linodeModel, known memory, booted bool) (provision.Resume, error) {
	nothing := func(context.Context) error { return nil }
	if state.HostKey.IsNull() || k.Lost[state.IPv4.ValueString()] {
		return nothing, nil
	}
	instance, err := client.Instance(ctx, numbered(state.ID))
	if err == nil && linode.Unfinished(instance) {
		return nothing, nil
	}
	if err == nil {
		instance, err = client.AwaitIdle(ctx, instance)
	}
	if err != nil {
		return nil, err
	}
	host := k.Hosts.Host(state.target(state.HostKey.ValueString()))
	if instance.Status == linode.Offline {
		if known.empty() {
			return nothing, nil
		}
		if err := client.Boot(ctx, numbered(state.ID)); err != nil {
			return nil, k.unasked(state, known, err)
		}
		booted = true
	}
	if booted {
		if err := host.Await(ctx, bootPatience); err != nil {
			return nil, k.unasked(state, known, err)
		}
		if err := mysqld.AwaitOthers(ctx, host, k.Lost); err != nil {
			return nil, k.unasked(state, known, err)
		}
	}
	return k.Guard.Spare(ctx, host, provision.Discard)
}

// unasked is the refusal of a machine that was off and that nobody can ask for.
func (k *linodeKind) unasked(state *linodeModel, known memory, err error) error {
	carries := strings.Join(known.Carries, ", ")
	if carries == "" {
		carries = "nobody knows what"
	}
	return fmt.Errorf("%w: instance %s was off, and off is not gone. On it is: %s. %w. "+
		"Mend it and apply again; or, if the machine is gone for good, add %q to lost in the provider block", ErrUnasked, state.ID.ValueString(), carries, err, state.IPv4.ValueString())
}
