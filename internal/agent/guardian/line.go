// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package guardian

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-sql-driver/mysql"
)

// line is a session on another member. Its lock is held while it is spoken with.
type line struct {
	mu       sync.Mutex
	endpoint string
	db       *sql.DB
	conn     *sql.Conn
	// opened is when the session began; nil without one. A time keeps what it has of
	// the monotonic clock, so that a machine's clock may jump meanwhile.
	opened atomic.Pointer[time.Time]
}

// overTheMesh verifies the others as the server itself does.
func overTheMesh(endpoint string, own account) (driver.Connector, error) {
	config := mysql.NewConfig()
	config.User, config.Passwd, config.Net, config.Addr = own.user, own.password, "tcp", endpoint
	config.TLSConfig, config.InterpolateParams, config.Timeout = "skip-verify", true, call
	if own.authorities != "" {
		trusted, err := verified(endpoint, own.authorities)
		if err != nil {
			return nil, err
		}
		config.TLSConfig, config.TLS = "", trusted
	}
	config.Logger = &mysql.NopLogger{}
	config.Collation = "utf8mb4_0900_ai_ci"
	return mysql.NewConnector(config)
}

// verified lets in who shows a certificate for the endpoint's address that one of the
// authorities in a file has signed.
func verified(endpoint, file string) (*tls.Config, error) {
	host, _, err := net.SplitHostPort(endpoint)
	if err != nil {
		return nil, fmt.Errorf("unable to read the address %q: %w", endpoint, err)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("unable to read what others are verified by: %w", err)
	}
	authorities := x509.NewCertPool()
	if !authorities.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("unable to read what others are verified by: %s has no certificate", file)
	}
	return &tls.Config{RootCAs: authorities, ServerName: host, MinVersion: tls.VersionTLS12}, nil
}

// open begins a session.
func (p *Peers) open(ctx context.Context, l *line) error {
	own, err := p.server.account(ctx)
	if err != nil {
		return err
	}
	connector, err := p.connector(l.endpoint, own)
	if err != nil {
		return err
	}
	l.db = sql.OpenDB(connector)
	if l.conn, err = l.db.Conn(ctx); err != nil {
		l.drop()
		return err
	}
	now := time.Now()
	l.opened.Store(&now)
	return nil
}

func (l *line) drop() {
	if l.conn != nil {
		_ = l.conn.Close()
	}
	if l.db != nil {
		_ = l.db.Close()
	}
	l.conn, l.db = nil, nil
	l.opened.Store(nil)
}

func (l *line) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.drop()
}
