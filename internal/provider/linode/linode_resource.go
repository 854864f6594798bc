// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

// Package linode holds the resources that declare machines at Linode and what
// guards them there.
package linode

import (
	"context"
	"errors"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/identityschema"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
	"github.com/atollhq/terraform-provider-atoll/internal/provider/base"
	"github.com/atollhq/terraform-provider-atoll/internal/provision"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/linode"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// NewLinodeResource makes an atoll_linode.
func NewLinodeResource() resource.Resource { return base.New(&linodeKind{}) }

type linodeKind struct{ account }

// Ensure that plans which destroy are seen.
var _ base.Discarder[linodeModel] = &linodeKind{}

// Traits allow for a resize, which copies the disk: that has taken more than
// twenty minutes.
func (k *linodeKind) Traits() base.Traits {
	return base.Traits{
		Type: "linode", ID: "Linode's number of the machine.", Drift: "power: offline, want running",
		Budgets: base.Budgets{Create: 20 * time.Minute, Read: 5 * time.Minute, Update: time.Hour, Delete: 10 * time.Minute},
	}
}

func (k *linodeKind) Identity() map[string]identityschema.Attribute {
	return numberIdentity("Linode's number of the machine.")
}

func (k *linodeKind) Identify(model *linodeModel) map[string]any {
	return map[string]any{"id": model.ID}
}

// Observe takes what the account shows, and what the machine says of itself. One
// that does not answer is drift, not an error: the account says that it is there.
func (k *linodeKind) Observe(ctx context.Context, run *base.Run, model *linodeModel) base.Observed {
	k.meet("linode", model.ID)
	imported := model.Label.IsNull()
	client := k.asked(run, model.Subject(), imported)
	if client == nil {
		return base.Observed{}
	}
	seen, err := k.observeNow(ctx, client, model)
	if err == nil && imported {
		err = k.readParts(ctx, client, seen.Instance, model)
	}
	if errors.Is(err, linode.ErrNotFound) {
		return base.Observed{Absent: true}
	}
	if err != nil {
		return k.unheardOf(run, model.Subject(), imported, err)
	}
	drift := provision.Drift(linode.Diagnose(model.spec(model), seen))
	model.read(seen)
	model.connect(model.HostKey.ValueString())
	if seen.Instance.Status == linode.Running {
		drift = append(drift, k.observeInside(ctx, run, model)...)
	}
	return base.Observed{Drift: drift}
}

// readParts reads for an import what an instance's own answer does not tell.
func (k *linodeKind) readParts(ctx context.Context, client *linode.Client, instance linode.Instance, model *linodeModel) error {
	swap, err := client.SwapMiB(ctx, instance.ID)
	if err != nil {
		return err
	}
	subnet, address, err := client.Subnet(ctx, instance)
	if err != nil {
		return err
	}
	model.SwapMiB = types.Int64Value(int64(swap))
	if subnet != 0 {
		model.Subnet, model.SubnetIPv4 = types.Int64Value(int64(subnet)), base.OptionalText(address)
	}
	return nil
}

// observeInside reads over SSH who may log in, and what the machine has on it, side by
// side.
func (k *linodeKind) observeInside(ctx context.Context, run *base.Run, model *linodeModel) []converge.Line {
	if model.HostKey.IsNull() {
		// Nobody has logged in: whatever was noted of its keys is not from there.
		model.AuthorizedKeys = types.SetNull(types.StringType)
		return nil
	}
	host := k.Hosts.Host(model.target(model.HostKey.ValueString()))
	carried := make(chan []string, 1)
	go func() {
		defer close(carried)
		if carries, err := k.Guard.Carries(ctx, host); err == nil {
			carried <- append([]string{}, carries...)
		}
	}()
	keys, err := linode.ReadKeys(ctx, host)
	if carries, known := <-carried; known {
		base.WritePrivate(ctx, run, carriesKey, carries)
	}
	switch {
	case err == nil:
		model.readKeys(keys)
	case !errors.Is(err, remote.ErrLost):
		return k.unheard(run, model, host.Target(), err)
	}
	return nil
}

// Converge makes a machine, or does what is left on one that stands.
func (k *linodeKind) Converge(ctx context.Context, run *base.Run, before, model *linodeModel) {
	client, config := k.client(run, model.Subject()), base.Written[linodeModel](ctx, run)
	spec := model.spec(config)
	if run.Failed() {
		return
	}
	work := &work{linodeKind: k, run: run, client: client, spec: spec, config: config, model: model}
	var err error
	if before == nil {
		err = work.create(ctx)
	} else {
		err = work.update(ctx, before)
	}
	run.Fail(model.Subject(), model.advise(err))
}

// Remove deletes the machine, if the site can spare what is on it.
func (k *linodeKind) Remove(ctx context.Context, run *base.Run, model *linodeModel) {
	client, known := k.client(run, model.Subject()), recall(ctx, run)
	if run.Failed() {
		return
	}
	resume, err := k.spare(ctx, client, model, known, false)
	if errors.Is(err, linode.ErrNotFound) {
		return
	}
	if err == nil {
		err = errors.Join(client.Delete(ctx, numbered(model.ID)), resume(ctx))
	}
	run.Fail(model.Subject(), model.advise(err))
}

// Find takes "ID-OR-LABEL [HOST-KEY]", or the id as an identity.
func (k *linodeKind) Find(ctx context.Context, run *base.Run, asked base.Asked, model *linodeModel) {
	var hostKey string
	model.ID, hostKey = k.find(ctx, run, asked, "Linode", func(ctx context.Context, client *linode.Client, label string) (int, error) {
		found, err := client.InstanceLabelled(ctx, label)
		if err != nil || found == nil {
			return 0, err
		}
		return found.ID, nil
	})
	model.HostKey = base.OptionalText(givenHostKey(run, "Linode "+model.ID.ValueString(), hostKey))
}
