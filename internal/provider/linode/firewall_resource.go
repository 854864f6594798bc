// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package linode

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/identityschema"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
	"github.com/atollhq/terraform-provider-atoll/internal/provider/base"
	"github.com/atollhq/terraform-provider-atoll/internal/provision"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/linode"
)

// NewFirewallResource makes an atoll_linode_firewall.
func NewFirewallResource() resource.Resource { return base.New(&firewallKind{}) }

type firewallKind struct{ account }

// Traits allow for a limit of the API, which may delay a few requests.
func (k *firewallKind) Traits() base.Traits {
	const budget = 10 * time.Minute
	return base.Traits{
		Type: "linode_firewall", ID: "Linode's number of the firewall.", Drift: "rule ssh: missing",
		Budgets: base.Budgets{Create: budget, Read: budget, Update: budget, Delete: budget},
	}
}

func (k *firewallKind) Identity() map[string]identityschema.Attribute {
	return numberIdentity("Linode's number of the firewall.")
}

func (k *firewallKind) Identify(model *firewallModel) map[string]any {
	return map[string]any{"id": model.ID}
}

// Plan refuses rules that make no sense, and machines that are none. A validator
// would refuse what a mocked provider exports as an id.
func (k *firewallKind) Plan(ctx context.Context, change *base.Change[firewallModel]) {
	all, _ := base.TextSet(change.Plan.Linodes)
	for _, text := range all {
		if _, err := linodeNumber(text); err != nil {
			change.Diagnostics.AddAttributeError(path.Root("linodes"), "Invalid Linode Number", fmt.Sprintf("linodes%s %v.", base.Shown(text), err))
		}
	}
	if change.Plan.known(ctx) {
		change.Plan.rules(ctx, change.Diagnostics)
	}
	k.claim(change)
	if !change.Failed() {
		k.check(ctx, change)
		k.warnOfAdoption(ctx, change)
		k.warnOfFirst(ctx, change)
	}
}

// warnOfFirst says which machines of this configuration, that run, are to get their first
// firewall: what is open at them then stands still for a while. What the account does not
// say now is not said; the apply needs it anyway.
func (k *firewallKind) warnOfFirst(ctx context.Context, change *base.Change[firewallModel]) {
	var attached []int
	if change.State != nil {
		attached = change.State.attached()
	}
	added := slices.DeleteFunc(change.Plan.attached(), func(id int) bool {
		return slices.Contains(attached, id) || k.Data == nil || !k.Account.Met("linode", strconv.Itoa(id))
	})
	if len(added) == 0 {
		return
	}
	client, err := k.Linode()
	if err != nil {
		return // see check
	}
	var open []string
	for _, id := range added {
		instance, err := client.Instance(ctx, id)
		walls, otherwise := client.FirewallsOf(ctx, id)
		if err == nil && otherwise == nil && instance.Status == linode.Running && len(walls) == 0 {
			open = append(open, instance.Label)
		}
	}
	if len(open) > 0 {
		change.Diagnostics.AddAttributeWarning(path.Root("linodes"), "First Firewall of a Machine That Runs", fmt.Sprintf("The apply puts a firewall before %s. Linode drops what its rules do not let through "+
			"in both directions, open connections too, so that those of a mesh, and of what runs over it, stand still there for some seconds. New ones come about at once. "+
			"firewall_id of atoll_linode has the firewall before a machine from its first boot.", strings.Join(open, ", ")))
	}
}

// claim refuses a label that two declare, and a machine that two are to guard: each
// would take it from the other.
func (k *firewallKind) claim(change *base.Change[firewallModel]) {
	plan := change.Plan
	if change.State != nil {
		k.meet("linode_firewall", change.State.ID)
	} else {
		k.claimLabel("linode_firewall", plan.Label, types.StringNull(), change.Diagnostics)
	}
	if k.Data == nil || plan.Label.IsUnknown() {
		return
	}
	for _, id := range plan.attached() {
		if other, _, clash := k.Account.Guarded.Declare(strconv.Itoa(id), "its firewall", plan.Label.ValueString(), equal); clash {
			change.Diagnostics.AddAttributeError(path.Root("linodes"), "Machine Behind Two Firewalls", fmt.Sprintf("linodes holds %d, and so does linodes of the atoll_linode_firewall %q. "+
				"A machine is behind one firewall, and each would take it from the other: leave it out of one of the two.", id, other))
		}
	}
}

// check asks the account, where the API can be asked, whether it can be as it is
// declared.
func (k *firewallKind) check(ctx context.Context, change *base.Change[firewallModel]) {
	plan, state := change.Plan, change.State
	if state == nil {
		state = &firewallModel{}
	}
	renamed := !plan.Label.IsUnknown() && !plan.Label.Equal(state.Label)
	if k.Data == nil || !renamed && plan.Linodes.Equal(state.Linodes) {
		return
	}
	client, err := k.Linode()
	if errors.Is(err, base.ErrPending) {
		return // the plan that an apply makes once more can ask
	}
	var missing []int
	if err == nil {
		missing, err = client.MissingLinodes(ctx, plan.attached())
	}
	if err == nil && renamed {
		refuseTaken(change.Run, plan.Subject(), client.FirewallTaken(ctx, plan.Label.ValueString(), k.ours("linode_firewall")))
	}
	change.Fail(plan.Subject(), advise(err))
	for _, id := range missing {
		change.Diagnostics.AddAttributeError(path.Root("linodes"), "Unknown Linode", fmt.Sprintf("linodes holds %d: the account has no such machine. Give the id of an atoll_linode, or leave it out.", id))
	}
}

