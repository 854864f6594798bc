// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package files

import (
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/atollhq/terraform-provider-atoll/internal/provider/base"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/filetier"
)

// refuseRemade refuses a plan that ends a tier and makes it anew, where the apply could stop
// between both: the trees meet for the first time then, and while they differ nobody has said
// what is to become of them. Terraform plans a replacement twice, first over the state and then
// over none; of one that it was told to make (-replace, replace_triggered_by) the second alone
// can be told from an update.
func (k *tierKind) refuseRemade(change *base.Change[tierModel]) {
	plan, was := change.Plan, change.Plan.Name.ValueString()
	if change.State != nil {
		was = change.State.Name.ValueString()
	}
	remade := change.Replacing
	if k.Data != nil {
		if change.State != nil {
			k.Standing.Meet(k.Traits().Type, was)
		}
		remade = remade || change.State == nil && k.Standing.Met(k.Traits().Type, was)
	}
	tier, whole := plan.declared()
	if !remade || whole && !tier.Meets() || plan.Initial.ValueString() != "" {
		return
	}
	change.Diagnostics.AddAttributeError(path.Root("name"), "The Tier Would Begin Anew", remadeText(was, plan.Name))
}

// remadeText says why a tier is not made anew, and the ways out.
func remadeText(was string, name types.String) string {
	what, back := fmt.Sprintf("name = %q", name.ValueString()), fmt.Sprintf("Write name = %q again", was)
	switch {
	case name.IsUnknown():
		what = "name is not known before the apply"
	case name.ValueString() == was:
		what, back = fmt.Sprintf("The tier %q is to be replaced", was), "Plan it without that"
	}
	return fmt.Sprintf("%s: the tier %q would end, and another one begin in its place, in which the trees of all nodes meet for the first time. Where they differ by then, as by a file that was written in between or by a conflict that is open, "+
		"the creation is refused, and nothing keeps them in step any more. %s. Or set initial = %q in the same apply: it keeps all files of all nodes, and treats a path that differs as conflicts says; what was deleted in between may come back. "+
		"Or stop who writes, destroy the tier, which keeps every file, and declare it anew.", what, was, back, filetier.Merge)
}
