// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package guardian

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/go-sql-driver/mysql"
	"golang.org/x/sys/unix"
)

// socket lets the machine's root in without a password.
const socket = "/run/mysqld/mysqld.sock"

// answer is how long the own server may take to.
const answer = 10 * time.Second

// Server is the guardian's own, as its machine's root.
type Server struct {
	db *sql.DB
}

// OpenServer prepares a session; it dials at the first statement, and again when
// the server was away.
func OpenServer() (*Server, error) {
	config := mysql.NewConfig()
	config.User, config.Net, config.Addr = "root", "unix", socket
	config.Logger = &mysql.NopLogger{}
	config.Collation = "utf8mb4_0900_ai_ci"
	// Without a majority nothing of ours may wait for the group.
	config.Params = map[string]string{"group_replication_consistency": "'EVENTUAL'"}
	connector, err := mysql.NewConnector(config)
	if err != nil {
		return nil, fmt.Errorf("unable to prepare a session on the own server: %w", err)
	}
	db := sql.OpenDB(connector)
	db.SetMaxOpenConns(1)
	return &Server{db}, nil
}

// Close ends the session.
func (s *Server) Close() { _ = s.db.Close() }

// viewQuery is the group as the server sees it, and all that is looked at while
// nothing is the matter.
const viewQuery = `SELECT JSON_ARRAYAGG(JSON_OBJECT('id', member_id, 'endpoint', CONCAT(member_host, ':', IFNULL(member_port, 0)), 'state', member_state))
 FROM performance_schema.replication_group_members WHERE member_id <> ''`

// View asks for the group as the server sees it.
func (s *Server) View(ctx context.Context) (view []Member, err error) {
	return view, s.document(ctx, "its view of the group", viewQuery, &view)
}

const factsQuery = `SELECT JSON_OBJECT('id', @@server_uuid, 'endpoint', CONCAT(@@report_host, ':', @@report_port),
 'group', @@group_replication_group_name, 'expel_timeout', @@group_replication_member_expel_timeout, 'view', (` + viewQuery + `))`

// Facts asks for all.
func (s *Server) Facts(ctx context.Context) (facts Facts, err error) {
	return facts, s.document(ctx, "its state", factsQuery, &facts)
}

// document asks for one JSON document; NULL leaves the target as it is.
func (s *Server) document(ctx context.Context, what, query string, target any) error {
	ctx, cancel := context.WithTimeout(ctx, answer)
	defer cancel()
	var text sql.NullString
	if err := s.db.QueryRowContext(ctx, query).Scan(&text); err != nil {
		return fmt.Errorf("unable to ask the server for %s: %w", what, err)
	}
	if !text.Valid {
		return nil
	}
	if err := json.Unmarshal([]byte(text.String), target); err != nil {
		return fmt.Errorf("unable to read what the server says of %s: %w", what, err)
	}
	return nil
}

// Nudge sets the variable to the value that it has. That lets the server look at
// its suspicions at once (configure_suspicions_mgr in
// gcs_xcom_control_interface.cc), as it does by itself every 15 seconds only.
func (s *Server) Nudge(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, answer)
	defer cancel()
	if _, err := s.db.ExecContext(ctx, "SET GLOBAL group_replication_member_expel_timeout = @@GLOBAL.group_replication_member_expel_timeout"); err != nil {
		return fmt.Errorf("unable to nudge the server: %w", err)
	}
	return nil
}

// down says whether an error means that the server does not run, which is
// nothing that its guardian could mend.
func down(err error) bool {
	return errors.Is(err, unix.ECONNREFUSED) || errors.Is(err, unix.ENOENT)
}
