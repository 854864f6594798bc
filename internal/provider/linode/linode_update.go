// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package linode

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
	"github.com/atollhq/terraform-provider-atoll/internal/provider/base"
	"github.com/atollhq/terraform-provider-atoll/internal/provision"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/linode"
)

// update does what is left, and the way over SSH for the keys.
func (w *work) update(ctx context.Context, before *linodeModel) error {
	w.spec.SubnetIPv4 = before.SubnetIPv4.ValueString()
	w.model.ID, w.model.IPv4 = before.ID, before.IPv4
	known, rebuilt := recall(ctx, w.run), w.model.plannedRebuild(before)
	booted, err := w.carry(ctx, known, before, rebuilt)
	switch {
	case err != nil:
	case rebuilt:
		err = w.rebuild(ctx, known, before, booted)
	default:
		err = w.keep(ctx, before, booted)
	}
	if err == nil {
		base.WritePrivate(ctx, w.run, declaredKey, w.config.declared())
	}
	return err
}

// carry does what is left at the API, and says whether the machine was booted.
func (w *work) carry(ctx context.Context, known memory, before *linodeModel, rebuilt bool) (booted bool, err error) {
	seen, err := w.observeNow(ctx, w.client, w.model)
	away := err == nil && seen.Instance.Status != linode.Running
	if away {
		seen, err = w.observeIdle(ctx)
	}
	if err != nil {
		return false, err
	}
	operations, err := provision.Operations(linode.Diagnose(w.spec, seen))
	if err != nil {
		return false, err
	}
	if rebuilt && (known.empty() || w.Lost[before.IPv4.ValueString()]) {
		// The rebuild boots by itself, and nobody on the machine is to be asked.
		operations = slices.DeleteFunc(operations, func(operation provision.Operation) bool { return operation == provision.Operation(linode.Boot{}) })
	}
	do := w.client.Doer(seen.Instance, w.spec, w.pause(before, before.HostKey.ValueString()))
	booted = away
	for _, operation := range operations {
		if err := do.Do(ctx, operation); err != nil {
			return booted, err
		}
		booted = booted || linode.Boots(operation, seen.Instance)
	}
	return booted, nil
}

// keep writes who may log in to a machine that keeps its disk, and reads it back.
func (w *work) keep(ctx context.Context, before *linodeModel, booted bool) error {
	if booted {
		if err := w.Hosts.Host(before.target(before.HostKey.ValueString())).Await(ctx, bootPatience); err != nil {
			return err
		}
	}
	if err := refuseKeys(before, w.model); err != nil {
		return err
	}
	hostKey := w.model.HostKey.ValueString()
	if hostKey != "" {
		target := w.model.target(hostKey)
		err := linode.WriteKeys(ctx, w.Hosts.Host(target), w.spec.AuthorizedKeys)
		_, notAsked := converge.NotAsked(err)
		if err != nil && (!notAsked || !w.model.AuthorizedKeys.Equal(before.AuthorizedKeys)) {
			return err
		}
		if err != nil {
			// Nothing was to be written. What keeps us out may be a firewall that
			// waits for this resource, so the run goes on; the next plan looks again.
			w.unheard(w.run, w.model, target, err)
		}
	}
	seen, err := w.observeIdle(ctx)
	if err != nil {
		return err
	}
	return w.readBackFrom(ctx, seen, hostKey, keptDisk)
}

// bootPatience is how long a machine that was booted may take until its sshd
// answers.
const bootPatience = 5 * time.Minute

// rebuild gives the machine a fresh disk, if the site can spare what is on it.
func (w *work) rebuild(ctx context.Context, known memory, before *linodeModel, booted bool) error {
	resume, err := w.spare(ctx, w.client, before, known, booted)
	if err != nil {
		return err
	}
	instance, err := w.client.Instance(ctx, numbered(before.ID))
	if err != nil {
		return errors.Join(err, resume(ctx))
	}
	made, err := w.client.Rebuild(ctx, instance, w.spec)
	// From here on nothing of the machine is in the group's way.
	if err := errors.Join(err, resume(ctx)); err != nil {
		return err
	}
	return w.finish(ctx, made, rebuiltMachine)
}
