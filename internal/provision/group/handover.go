// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package group

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"

	"github.com/atollhq/terraform-provider-atoll/internal/provision/mysqlroot"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// ErrHeld says that open transactions keep the primary's role where it is.
var ErrHeld = errors.New("the primary's role cannot be handed over while transactions are open")

// How a hand-over is bounded.
const (
	// openPatience is how long transactions of the primary may stay open.
	openPatience = time.Minute
	// longOpen is the age from which a transaction is one to wait for; younger
	// ones are those of every busy server, and end by themselves.
	longOpen = 2 * time.Second
	// graceSeconds is what a transaction gets that begins after the last look;
	// then the server ends its session.
	graceSeconds = 10
	// changePatience is how long the change itself may take: the successor
	// applies what it has received first.
	changePatience = 90 * time.Second
)

// openQuery lists the sessions of users whose transactions have been open for
// some seconds.
const openQuery = `SELECT CONCAT('session ', t.processlist_id, ' of ', t.processlist_user, '@', IFNULL(t.processlist_host, ''), ', open for ', ROUND(e.timer_wait / 1e12), ' s')
 FROM performance_schema.events_transactions_current e JOIN performance_schema.threads t USING (thread_id)
 WHERE e.state = 'ACTIVE' AND e.timer_wait > ? * 1e12 AND t.type = 'FOREGROUND' AND t.processlist_id <> CONNECTION_ID()
 AND t.processlist_user NOT IN ('system user', 'event_scheduler') ORDER BY e.timer_wait DESC LIMIT 10`

// HandOver gives the primary's role to another member. session is one on the
// primary, as root.
//
// Once MySQL was told to change the primary it cannot be told otherwise: 9.7.4
// goes on when the statement, or its session, is killed, and changes the primary
// when the last transaction has ended, however late. So transactions are
// waited for before, where giving up leaves nothing behind, and the change
// itself is bounded by the server and seen to its end whatever the context says.
func HandOver(ctx context.Context, session *mysqlroot.Session, to Member) error {
	if err := AwaitTransactions(ctx, session); err != nil {
		return err
	}
	change, cancel := context.WithTimeout(context.WithoutCancel(ctx), changePatience)
	defer cancel()
	what := "handing the primary's role over to " + to.Endpoint()
	_, err := session.Await(change, what, "SELECT group_replication_set_as_primary(?, ?)", to.ID, graceSeconds)
	var known *mysql.MySQLError
	if errors.As(err, &known) && known.Number == 1123 {
		// Before 8.0.29 there is no such bound.
		_, err = session.Await(change, what, "SELECT group_replication_set_as_primary(?)", to.ID)
	}
	return err
}

// AwaitTransactions waits until no transaction of the primary has been open for long.
func AwaitTransactions(ctx context.Context, session *mysqlroot.Session) error {
	for deadline := time.Now().Add(openPatience); ; {
		open, err := session.List(ctx, "asking for open transactions", openQuery, longOpen.Seconds())
		if err != nil || len(open) == 0 {
			return err
		}
		held := fmt.Errorf("%w: %s. End them (KILL, or in the application) and apply again", ErrHeld, strings.Join(open, "; "))
		if time.Now().After(deadline) {
			return held
		}
		if err := remote.Pause(ctx, pause); err != nil {
			return fmt.Errorf("%w: %w", held, err)
		}
	}
}

// pause lies between two looks at something that is moving.
const pause = 500 * time.Millisecond
