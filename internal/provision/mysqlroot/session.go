// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package mysqlroot

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"

	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// Session is one session on a server, over the forwarded socket.
type Session struct {
	// Name of the server in errors.
	Name string
	DB   *sql.DB
	// Tell is told of statements that last; nil for nobody but the log.
	Tell func(string)

	connector driver.Connector
	bounds    bounds
}

// Connect prepares a session; it dials at the first statement.
func Connect(name string, host remote.Host) (*Session, error) {
	config := mysql.NewConfig()
	config.User, config.Net, config.Addr = "root", "unix", Socket
	config.MultiStatements = true
	// Without a quorum, or behind a lagging applier, our own statements must
	// not wait for the group.
	config.Params = map[string]string{"group_replication_consistency": "'EVENTUAL'"}
	return open(name, "member "+name, host, config)
}

// open prepares a session from a machine; whom says in an error with which server.
func open(name, whom string, host remote.Host, config *mysql.Config) (*Session, error) {
	config.InterpolateParams, config.Logger = true, &mysql.NopLogger{}
	// What the views of the metadata compute inherits it.
	config.Collation = "utf8mb4_0900_ai_ci"
	config.DialFunc = func(ctx context.Context, network, address string) (net.Conn, error) {
		return host.Dial(ctx, remote.Endpoint{Network: network, Address: address})
	}
	connector, err := mysql.NewConnector(config)
	if err != nil {
		return nil, fmt.Errorf("connecting to %s: %w", whom, err)
	}
	db := sql.OpenDB(connector)
	// One session: what a batch sets for the session must hold for the next.
	db.SetMaxOpenConns(1)
	return &Session{Name: name, DB: db, connector: connector}, nil
}

// Login is how a server is reached that is not Atoll's.
type Login struct {
	Address, User, Password string
	// CA are certificates in PEM form of which one has signed the server's, whatever
	// name that bears; "" only encrypts.
	CA string
}

// ConnectTo prepares a session on another server, by TCP and TLS from a machine.
func ConnectTo(host remote.Host, login Login) (*Session, error) {
	config := mysql.NewConfig()
	config.User, config.Passwd, config.Net, config.Addr = login.User, login.Password, "tcp", login.Address
	config.Timeout, config.ReadTimeout = patience, patience
	var err error
	if config.TLS, err = login.tls(); err != nil {
		return nil, err
	}
	return open(login.Address, login.Address, host, config)
}

// patience bounds each answer of a server that is not Atoll's.
const patience = time.Minute

func (l Login) tls() (*tls.Config, error) {
	config := &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS12} // MySQL's own certificates bear no name: see VerifyConnection
	if l.CA == "" {
		return config, nil
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM([]byte(l.CA)) {
		return nil, errors.New("it holds no certificate in PEM form")
	}
	config.VerifyConnection = func(state tls.ConnectionState) error {
		between := x509.NewCertPool()
		for _, certificate := range state.PeerCertificates[1:] {
			between.AddCert(certificate)
		}
		_, err := state.PeerCertificates[0].Verify(x509.VerifyOptions{Roots: roots, Intermediates: between})
		return err
	}
	return config, nil
}

// Close ends the session, and with it all that it holds.
func (s *Session) Close() { _ = s.DB.Close() }

// Run sends statements as one batch: one round trip, and the first error ends
// it. what says in an error what was tried; the statements never appear, since
// some hold passwords. They may last for as long as the server is well.
func (s *Session) Run(ctx context.Context, what string, statements ...string) error {
	return s.Exec(ctx, what, strings.Join(statements, ";\n"))
}

// Exec is Run for one statement with arguments.
func (s *Session) Exec(ctx context.Context, what, statement string, args ...any) error {
	return s.While(ctx, what, func(ctx context.Context) error {
		_, err := s.DB.ExecContext(ctx, statement, args...)
		return err
	})
}

// Change does a transaction's statements, all of them or none.
func (s *Session) Change(ctx context.Context, what string, do func(context.Context, *sql.Tx) error) error {
	return s.While(ctx, what, func(ctx context.Context) error {
		transaction, err := s.DB.BeginTx(ctx, nil)
		if err != nil {
			return err
		}
		defer func() { _ = transaction.Rollback() }()
		if err := do(ctx, transaction); err != nil {
			return err
		}
		return transaction.Commit()
	})
}

// Explain names the server and what was tried in an error.
func (s *Session) Explain(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s on member %s: %w", what, s.Name, err)
}

// Text asks for one value; NULL is "". It is for what the server knows by itself, and a
// server that does not say it soon hangs: see Await.
func (s *Session) Text(ctx context.Context, what, query string, args ...any) (value string, err error) {
	err = s.Look(ctx, what, func(ctx context.Context) (err error) {
		value, err = s.value(ctx, query, args)
		return err
	})
	return value, err
}

// Await is Text for what may last for as long as the server is well.
func (s *Session) Await(ctx context.Context, what, query string, args ...any) (value string, err error) {
	err = s.While(ctx, what, func(ctx context.Context) (err error) {
		value, err = s.value(ctx, query, args)
		return err
	})
	return value, err
}

func (s *Session) value(ctx context.Context, query string, args []any) (string, error) {
	var value sql.NullString
	err := s.DB.QueryRowContext(ctx, query, args...).Scan(&value)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	return value.String, err
}

// List asks for one column, as Text does for one value.
func (s *Session) List(ctx context.Context, what, query string, args ...any) (list []string, err error) {
	err = s.Look(ctx, what, func(ctx context.Context) error {
		rows, err := s.DB.QueryContext(ctx, query, args...)
		if err != nil {
			return err
		}
		defer func() { _ = rows.Close() }()
		for rows.Next() {
			var value string
			if err := rows.Scan(&value); err != nil {
				return err
			}
			list = append(list, value)
		}
		return rows.Err()
	})
	return list, err
}

// GroupErrors are the last lines that Group Replication put into the error log:
// its statements only say that one should look there.
func (s *Session) GroupErrors(ctx context.Context) string {
	lines, err := s.List(ctx, "reading the error log", `SELECT data FROM performance_schema.error_log
 WHERE subsystem = 'Repl' AND prio IN ('Error', 'Warning') ORDER BY logged DESC LIMIT 4`)
	if err != nil || len(lines) == 0 {
		return ""
	}
	return "; its error log says: " + strings.Join(lines, " | ")
}
