// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package innodbcluster

import (
	"fmt"
	"slices"

	"github.com/atollhq/terraform-provider-atoll/internal/provision"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/group"
)

// leaving is how a member that is not declared any more goes.
func (d *diagnosing) leaving(endpoint string) (provision.Operation, error) {
	inView := slices.ContainsFunc(d.view, func(m group.Member) bool { return m.Endpoint() == endpoint && m.State != "UNREACHABLE" })
	_, known := d.cluster.Leavers[endpoint]
	switch seen := d.seen[endpoint]; {
	case !inView:
		return StrikeOff{endpoint}, nil
	case known && seen.Answers:
		view := group.View{Members: d.view}
		if err := view.Spares(uuidOf(d.view, endpoint)); len(d.view) > 1 && err != nil {
			return nil, fmt.Errorf("member %s cannot leave now: %w", endpoint, err)
		}
		return Leave{endpoint}, nil
	case known && seen.Err != nil:
		return nil, fmt.Errorf("member %s cannot leave: %w", endpoint, seen.Err)
	default:
		return nil, fmt.Errorf("%s is in the group and not declared, and how to reach its machine is not known: declare it as a member, or stop it by hand (STOP GROUP_REPLICATION)", endpoint)
	}
}
