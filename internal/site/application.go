// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package site

import (
	"context"
	"crypto/rand"
	"database/sql"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/atollhq/terraform-provider-atoll/internal/lab"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// Machines reaches the hosts of a lab as an administrator does.
func Machines(inventory lab.Inventory) (*remote.Pool, error) {
	key, err := os.ReadFile(inventory.Key)
	if err != nil {
		return nil, fmt.Errorf("reading the lab's key: %w", err)
	}
	passwords := map[string]string{}
	for _, host := range inventory.Hosts {
		if host.User != "" {
			passwords[host.User] = inventory.SudoPassword
		}
	}
	return remote.New(remote.Options{Keys: map[string]remote.PrivateKey{"default": {PEM: key}}, SudoPasswords: passwords})
}

// Machine is one host of a lab by its name.
func Machine(pool *remote.Pool, inventory lab.Inventory, name string) (remote.Host, error) {
	found, err := inventory.Host(name)
	if err != nil {
		return nil, err
	}
	return pool.Host(remote.Target{Host: found.Address, User: found.User, HostKey: found.HostKey}), nil
}

// Application is a database of its own, seen through the router of its host.
type Application struct {
	DB *sql.DB
}

// Deploy makes a database and an account on the primary, as an administrator
// would, and connects to it through the router on the application's host.
func Deploy(ctx context.Context, primary, application remote.Host) (*Application, error) {
	secret := rand.Text()
	statements := strings.Join([]string{
		"CREATE DATABASE IF NOT EXISTS shop", "DROP TABLE IF EXISTS shop.writes", "CREATE TABLE shop.writes (id BIGINT PRIMARY KEY)",
		"CREATE USER IF NOT EXISTS shop@'%'", "ALTER USER shop@'%' IDENTIFIED BY '" + secret + "'", "GRANT ALL ON shop.* TO shop@'%'",
	}, ";\n")
	if _, err := primary.Run(ctx, remote.Command{Name: "making the application's database", Script: "mysql", Stdin: strings.NewReader(statements)}); err != nil {
		return nil, err
	}
	db, err := OpenRouter(application, "127.0.0.1:6446", "shop", secret, "shop")
	if err != nil {
		return nil, err
	}
	var refusals []string
	err = askAgain(ctx, 30*time.Second, func() error {
		err := db.PingContext(ctx)
		if err != nil && !slices.Contains(refusals, err.Error()) {
			refusals = append(refusals, err.Error())
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("reaching the database through the router: %w (all that was said: %q; %s)", err, refusals, directly(ctx, primary, secret))
	}
	return &Application{DB: db}, nil
}

// askAgain asks until there is an answer, as a client does whose group changes its
// primary, and gives the last error when the time is over.
func askAgain(ctx context.Context, within time.Duration, ask func() error) error {
	for deadline := time.Now().Add(within); ; {
		err := ask()
		if err == nil || time.Now().After(deadline) {
			return err
		}
		if err := remote.Pause(ctx, 100*time.Millisecond); err != nil {
			return err
		}
	}
}

// directly tells what the server says to the application without a router: of what a
// router asks the server about the account it tells no more than "Access denied".
func directly(ctx context.Context, primary remote.Host, secret string) string {
	result, err := primary.Run(ctx, remote.Command{Name: "asking without the router", Stdin: strings.NewReader(secret), Script: `read -r secret || :
mysql -BNe 'SELECT MEMBER_HOST, MEMBER_STATE, MEMBER_ROLE FROM performance_schema.replication_group_members; SELECT @@super_read_only, @@offline_mode'
MYSQL_PWD=$secret mysql -u shop shop -BNe 'SELECT attribute FROM information_schema.user_attributes WHERE CONCAT(user, "@", host) = CURRENT_USER()' 2>&1 || :`})
	return fmt.Sprintf("the server said without it: %q, %v", result.Stdout, err)
}
