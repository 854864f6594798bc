// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package linode

import (
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/atollhq/terraform-provider-atoll/internal/provider/base"
)

// wanted is what the plans of one run want for themselves in an account: labels, and
// to be the firewall of a machine. Terraform configures a provider anew for each
// run of plans, and asks in one at most once for each resource that is made.
type wanted struct {
	labels, machines base.Claims
	// met are those of the account that a state of this run holds.
	met sync.Map
	// news counts what is to be made, which nothing else tells apart.
	news atomic.Int64
}

// wants are those of the provider blocks that were configured.
var wants sync.Map // *base.Data to *wanted

func (a *account) wanted() *wanted {
	kept, _ := wants.LoadOrStore(a.Data, &wanted{})
	all, _ := kept.(*wanted)
	return all
}

// meet notes that a state holds something, such as the linode 7.
func (a *account) meet(what string, id types.String) {
	if a.Data != nil && !id.IsNull() && !id.IsUnknown() {
		a.wanted().met.Store(what+" "+id.ValueString(), true)
	}
}

// ours says of a number whether a state of this run holds it.
func (a *account) ours(what string) func(id int) bool {
	return func(id int) bool {
		_, met := a.wanted().met.Load(what + " " + strconv.Itoa(id))
		return met
	}
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
		owner = fmt.Sprintf("new %d", a.wanted().news.Add(1))
	}
	if _, _, clash := a.wanted().labels.Declare(what, label.ValueString(), owner, equal); clash {
		diags.AddAttributeError(path.Root("label"), "Label Is Declared Twice", fmt.Sprintf("label%s is that of another atoll_%s of this configuration, too, and an account's labels are unique. "+
			"Give each its own, such as one with each.key or count.index in it.", base.Shown(label.ValueString()), what))
	}
}
