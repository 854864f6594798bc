// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package guardian

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"

	"github.com/atollhq/terraform-provider-atoll/internal/model/group"
)

// Nudge sets the variable to the value that it has. That lets the server look at
// its suspicions at once (configure_suspicions_mgr in
// gcs_xcom_control_interface.cc), as it does by itself every 15 seconds only.
func (s *Server) Nudge(ctx context.Context) error {
	return s.run(ctx, "nudge the server", answer, "SET GLOBAL group_replication_member_expel_timeout = @@GLOBAL.group_replication_member_expel_timeout")
}

// Attend takes over from MySQL what brings the member in: its start at boot and its
// tries to rejoin. Each finds nobody after an outage of all, and then waits for a
// minute. What is persisted of the tries stays: that is the declared number, which
// the server has again when it starts.
func (s *Server) Attend(ctx context.Context) error {
	return s.run(ctx, "take over what brings the member in", answer, "SET PERSIST group_replication_start_on_boot = OFF; SET GLOBAL group_replication_autorejoin_tries = 0")
}

// Resign gives both back.
func (s *Server) Resign(ctx context.Context) error {
	return s.run(ctx, "give back what brings the member in", answer, `SET PERSIST group_replication_start_on_boot = ON;
 SET @atoll_tries = (SELECT CAST(MAX(variable_value) AS SIGNED) FROM performance_schema.persisted_variables WHERE variable_name = 'group_replication_autorejoin_tries');
 SET GLOBAL group_replication_autorejoin_tries = IFNULL(@atoll_tries, @@GLOBAL.group_replication_autorejoin_tries)`)
}

// Admit lets in whom the server needs beside those that are there. What is declared
// comes with the next apply, which is let in then, or with the next start.
func (s *Server) Admit(ctx context.Context) error {
	return s.run(ctx, "let in more connections", answer, fmt.Sprintf(`SET @atoll_connections = %d + (SELECT CAST(MAX(variable_value) AS UNSIGNED) FROM performance_schema.global_status WHERE variable_name = 'Threads_connected'); SET GLOBAL max_connections = @atoll_connections`, group.LeastConnections))
}

// Stop takes the server out of its group.
func (s *Server) Stop(ctx context.Context) error {
	return s.run(ctx, "stop the member in its group", change, "STOP GROUP_REPLICATION")
}

// Join brings the server into its running group; getting what it missed goes on
// behind. A server that its exit action had closed to users opens again.
func (s *Server) Join(ctx context.Context) error {
	return s.run(ctx, "start the member in its group", change, openAgain+"START GROUP_REPLICATION")
}

// openAgain takes back what exit_state_action did.
const openAgain = "SET GLOBAL offline_mode = IF(@@group_replication_exit_state_action = 'OFFLINE_MODE', 0, @@global.offline_mode); "

// Start starts the group with the server as its first member. The flag for that
// must not outlive the moment, so all goes to the server at once; where it does
// outlive it, since the server ended the session, Disarm is due.
func (s *Server) Start(ctx context.Context) error {
	err := s.run(ctx, "start the group", change, openAgain+"SET GLOBAL group_replication_bootstrap_group = ON; START GROUP_REPLICATION; SET GLOBAL group_replication_bootstrap_group = OFF")
	return errors.Join(err, s.Disarm(context.WithoutCancel(ctx)))
}

// Disarm clears the flag that lets the next start make a second group.
func (s *Server) Disarm(ctx context.Context) error {
	return s.run(ctx, "clear group_replication_bootstrap_group", answer, "SET GLOBAL group_replication_bootstrap_group = OFF")
}

// change is how long a start or stop may take: a server that waits for a view
// does so for a minute.
const change = 3 * time.Minute

func (s *Server) run(ctx context.Context, what string, patience time.Duration, statement string) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if _, err := s.db.ExecContext(ctx, statement); err != nil {
		return fmt.Errorf("unable to %s: %w", what, err)
	}
	return nil
}

// down says whether an error means that the server does not run, which is
// nothing that its guardian could mend.
func down(err error) bool {
	return errors.Is(err, unix.ECONNREFUSED) || errors.Is(err, unix.ENOENT)
}
