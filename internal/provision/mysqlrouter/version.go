// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package mysqlrouter

import (
	"context"
	"fmt"
	"strings"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/innodbcluster"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/mysqlroot"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// leads says whether a router of a version leads to a server: one does to those of
// its own series, major and minor, and of all before. What is not known ("") is not
// refused.
func leads(router, server string) error {
	has, needs := mysqlroot.ParseVersion(router), mysqlroot.ParseVersion(server)
	if !has.Known() || !needs.Known() || !has.OfOlderSeries(needs) {
		return nil
	}
	return fmt.Errorf("%w: Router is %s, and a member is %s. Upgrade Router on the machine first, or have a newer one come from its package sources (apt_sources of atoll_host, package)", mysqlroot.ErrRouterOlder, router, server)
}

// offeredQuestion asks for the version of Router that the machine has, or that an
// apply would install; "" where there is none yet.
func (c Config) offeredQuestion() converge.Question[string] {
	name := remote.Quote(c.packageName())
	return converge.Question[string]{Name: "the version of MySQL Router", Read: readOffered, Script: `set -e
export LC_ALL=C
if command -v mysqlrouter >/dev/null && dpkg-query -W -f '${db:Status-Abbrev}' ` + name + ` 2>/dev/null | grep -q '^.i'; then offered=$(mysqlrouter --version)
else offered=$(apt-cache policy ` + name + ` | awk '$1 == "Candidate:" {print $2}'); fi
printf '%s\n' "offered ${offered:-none}"
echo '` + converge.WholeMark + `'`}
}

func readOffered(output string) (string, error) {
	rows, err := converge.Whole(output)
	if err != nil {
		return "", err
	}
	offered, found := strings.CutPrefix(strings.TrimSpace(rows), "offered ")
	if !found || strings.Contains(offered, "\n") {
		return "", fmt.Errorf("line %q makes no sense", strings.TrimSpace(rows))
	}
	version := versionPattern.FindString(offered)
	if version == "" && offered != "none" && offered != "(none)" {
		return "", fmt.Errorf("no version in %q", offered)
	}
	return version, nil
}

// Compatible looks at the machine and the members before a bootstrap, and refuses a
// Router that would. What cannot be asked now is met by the apply.
func (c Config) Compatible(ctx context.Context, host remote.Host, cluster Cluster) error {
	seen := make(chan string, 1)
	go func() { seen <- innodbcluster.Newest(innodbcluster.Observe(ctx, cluster.Hosts)) }()
	offered, err := converge.Ask(ctx, host, c.offeredQuestion())
	newest := <-seen
	if err != nil {
		return nil //nolint:nilerr // see above
	}
	return leads(offered, newest)
}
