// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

// Package host holds the resources that declare a machine.
package host

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
	"github.com/atollhq/terraform-provider-atoll/internal/provider/base"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/node"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// NewHostResource makes an atoll_host.
func NewHostResource() resource.Resource { return base.NewNode(&hostKind{}) }

type hostKind struct{ base.Configured }

// Traits allow for a machine that is just booting, which may need minutes to
// answer, and for packages that come down a slow line.
func (k *hostKind) Traits() base.Traits {
	return base.Traits{
		Type: "host", ID: "Address of the machine, the same as ssh.host.", Drift: "package chrony: not installed",
		Budgets: base.Budgets{Create: 15 * time.Minute, Read: 2 * time.Minute, Update: 15 * time.Minute, Delete: 5 * time.Minute},
	}
}

// Plan keeps the facts known that an apply does not change.
func (k *hostKind) Plan(ctx context.Context, change *base.Change[hostModel]) {
	k.refuseSecond(ctx, change)
	change.Plan.Facts = unknownFacts()
	if change.Same && !change.State.Facts.IsNull() {
		changes := len(change.State.Drift.Elements()) > 0 || !change.Plan.SwapMiB.Equal(change.State.SwapMiB)
		change.Plan.Facts = keepFacts(change.State.Facts, changes)
	}
}

// refuseSecond refuses two that declare different things of one machine: each would take back
// what the other has made. Terraform does not say which resource it asks about, and asks twice
// about one that is to be replaced, so that of those that declare the same it is only said.
func (k *hostKind) refuseSecond(ctx context.Context, change *base.Change[hostModel]) {
	if k.Data == nil || !change.Reachable {
		return
	}
	at, shown := path.Root("ssh").AtName("host"), base.Shown(change.Target.Host)
	differ := func(a, b string) bool { return a != b }
	declared, machine := change.Config.declared(), change.Target.Machine()
	if _, _, clash := k.Machines.Declare(machine, declared, declared, differ); clash {
		change.Diagnostics.AddAttributeError(at, "Machine Is Declared Twice", fmt.Sprintf(
			"ssh.host%s is the machine of another atoll_host of this configuration, too, which declares something else of it. Each would take back what the other has made, packages' sources among it. "+
				"Write all of it into one of the two and take the other one out, with terraform state rm before that where it is in the state.", shown))
		return
	}
	if change.Former(ctx) {
		return
	}
	always := func(string, string) bool { return true }
	if _, _, clash := k.Twins.Declare(machine, declared, k.Account.New(), always); clash {
		change.Diagnostics.AddAttributeWarning(at, "Machine Is Declared Twice", fmt.Sprintf(
			"ssh.host%s is the machine of another atoll_host of this configuration, too, which declares the same of it. Whichever of the two is destroyed takes back what both have made. "+
				"Take one of them out, with terraform state rm before that where it is in the state.", shown))
	}
}

// Observe never finds a machine absent: it answered.
func (k *hostKind) Observe(ctx context.Context, host remote.Host, model *hostModel) (base.Observed, error) {
	observation, observed, err := base.Observe(ctx, host, model.manifest())
	observed.Absent = false
	if err == nil {
		err = model.read(observation)
	}
	return observed, err
}

func (k *hostKind) Converge(ctx context.Context, host remote.Host, before, model *hostModel) error {
	// What was not known when the plan was made has not been checked.
	if err := checkSources(model.AptSources); err != nil {
		return err
	}
	limit := ""
	switch {
	case before == nil:
		limit = "timeouts.create"
	case !base.SameMachine(before.Connection, model.Connection):
		limit = "timeouts.update" // another machine has taken the place of the former one
	}
	if limit != "" {
		if err := awaitBoot(ctx, host, limit); err != nil {
			return err
		}
	}
	observation, err := converge.Converge(ctx, host, model.manifest())
	if err != nil {
		return err
	}
	planned := model.Facts
	if err := model.read(observation); err != nil {
		return err
	}
	model.Facts = holdFacts(planned, model.Facts)
	return nil
}

// awaitBoot waits until a machine that may be booting for the first time answers.
// That takes minutes, so nothing but the declared time-out, limit, ends it.
func awaitBoot(ctx context.Context, machine remote.Host, limit string) error {
	end, _ := ctx.Deadline()
	patience := time.Until(end)
	err := machine.Await(ctx, patience)
	if errors.Is(err, remote.ErrUnreachable) || errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("%s did not answer within %s (%s): %w", machine.Target().Address(), limit, patience.Round(time.Second), err)
	}
	return err
}

func (k *hostKind) Remove(ctx context.Context, host remote.Host, _ *hostModel) error {
	return converge.Remove(ctx, host, node.Owner)
}

// Find has nothing to add: settings stand in the configuration.
func (k *hostKind) Find(context.Context, remote.Host, string, *hostModel) error { return nil }
