// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package innodbcluster

import (
	"fmt"
	"slices"

	"github.com/atollhq/terraform-provider-atoll/internal/provision/group"
)

// leaves are members that are not declared any more: secondaries first.
func leaves(c Cluster, seen map[string]Seen, situation Situation) ([]Operation, error) {
	var list []Operation
	for _, endpoint := range situation.Foreign {
		inView := slices.ContainsFunc(situation.view, func(m group.Member) bool { return endpointOf(m) == endpoint && m.State != "UNREACHABLE" })
		_, known := c.Leavers[endpoint]
		switch {
		case !inView:
			list = append(list, Operation{Kind: Forget, Key: endpoint})
		case known && seen[endpoint].Answers:
			leaving := group.View{Members: situation.view}
			if err := leaving.Spares(uuidOf(situation.view, endpoint)); len(situation.view) > 1 && err != nil {
				return nil, fmt.Errorf("member %s cannot leave now: %w", endpoint, err)
			}
			list = append(list, Operation{Kind: Leave, Key: endpoint})
		case known && seen[endpoint].Err != nil:
			return nil, fmt.Errorf("member %s cannot leave: %w", endpoint, seen[endpoint].Err)
		default:
			return nil, fmt.Errorf("%s is in the group and not declared, and how to reach its machine is not known: declare it as a member, or stop it by hand (STOP GROUP_REPLICATION)", endpoint)
		}
	}
	return list, nil
}