// warnOfAdoption says what of a firewall that was imported is not as it is declared: the
// refresh knew no declaration to compare it with.
func (k *firewallKind) warnOfAdoption(ctx context.Context, change *base.Change[firewallModel]) {
	plan, state := change.Plan, change.State
	if k.Data == nil || change.Failed() || state == nil || !state.adopted() || !plan.known(ctx) {
		return
	}
	client, err := k.Linode()
	var seen linode.SeenWall
	if err == nil {
		seen, err = client.Firewall(ctx, numbered(state.ID))
	}
	switch {
	case errors.Is(err, base.ErrPending), errors.Is(err, linode.ErrUnavailable), errors.Is(err, linode.ErrNotFound):
		return // the refresh has said so
	case err != nil:
		change.Fail(plan.Subject(), advise(err))
		return
	}
	lines := provision.Drift(linode.DiagnoseFirewall(plan.wall(ctx, change.Diagnostics), seen, nil))
	if len(lines) > 0 {
		change.Diagnostics.AddWarning("Adopting "+plan.Subject()+" Changes It", fmt.Sprintf("The firewall was imported, and the account has it in another way than it is declared here:\n- %s\n\n"+
			"The apply makes it as it is declared, and deletes each rule that is not declared. Declare in open what is to stay.", strings.Join(converge.Texts(lines), "\n- ")))
	}
}

func (k *firewallKind) Observe(ctx context.Context, run *base.Run, model *firewallModel) base.Observed {
	k.meet("linode_firewall", model.ID)
	client := k.asked(run, model.Subject(), model.Label.IsNull())
	if client == nil {
		return base.Observed{}
	}
	seen, err := client.Firewall(ctx, numbered(model.ID))
	if errors.Is(err, linode.ErrNotFound) {
		return base.Observed{Absent: true}
	}
	if err != nil {
		return k.unheardOf(run, model.Subject(), model.Label.IsNull(), err)
	}
	return base.Observed{Drift: model.read(ctx, seen, run.Diagnostics)}
}

func (k *firewallKind) Converge(ctx context.Context, run *base.Run, before, model *firewallModel) {
	wall := model.wall(ctx, run.Diagnostics)
	client := k.client(run, model.Subject())
	if run.Failed() {
		return
	}
	var err error
	if before == nil {
		err = k.create(ctx, run, client, wall, model)
	} else {
		model.ID = before.ID
		err = client.UpdateFirewall(ctx, numbered(model.ID), wall, before.attached())
	}
	if err == nil {
		err = k.readBack(ctx, run, client, model)
	}
	run.Fail(model.Subject(), advise(err))
}

// create lets Terraform know of the firewall as soon as the account has it.
func (k *firewallKind) create(ctx context.Context, run *base.Run, client *linode.Client, wall linode.Wall, model *firewallModel) error {
	journal := orders()
	id, err := client.CreateFirewall(ctx, wall, journal)
	if id != 0 {
		model.ID, model.Drift = types.StringValue(strconv.Itoa(id)), base.Drift(nil)
		run.Checkpoint(ctx)
	}
	if err == nil {
		journal.End("firewall " + wall.Label)
	}
	return err
}

// readBack fills the model from the account, and finds what did not come about.
func (k *firewallKind) readBack(ctx context.Context, run *base.Run, client *linode.Client, model *firewallModel) error {
	seen, err := client.Firewall(ctx, numbered(model.ID))
	if err != nil {
		return err
	}
	lines := model.read(ctx, seen, run.Diagnostics)
	if len(lines) == 0 {
		return nil
	}
	model.Drift = base.Drift(lines)
	run.Checkpoint(ctx)
	return fmt.Errorf("after the change the account still shows %q. Apply again; if it stays, something else changes the firewall", lines[0])
}

func (k *firewallKind) Remove(ctx context.Context, run *base.Run, model *firewallModel) {
	client := k.client(run, model.Subject())
	if !run.Failed() {
		run.Fail(model.Subject(), advise(client.DeleteFirewall(ctx, numbered(model.ID), model.attached())))
	}
}

// Find takes the firewall's number or its label.
func (k *firewallKind) Find(ctx context.Context, run *base.Run, asked base.Asked, model *firewallModel) {
	model.ID, _ = k.find(ctx, run, asked, "Linode Firewall", func(ctx context.Context, client *linode.Client, label string) (int, error) {
		wall, _, err := client.FirewallLabelled(ctx, label)
		return wall.ID, err
	})
}
