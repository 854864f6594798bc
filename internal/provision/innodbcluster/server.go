// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package innodbcluster

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"strings"

	"github.com/go-sql-driver/mysql"

	"github.com/atollhq/terraform-provider-atoll/internal/provision/mysqlroot"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// server is an administrative session on one member, as the machine's root over
// the forwarded local socket: there is no password to know.
type server struct {
	key string
	db  *sql.DB
}

// connect prepares a session; it dials at the first statement.
func connect(key string, host remote.Host) (*server, error) {
	config := mysql.NewConfig()
	config.User, config.Net, config.Addr = "root", "unix", mysqlroot.Socket
	config.MultiStatements, config.InterpolateParams = true, true
	config.Logger = &mysql.NopLogger{}
	// What the views of the metadata compute inherits it.
	config.Collation = "utf8mb4_0900_ai_ci"
	config.DialFunc = func(ctx context.Context, network, address string) (net.Conn, error) {
		return host.Dial(ctx, remote.Endpoint{Network: network, Address: address})
	}
	// Without a quorum, or behind a lagging applier, our own statements must
	// not wait for the group.
	config.Params = map[string]string{"group_replication_consistency": "'EVENTUAL'"}
	connector, err := mysql.NewConnector(config)
	if err != nil {
		return nil, fmt.Errorf("connecting to member %s: %w", key, err)
	}
	db := sql.OpenDB(connector)
	// One session: what a batch sets for the session must hold for the next.
	db.SetMaxOpenConns(1)
	return &server{key: key, db: db}, nil
}

func (s *server) close() { _ = s.db.Close() }

// run sends statements as one batch: one round trip, and the first error ends
// it. what says in an error what was tried; the statements never appear, since
// some hold passwords.
func (s *server) run(ctx context.Context, what string, statements ...string) error {
	_, err := s.db.ExecContext(ctx, strings.Join(statements, ";\n"))
	return s.explain(what, err)
}

func (s *server) explain(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s on member %s: %w", what, s.key, err)
}

// text asks for one value; NULL is "".
func (s *server) text(ctx context.Context, what, query string, args ...any) (string, error) {
	var value sql.NullString
	err := s.db.QueryRowContext(ctx, query, args...).Scan(&value)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	return value.String, s.explain(what, err)
}

// groupErrors are the last lines that Group Replication put into the error log:
// its statements only say that one should look there.
func (s *server) groupErrors(ctx context.Context) string {
	rows, err := s.db.QueryContext(ctx, `SELECT data FROM performance_schema.error_log
 WHERE subsystem = 'Repl' AND prio IN ('Error', 'Warning') ORDER BY logged DESC LIMIT 4`)
	if err != nil {
		return ""
	}
	defer func() { _ = rows.Close() }()
	var lines []string
	for rows.Next() {
		var line string
		if rows.Scan(&line) == nil {
			lines = append(lines, line)
		}
	}
	if rows.Err() != nil || len(lines) == 0 {
		return ""
	}
	return "; its error log says: " + strings.Join(lines, " | ")
}

// literal quotes text for a statement.
func literal(text string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `''`).Replace(text) + "'"
}

// password is random, long enough and within the 32 characters that CHANGE
// REPLICATION SOURCE takes.
func password() string { return rand.Text()[:26] }

// newUUID is a random one (RFC 9562, version 4).
func newUUID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
