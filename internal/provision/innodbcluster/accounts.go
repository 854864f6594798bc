// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package innodbcluster

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// recoveryGrants are what a recovery account needs and all that it has
// (manual, "User Credentials For Distributed Recovery").
const recoveryGrants = "REPLICATION SLAVE, BACKUP_ADMIN, GROUP_REPLICATION_STREAM, CONNECTION_ADMIN"

// Account is a recovery account as it stands in mysql.user.
type Account struct {
	User   string `json:"user"`
	Host   string `json:"host"`
	Plugin string `json:"plugin"`
	Locked bool   `json:"locked"`
	// TLS says whether it is let in over TLS only.
	TLS bool `json:"tls"`
	// Replicates says whether it may read the binary log, Grants are its
	// dynamic privileges.
	Replicates bool     `json:"replicates"`
	Grants     []string `json:"grants"`
}

// wrong says what keeps a member from coming back by the account; "" is nothing.
func (a Account) wrong() string {
	var lacks []string
	for _, grant := range strings.Split(recoveryGrants, ", ")[1:] {
		if !slices.Contains(a.Grants, grant) {
			lacks = append(lacks, grant)
		}
	}
	if !a.Replicates {
		lacks = append(lacks, "REPLICATION SLAVE")
	}
	switch {
	case a.Plugin != "caching_sha2_password":
		return "authenticates by " + a.Plugin + ", want caching_sha2_password"
	case a.Locked:
		return "is locked"
	case !a.TLS:
		return "is let in without TLS"
	case len(lacks) > 0:
		return "lacks " + strings.Join(lacks, ", ")
	}
	return ""
}

// accountStatements make an account or bring an existing one to this password.
// They can be replayed where the account is: a joiner that was prepared without
// its binary log meets them again in the group's. name is quoted, with its host.
func accountStatements(name, password string) []string {
	return []string{
		"CREATE USER IF NOT EXISTS " + name + " IDENTIFIED WITH 'caching_sha2_password' BY " + literal(password),
		"ALTER USER " + name + " IDENTIFIED WITH 'caching_sha2_password' BY " + literal(password) + " REQUIRE SSL PASSWORD EXPIRE NEVER ACCOUNT UNLOCK",
		"GRANT " + recoveryGrants + " ON *.* TO " + name,
	}
}

// copyAccount is an account as the primary has it: the hash, not the password.
type copyAccount struct{ user, host, hash string }

func (a copyAccount) name() string { return literal(a.user) + "@" + literal(a.host) }

// made are the statements that make the account, without rights.
func (a copyAccount) made() []string {
	return []string{
		"CREATE USER IF NOT EXISTS " + a.name() + " IDENTIFIED WITH 'caching_sha2_password' AS 0x" + a.hash,
		"ALTER USER " + a.name() + " IDENTIFIED WITH 'caching_sha2_password' AS 0x" + a.hash + " REQUIRE SSL PASSWORD EXPIRE NEVER",
	}
}

// statements make a recovery account.
func (a copyAccount) statements() []string {
	return append(a.made(), "GRANT "+recoveryGrants+" ON *.* TO "+a.name())
}

// accounts reads the recovery accounts of the group. With the MYSQL stack every
// member authenticates with its own at every other, so a joiner has to know all
// of them before it has the group's data.
func (s *server) accounts(ctx context.Context) ([]copyAccount, error) {
	return s.copies(ctx, "WHERE user REGEXP '^"+accountPrefix+"[0-9]+$'")
}

// copies reads accounts with their hashes.
func (s *server) copies(ctx context.Context, where string) (list []copyAccount, err error) {
	err = s.Look(ctx, "reading the accounts", func(ctx context.Context) error {
		rows, err := s.DB.QueryContext(ctx, "SELECT user, host, HEX(authentication_string) FROM mysql.user "+where+" AND plugin = 'caching_sha2_password' ORDER BY user, host")
		if err != nil {
			return err
		}
		defer func() { _ = rows.Close() }()
		for rows.Next() {
			var one copyAccount
			if err := rows.Scan(&one.user, &one.host, &one.hash); err != nil {
				return err
			}
			list = append(list, one)
		}
		return rows.Err()
	})
	return list, err
}

// Rotate gives every member's recovery account a new password, one after another.
// One that was killed half-way leaves a member that cannot log in, which is drift.
func Rotate(ctx context.Context, c Cluster, hosts map[string]remote.Host) error {
	r := begin(c, hosts)
	defer r.close()
	r.seen = Observe(ctx, hosts)
	r.diagnosis = Diagnose(c, r.seen)
	r.cluster.allowedHost = r.diagnosis.allowedHost
	if r.diagnosis.State != StateOnline || r.diagnosis.Primary == "" {
		return notAsDeclared(r.diagnosis)
	}
	if _, err := r.takeTurns(ctx, r.seen, r.diagnosis); err != nil {
		return err
	}
	for _, key := range c.keys() {
		if err := r.Do(ctx, Credential{key}); err != nil {
			return fmt.Errorf("unable to %s: %w", Credential{key}, err)
		}
	}
	return nil
}

// channelStatement tells a member its own account.
func channelStatement(user, password string) string {
	return fmt.Sprintf("CHANGE REPLICATION SOURCE TO SOURCE_USER = %s, SOURCE_PASSWORD = %s FOR CHANNEL 'group_replication_recovery'",
		literal(user), literal(password))
}
