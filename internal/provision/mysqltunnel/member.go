// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package mysqltunnel

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"net"
	"slices"
	"strings"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/innodbcluster"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// Secondary and Primary are where a tunnel leads: Primary to whoever takes
// writes, Secondary to a member that takes none, and never to one that does.
const (
	Primary   = "primary"
	Secondary = "secondary"
)

// To gives the way to a member of a cluster, as its own machine reaches it.
func To(role string, cluster innodbcluster.Cluster, hosts map[string]remote.Host) Dial {
	return func(ctx context.Context) (net.Conn, error) {
		key, err := choose(role, innodbcluster.Diagnose(cluster, innodbcluster.Observe(ctx, hosts)))
		if err != nil {
			return nil, fmt.Errorf("cluster %s: %w", cluster.Name, err)
		}
		endpoint := remote.Endpoint{Network: "tcp", Address: cluster.Members[key].Endpoint(), Reads: role == Secondary}
		conn, err := hosts[key].Dial(ctx, endpoint)
		if err != nil {
			return nil, fmt.Errorf("member %s of cluster %s: %w", key, cluster.Name, err)
		}
		return conn, nil
	}
}

// choose picks the member: the primary, or the secondary that lags least.
func choose(role string, found innodbcluster.Diagnosis) (string, error) {
	keys := slices.DeleteFunc(slices.Sorted(maps.Keys(found.Members)), func(key string) bool {
		member := found.Members[key]
		return member.State != "ONLINE" || !strings.EqualFold(member.Role, role)
	})
	if len(keys) == 0 {
		why := "all are as declared, and there is no other"
		if drift := converge.Texts(found.Drift()); len(drift) > 0 {
			why = drift[0]
		}
		return "", fmt.Errorf("%w as %s: %s", ErrNoMember, role, why)
	}
	return slices.MinFunc(keys, func(a, b string) int { return cmp.Compare(found.Members[a].Lag, found.Members[b].Lag) }), nil
}
