// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package innodbcluster

import (
	"context"
	"fmt"
	"regexp"
	"slices"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/mysqld"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/mysqlroot"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// accountSum sums up what decides whether an account lets its router in. With another
// password it is another one, also with the same password given anew, since each gets a
// salt of its own. Of the password itself it tells nothing: what MySQL keeps is hashed.
const accountSum = "SHA2(CONCAT_WS(' ', plugin, account_locked, password_expired, authentication_string), 256)"

// SumForm is that of an account's sum.
var SumForm = regexp.MustCompile(`^[0-9a-f]{64}$`)

// RouterSums are the sums of the accounts of routers on one member, by their users: one
// for each place that a user is let in from. Nil on a member that is not the primary,
// which may be behind.
type RouterSums map[string][]string

var routerSumsQuestion = converge.Question[RouterSums]{
	Name: "the accounts of routers", Asker: mysqld.Owner + ".routers", Read: readRouterSums,
	Script: mysqlroot.QuestionScript(
		`SELECT 'leads', IF(COUNT(*) > 0, 'true', 'false') FROM performance_schema.replication_group_members WHERE member_id = @@server_uuid AND member_role = 'PRIMARY' AND member_state = 'ONLINE'`,
		`SELECT 'sums', JSON_ARRAYAGG(JSON_OBJECT('user', user, 'sum', `+accountSum+`)) FROM mysql.user WHERE user REGEXP '`+accountOfRouter+`'`),
}

func readRouterSums(output string) (RouterSums, error) {
	rows, err := mysqlroot.ReadRows(output)
	if err != nil {
		return nil, err
	}
	if state, err := rows.Down(); err != nil || state != "" {
		return nil, err
	}
	var leads bool
	var accounts []struct{ User, Sum string }
	if err := rows.Read(map[string]any{"leads": &leads, "sums": &accounts}); err != nil || !leads {
		return nil, err
	}
	sums := RouterSums{}
	for _, account := range accounts {
		if account.User == "" || !SumForm.MatchString(account.Sum) {
			return nil, fmt.Errorf("%w: the sum of the account %q is %q", mysqlroot.ErrNotWhole, account.User, account.Sum)
		}
		sums[account.User] = append(sums[account.User], account.Sum)
	}
	return sums, nil
}

// AskRouterSums asks all members at once, and gives what the primaries said; none where
// nobody that could be asked is one, of which the cluster's own drift tells.
func AskRouterSums(ctx context.Context, hosts map[string]remote.Host) []RouterSums {
	var said []RouterSums
	for _, sums := range each(hosts, func(_ string, host remote.Host) RouterSums {
		sums, err := converge.Ask(ctx, host, routerSumsQuestion)
		if err != nil {
			return nil
		}
		return sums
	}) {
		if sums != nil {
			said = append(said, sums)
		}
	}
	return said
}

// Sum is that of a router's account, as the router's machine is to note it.
func (r *Routing) Sum(ctx context.Context, user string) (string, error) {
	sum, err := r.server.Text(ctx, "asking for the router's account", "SELECT "+accountSum+" FROM mysql.user WHERE user = ? AND host = ?", user, r.host)
	if err == nil && !SumForm.MatchString(sum) {
		err = fmt.Errorf("%w: the sum of the account %s is %q", mysqlroot.ErrNotWhole, user, sum)
	}
	return sum, err
}

// Fits says whether the cluster still has an account as it was noted.
func (r *Routing) Fits(ctx context.Context, user, sum string) (bool, error) {
	sums, err := r.server.List(ctx, "asking for the router's account", "SELECT "+accountSum+" FROM mysql.user WHERE user = ?", user)
	return slices.Contains(sums, sum), err
}
