// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package innodbcluster

import (
	"context"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
	"github.com/atollhq/terraform-provider-atoll/internal/provision"
)

// DeclaredRouter is one that the cluster is to know.
type DeclaredRouter struct {
	Address, Name string
	// Account is "" for one of others, of which only its row says.
	Account string
}

// Label is how MySQL Shell and the metadata's own view name the router.
func (r DeclaredRouter) Label() string { return label(r.Address, r.Name) }

func label(address, name string) string { return address + "::" + name }

// madeForRouters are the names of accounts that Router makes for itself in a bootstrap
// (mysql_router7_ and twelve random characters), and that this provider makes for one
// at an IPv4 address, or with a name that is too long. Whoever has another name may
// belong to somebody.
var madeForRouters = regexp.MustCompile(`^mysql_router([0-9]+_[0-9A-Za-z]{12}|_[0-9]{1,3}(_[0-9]{1,3}){3}(_[0-9a-z_]+)?|_[0-9a-f]{16})$`)

// owns says whether the router's account was made for it, and for nobody else.
func (r Router) owns() bool {
	ours := r.Name == "atoll" || strings.HasPrefix(r.Name, "atoll-")
	return ours && strings.HasPrefix(r.User, "mysql_router_") || madeForRouters.MatchString(r.User)
}

// routers finds what the cluster still knows of routers that nobody declares: their
// rows, with the accounts that were made for them, and such accounts without a row.
func (d *diagnosing) routers(authority Observation) {
	if d.cluster.Options.Routers == nil {
		return
	}
	kept := map[string]bool{}
	for _, router := range d.cluster.Options.Routers {
		kept[router.Account] = true
	}
	var gone []Router
	for _, router := range authority.Routers {
		if router.Cluster != d.ClusterID || d.cluster.declaresRouter(router) {
			kept[router.User] = true
		} else {
			gone = append(gone, router)
		}
	}
	for _, router := range gone {
		recent := router.Seen > 0 && authority.Now-router.Seen < int64(checkInPatience/time.Second)
		drop := DropRouter{Address: router.Address, Name: router.Name}
		if !kept[router.User] && router.owns() && slices.Contains(authority.RouterUsers, router.User) {
			drop.Account = router.User
		}
		d.undeclaredRouter("router "+label(router.Address, router.Name), router.User, recent, drop)
		kept[router.User] = true // it goes with the row
	}
	for _, account := range slices.Sorted(slices.Values(authority.RouterUsers)) {
		if !kept[account] && madeForRouters.MatchString(account) {
			d.undeclaredRouter("account "+account, account, false, DropRouter{Account: account})
		}
	}
}

func (c Cluster) declaresRouter(router Router) bool {
	return slices.ContainsFunc(c.Options.Routers, func(declared DeclaredRouter) bool {
		return strings.EqualFold(declared.Address, router.Address) && declared.Name == router.Name
	})
}

// checkInPatience is how long ago a router that is at work may have said last that it is
// there: it does every ten refreshes, which are a minute apart where the cluster
// notifies it. A Router of 8.0 opens its session anew for each, and has none meanwhile.
const checkInPatience = 15 * time.Minute

// undeclaredRouter notes one of them; user is whom its sessions belong to, recent says
// that it told of itself. One that is at work stays: its application would be without
// a database.
func (d *diagnosing) undeclaredRouter(subject, user string, recent bool, drop DropRouter) {
	var at []string
	for _, key := range slices.Sorted(maps.Keys(d.seen)) {
		if slices.Contains(d.seen[key].Sessions, user) {
			at = append(at, key)
		}
	}
	unheard := append(d.unheard(), d.Foreign...)
	switch {
	case len(at) > 0:
		d.find(nil, subject, CodeRouterAtWork, "is not declared, and has a session open on %s: stop it, or declare it", strings.Join(at, ", "))
	case recent:
		d.find(nil, subject, CodeRouterAtWork, "is not declared, and was there within the last quarter of an hour: stop it, or declare it")
	case len(unheard) > 0:
		d.find(nil, subject, CodeRouterAtWork, "is not declared, and may have a session open on %s", strings.Join(unheard, ", "))
	default:
		d.find(drop, subject, CodeRouter, "is not declared")
	}
}

// settled says that nothing is left for an apply. A router at work is none of it: what
// declared it may be destroyed after the cluster is applied. Nor is what only a firewall
// has to let through.
func (d Diagnosis) settled() bool {
	return !slices.ContainsFunc(d.Findings, func(f provision.Finding) bool { return f.Line.Code != CodeRouterAtWork && f.Line.Code != CodeWay })
}

// AtWork are the routers that are not declared and were left as they are, a line each.
func (d Diagnosis) AtWork() []string { return d.told(CodeRouterAtWork) }

// told are the lines of one code.
func (d Diagnosis) told(code converge.Code) []string {
	var lines []string
	for _, line := range d.Drift() {
		if line.Code == code {
			lines = append(lines, line.String())
		}
	}
	return lines
}

// dropRouter takes a router's account, wherever it is let in from, and its row from the
// cluster. "" is none of either.
func (s *server) dropRouter(ctx context.Context, user, address, name string) error {
	var statements []string
	if user != "" {
		hosts, err := s.List(ctx, "asking for the router's accounts", "SELECT host FROM mysql.user WHERE user = "+literal(user))
		if err != nil {
			return err
		}
		for _, host := range hosts {
			statements = append(statements, "DROP USER IF EXISTS "+literal(user)+"@"+literal(host))
		}
	}
	if address != "" || name != "" {
		stats, err := s.hasStats(ctx)
		if err != nil {
			return err
		}
		where := " WHERE address = " + literal(address) + " AND router_name = " + literal(name)
		if stats {
			statements = append(statements, "DELETE FROM "+schema+".router_stats WHERE router_id IN (SELECT router_id FROM "+schema+".routers"+where+")")
		}
		statements = append(statements, "DELETE FROM "+schema+".routers"+where)
	}
	return s.Run(ctx, "removing the router from the cluster", statements...)
}

// hasStats says whether routers note in a table of its own that they are there.
func (s *server) hasStats(ctx context.Context) (bool, error) {
	count, err := s.Text(ctx, "asking for the metadata's tables", "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = '"+schema+"' AND table_name = 'router_stats'")
	return count != "0", err
}
