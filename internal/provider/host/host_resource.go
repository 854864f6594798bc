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
func (k *hostKind) Plan(_ context.Context, change *base.Change[hostModel]) {
	k.refuseSecond(change)
	change.Plan.Facts = unknownFacts()
	if change.Same && !change.State.Facts.IsNull() {
		changes := len(change.State.Drift.Elements()) > 0 || !change.Plan.SwapMiB.Equal(change.State.SwapMiB)
		change.Plan.Facts = keepFacts(change.State.Facts, changes)
	}
}

// refuseSecond refuses two that declare different things of one machine: each would take back
// what the other has made. Terraform does not say which resource it asks about, and asks
// twice about one that is to be replaced, so those that declare the same are taken for one.
func (k *hostKind) refuseSecond(change *base.Change[hostModel]) {
	if k.Data == nil || !change.Reachable {
		return
	}
	differ := func(a, b string) bool { return a != b }
	declared := change.Config.declared()
	if _, _, clash := k.Machines.Declare(change.Target.Machine(), declared, declared, differ); clash {
		change.Diagnostics.AddAttributeError(path.Root("ssh").AtName("host"), "Machine Is Declared Twice", fmt.Sprintf(
			"ssh.host%s is the machine of another atoll_host of this configuration, too, which declares something else of it. Each would take back what the other has made, packages' sources among it. "+
				"Write all of it into one of the two and take the other one out, with terraform state rm before that where it is in the state.", base.Shown(change.Target.Host)))
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
	if before == nil || !base.SameMachine(before.Connection, model.Connection) {
		if err := awaitBoot(ctx, host); err != nil {
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
// That takes minutes, so nothing but the declared time-out ends it.
func awaitBoot(ctx context.Context, machine remote.Host) error {
	end, _ := ctx.Deadline()
	patience := time.Until(end)
	err := machine.Await(ctx, patience)
	if errors.Is(err, remote.ErrUnreachable) || errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("%s did not answer within timeouts.create (%s): %w", machine.Target().Address(), patience.Round(time.Second), err)
	}
	return err
}

func (k *hostKind) Remove(ctx context.Context, host remote.Host, _ *hostModel) error {
	return converge.Remove(ctx, host, node.Owner)
}

// Find has nothing to add: settings stand in the configuration.
func (k *hostKind) Find(context.Context, remote.Host, string, *hostModel) error { return nil }
