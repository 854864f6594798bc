// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package mysqld

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/mysqlroot"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// RoutersFollow refuses a declared version of a newer series than the one that runs while
// the group's metadata know routers of an older one. A server that does not run, or is in
// no cluster, knows of none.
func (c Config) RoutersFollow(ctx context.Context, host remote.Host, facts Facts) error {
	if !c.Wanted.Known() || !facts.Installed.Known() || !facts.Installed.OfOlderSeries(c.Wanted) {
		return nil
	}
	routers, err := converge.Ask(ctx, host, routersQuestion())
	if err != nil {
		return err
	}
	return c.leaves(routers)
}

// leaves refuses to leave routers behind: versions by name, "" where a router has not
// said its own.
func (c Config) leaves(routers map[string]string) error {
	var behind []string
	for _, name := range slices.Sorted(maps.Keys(routers)) {
		if is := ParseVersion(routers[name]); is.Known() && is.OfOlderSeries(c.Wanted) {
			behind = append(behind, fmt.Sprintf("%s (%s)", name, is))
		}
	}
	if behind == nil {
		return nil
	}
	return fmt.Errorf("%w: the cluster knows %s. Upgrade Router there first, to %d.%d or later, and restart it; the row of one that is no more goes with routers of the atoll_mysql_cluster",
		mysqlroot.ErrRouterOlder, strings.Join(behind, ", "), c.Wanted.Major, c.Wanted.Minor)
}

// routersQuestion asks for the versions of the routers that the metadata know, which they
// write at each start.
func routersQuestion() converge.Question[map[string]string] {
	return converge.Question[map[string]string]{
		Name: "the routers of the cluster", Read: readRouters,
		Script: mysqlroot.QuestionScript(mysqlroot.WhereTable("routers", "mysql_innodb_cluster_metadata", "routers",
			`SELECT 'routers', JSON_OBJECTAGG(CONCAT(address, '::', router_name), IFNULL(version, '')) FROM mysql_innodb_cluster_metadata.routers`)),
	}
}

func readRouters(output string) (map[string]string, error) {
	rows, err := mysqlroot.ReadRows(output)
	if err != nil {
		return nil, err
	}
	if down, err := rows.Down(); err != nil || down != "" {
		return nil, err
	}
	var routers map[string]string
	err = rows.Read(map[string]any{"routers": &routers})
	return routers, err
}
