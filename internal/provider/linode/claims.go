// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package linode

import (
	"fmt"
	"strconv"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/atollhq/terraform-provider-atoll/internal/provider/base"
)

// meet notes that a state holds something, such as the linode 7.
func (a *account) meet(what string, id types.String) {
	if a.Data != nil && !id.IsNull() && !id.IsUnknown() {
		a.Account.Meet(what, id.ValueString())
	}
}

// ours says of a number whether a state of this run holds it.
func (a *account) ours(what string) func(id int) bool {
	return func(id int) bool { return a.Account.Met(what, strconv.Itoa(id)) }
}

func equal(a, b string) bool { return a == b }

// claimLabel refuses a label that two resources of one configuration declare. id is
// that of one whose state says that it stands, null for one that is made.
func (a *account) claimLabel(what string, label, id types.String, diags *diag.Diagnostics) {
	if a.Data == nil || label.IsNull() || label.IsUnknown() {
		return
	}
	owner := id.ValueString()
	if id.IsNull() {
		owner = a.Account.New()
	}
	if _, _, clash := a.Account.Labels.Declare(what, label.ValueString(), owner, equal); clash {
		diags.AddAttributeError(path.Root("label"), "Label Is Declared Twice", fmt.Sprintf("label%s is that of another atoll_%s of this configuration, too, and an account's labels are unique. "+
			"Give each its own, such as one with each.key or count.index in it.", base.Shown(label.ValueString()), what))
	}
}
