// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

// Package linode holds the resources that declare machines at Linode and what
// guards them there.
package linode

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/identityschema"
	"github.com/hashicorp/terraform-plugin-framework/tfsdk"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
	"github.com/atollhq/terraform-provider-atoll/internal/provider/base"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/linode"
)

// Ensure the resource implements what Terraform is told it does.
var (
	_ resource.ResourceWithConfigure   = &linodeResource{}
	_ resource.ResourceWithImportState = &linodeResource{}
	_ resource.ResourceWithIdentity    = &linodeResource{}
	_ resource.ResourceWithModifyPlan  = &linodeResource{}
)

// Budgets of one operation: a resize copies the disk, which has taken more than
// twenty minutes.
const (
	createTimeout = 20 * time.Minute
	readTimeout   = 5 * time.Minute
	updateTimeout = time.Hour
	deleteTimeout = 10 * time.Minute
)

// NewLinodeResource makes an atoll_linode.
func NewLinodeResource() resource.Resource { return &linodeResource{} }

type linodeResource struct {
	base.Resource
}

func (r *linodeResource) Metadata(_ context.Context, req resource.MetadataRequest, resp *resource.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_linode"
}

func (r *linodeResource) IdentitySchema(_ context.Context, _ resource.IdentitySchemaRequest, resp *resource.IdentitySchemaResponse) {
	resp.IdentitySchema = identityschema.Schema{Attributes: map[string]identityschema.Attribute{
		"id": identityschema.StringAttribute{RequiredForImport: true, Description: "Linode's number of the machine."},
	}}
}

func setIdentity(ctx context.Context, id types.String, identity *tfsdk.ResourceIdentity, diags *diag.Diagnostics) {
	if identity != nil {
		diags.Append(identity.SetAttribute(ctx, path.Root("id"), id)...)
	}
}

// addError adds what the API's classes of failure ask of the user.
func addError(diags *diag.Diagnostics, action, subject string, err error) {
	next := map[error]string{
		linode.ErrToken:       "Check linode.token in the provider block, or LINODE_TOKEN, and that it may read and write Linodes, firewalls and events.",
		linode.ErrUnavailable: "The state is kept. Try again when the API answers; status.linode.com tells of its outages.",
		linode.ErrLimited:     "The account asked too often for too long. Try again in a few minutes, or with a smaller -parallelism.",
		linode.ErrRefused:     "Change what the API names, and apply again.",
		linode.ErrEvent:       "Look at the machine in Linode's Cloud Manager; the next plan shows its state.",
	}
	for kind, text := range next {
		if errors.Is(err, kind) {
			err = fmt.Errorf("%w\n\n%s", err, text)
			break
		}
	}
	base.AddError(diags, action, subject, err)
}

func (r *linodeResource) Create(ctx context.Context, req resource.CreateRequest, resp *resource.CreateResponse) {
	var plan, config linodeModel
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	resp.Diagnostics.Append(req.Config.Get(ctx, &config)...)
	client, err := r.Linode()
	if err != nil {
		addError(&resp.Diagnostics, "Create", plan.subject(), err)
	}
	if resp.Diagnostics.HasError() {
		return
	}
	ctx, cancel := base.Deadline(ctx, plan.Timeouts.Create, createTimeout, &resp.Diagnostics)
	defer cancel()
	spec := plan.spec(ctx, config, &resp.Diagnostics)
	spec.Generation = cmp.Or(spec.Generation, linode.GenerationConfig)
	journal := orders()
	made, err := client.Create(ctx, spec, journal)
	if made.Instance.ID != 0 {
		// Before any waiting: whatever happens now, the machine is known.
		plan.seeMade(made)
		resp.Diagnostics.Append(resp.State.Set(ctx, plan)...)
		remember(ctx, resp.Private, declaredKey, config.declared(), &resp.Diagnostics)
		setIdentity(ctx, plan.ID, resp.Identity, &resp.Diagnostics)
	}
	if err == nil {
		err = r.finish(ctx, client, made, newMachine, config, spec, &plan, &resp.Diagnostics)
	}
	if err != nil {
		addError(&resp.Diagnostics, "Create", plan.subject(), err)
		return
	}
	resp.Diagnostics.Append(resp.State.Set(ctx, plan)...)
	journal.End("linode " + spec.Label)
}

func (r *linodeResource) Read(ctx context.Context, req resource.ReadRequest, resp *resource.ReadResponse) {
	var state linodeModel
	resp.Diagnostics.Append(req.State.Get(ctx, &state)...)
	if resp.Diagnostics.HasError() {
		return
	}
	setIdentity(ctx, state.ID, resp.Identity, &resp.Diagnostics)
	ctx, cancel := base.Deadline(ctx, state.Timeouts.Read, readTimeout, &resp.Diagnostics)
	defer cancel()
	imported := state.Label.IsNull()
	client, err := r.Linode()
	var seen linode.Observed
	if err == nil {
		seen, err = r.glance(ctx, client, state)
	}
	if err == nil && imported {
		err = r.seeParts(ctx, client, seen.Instance, &state)
	}
	if errors.Is(err, linode.ErrNotFound) {
		resp.State.RemoveResource(ctx)
		return
	}
	if err != nil {
		addError(&resp.Diagnostics, "Read", state.subject(), err)
		return
	}
	state.see(seen)
	state.connect(state.HostKey.ValueString())
	drift := linode.Drift(seen.Instance)
	if seen.Instance.Status == linode.Running {
		drift = append(drift, r.seeInside(ctx, &state, resp.Private, &resp.Diagnostics)...)
	}
	state.Drift = base.Drift(drift)
	resp.Diagnostics.Append(resp.State.Set(ctx, state)...)
}

