// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package group

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/go-sql-driver/mysql"

	"github.com/atollhq/terraform-provider-atoll/internal/provision/mysqlroot"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

const (
	// startTries: another member may be joining in this very moment, or the
	// group may not have noticed yet that this one was gone.
	startTries = 6
	startPause = 3 * time.Second
)

// errRuns is MySQL's number for a START GROUP_REPLICATION where it runs already, as
// after a boot (ER_GROUP_REPLICATION_RUNNING).
const errRuns = 3093

// Start lets a member into its group. It returns when the group has it in its view;
// getting the data goes on behind.
func Start(ctx context.Context, member *mysqlroot.Session) error {
	for try := 1; ; try++ {
		err := member.Run(ctx, "starting group replication", "START GROUP_REPLICATION")
		var known *mysql.MySQLError
		if err == nil || errors.As(err, &known) && known.Number == errRuns {
			return nil
		}
		if errors.Is(err, remote.ErrMute) {
			return err
		}
		if !errors.As(err, &known) || try == startTries {
			return fmt.Errorf("%w%s", err, member.GroupErrors(ctx))
		}
		if err := remote.Pause(ctx, startPause); err != nil {
			return err
		}
	}
}

// StartUnlessAtBoot lets a member into its group where its server has not begun that
// by itself at its start: a guardian may have taken that over in the moment before, and
// stands aside while an apply has the turn.
func StartUnlessAtBoot(ctx context.Context, member *mysqlroot.Session) error {
	boots, err := member.Text(ctx, "asking who starts the member", "SELECT @@GLOBAL.group_replication_start_on_boot")
	if err != nil || boots == "1" {
		return err
	}
	return Start(ctx, member)
}
