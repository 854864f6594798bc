// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package mysql

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/path"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
	"github.com/atollhq/terraform-provider-atoll/internal/provider/base"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/innodbcluster"
)

// announce says what the first apply after an import changes, and what the group has to
// be stopped for: the state knows nothing of the members yet, or nothing of the
// declaration that is new, so there is no drift that would.
func (k *clusterKind) announce(ctx context.Context, change *base.Change[clusterModel]) {
	plan := change.Plan
	cluster, targets := plan.declared()
	if change.State == nil || len(cluster.Members) == 0 || len(cluster.Members) != len(plan.Members.Elements()) {
		return
	}
	imported := change.State.Imported()
	if !imported && (plan.SingleLeader.IsNull() || plan.SingleLeader.Equal(change.State.SingleLeader)) {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, base.LookPatience)
	defer cancel()
	diagnosis := innodbcluster.Diagnose(cluster, innodbcluster.Observe(ctx, k.Reachable(targets)))
	if lines := converge.Texts(diagnosis.Drift()); imported && len(lines) > 0 {
		change.Diagnostics.AddWarning("What the First Apply Changes", fmt.Sprintf("The cluster %s was imported, and differs from its declaration:\n%s", cluster.Name, strings.Join(lines, "\n")))
	}
	switch _, err := diagnosis.Operations(); {
	case errors.Is(err, innodbcluster.ErrFullStop):
		change.Diagnostics.AddAttributeError(path.Root("allow_full_stop"), "The Whole Group Has to Be Stopped", base.Sentence(err))
	case diagnosis.FullStop():
		announceFullStop(change)
	}
}

// announceFullStop says what an apply does that may stop the whole group, and how long.
func announceFullStop(change *base.Change[clusterModel]) {
	change.Diagnostics.AddAttributeWarning(path.Root("allow_full_stop"), "The Whole Group Will Be Stopped", "This apply stops all members and starts the group again: about half a minute without a database. All data stay.")
}