// glance is a look that waits for nothing.
func (r *linodeResource) glance(ctx context.Context, client *linode.Client, state linodeModel) (linode.Observed, error) {
	instance, err := client.Instance(ctx, state.id())
	if err != nil {
		return linode.Observed{}, err
	}
	return r.surroundings(ctx, client, instance, state)
}

// seeParts reads for an import what an instance's own answer does not tell.
func (r *linodeResource) seeParts(ctx context.Context, client *linode.Client, instance linode.Instance, state *linodeModel) error {
	swap, err := client.SwapMiB(ctx, instance.ID)
	if err != nil {
		return err
	}
	subnet, address, err := client.Subnet(ctx, instance)
	if err != nil {
		return err
	}
	state.SwapMiB = types.Int64Value(int64(swap))
	if subnet != 0 {
		state.Subnet, state.SubnetIPv4 = types.Int64Value(int64(subnet)), optional(address)
	}
	return nil
}

// seeInside reads over SSH who may log in, and what the machine has on it, side by
// side. A machine that does not answer is drift, not an error: the account says
// that it is there.
func (r *linodeResource) seeInside(ctx context.Context, state *linodeModel, private writer, diags *diag.Diagnostics) []converge.Line {
	if state.HostKey.IsNull() {
		return nil
	}
	host := r.Hosts.Host(state.target(state.HostKey.ValueString()))
	carried := make(chan []string, 1)
	go func() {
		defer close(carried)
		if carries, err := r.Guard.Carries(ctx, host); err == nil {
			carried <- append([]string{}, carries...)
		}
	}()
	keys, err := linode.ReadKeys(ctx, host)
	if carries, known := <-carried; known {
		remember(ctx, private, carriesKey, carries, diags)
	}
	switch {
	case err == nil:
		state.seeKeys(keys)
	case base.Judge(err) == base.KeepAsDrift:
		base.WarnUnreachable(diags, state.subject(), err)
		return []converge.Line{base.Unreachable(err)}
	case base.Judge(err) == base.KeepState:
		base.AddError(diags, "Read", state.subject(), err)
	}
	return nil
}

func (r *linodeResource) Delete(ctx context.Context, req resource.DeleteRequest, resp *resource.DeleteResponse) {
	var state linodeModel
	resp.Diagnostics.Append(req.State.Get(ctx, &state)...)
	client, err := r.Linode()
	if err != nil {
		addError(&resp.Diagnostics, "Delete", state.subject(), err)
	}
	if resp.Diagnostics.HasError() {
		return
	}
	ctx, cancel := base.Deadline(ctx, state.Timeouts.Delete, deleteTimeout, &resp.Diagnostics)
	defer cancel()
	resume, err := r.spare(ctx, client, state, recall(ctx, req.Private, &resp.Diagnostics))
	if errors.Is(err, linode.ErrNotFound) {
		return
	}
	if err == nil {
		err = errors.Join(client.Delete(ctx, state.id()), resume(ctx))
	}
	if err != nil {
		addError(&resp.Diagnostics, "Delete", state.subject(), err)
	}
}

// ImportState takes "ID-OR-LABEL [HOST-KEY]", or the id as an identity.
func (r *linodeResource) ImportState(ctx context.Context, req resource.ImportStateRequest, resp *resource.ImportStateResponse) {
	name, hostKey := req.ID, ""
	if name == "" {
		resp.Diagnostics.Append(req.Identity.GetAttribute(ctx, path.Root("id"), &name)...)
	} else {
		name, hostKey, _ = strings.Cut(strings.TrimSpace(req.ID), " ")
	}
	if _, err := strconv.Atoi(name); err != nil && !resp.Diagnostics.HasError() {
		name = r.idOf(ctx, name, &resp.Diagnostics)
	}
	if resp.Diagnostics.HasError() {
		return
	}
	resp.Diagnostics.Append(resp.State.SetAttribute(ctx, path.Root("id"), name)...)
	resp.Diagnostics.Append(resp.State.SetAttribute(ctx, path.Root("host_key"), optional(hostKey))...)
	setIdentity(ctx, types.StringValue(name), resp.Identity, &resp.Diagnostics)
}

// idOf finds a machine by its label.
func (r *linodeResource) idOf(ctx context.Context, label string, diags *diag.Diagnostics) string {
	client, err := r.Linode()
	var found *linode.Instance
	if err == nil {
		found, err = client.InstanceLabelled(ctx, label)
	}
	switch {
	case err != nil:
		addError(diags, "Import", "Linode "+label, err)
	case found == nil:
		diags.AddError("Unable to Import Linode "+label, fmt.Sprintf("The account has no machine labelled %q. The import id is a number or a label, and after a blank the machine's host key.", label))
	default:
		return strconv.Itoa(found.ID)
	}
	return ""
}
