// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package group

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"
	"slices"
	"testing"

	"github.com/go-sql-driver/mysql"

	"github.com/atollhq/terraform-provider-atoll/internal/provision/mysqlroot"
)

// starting is a server that says who starts its member, and hears what it is told.
type starting struct {
	boots string
	err   error
	told  []string
}

func (s *starting) Connect(context.Context) (driver.Conn, error) { return s, nil }
func (s *starting) Driver() driver.Driver                        { return nil }
func (s *starting) Prepare(string) (driver.Stmt, error)          { return nil, errors.ErrUnsupported }
func (s *starting) Begin() (driver.Tx, error)                    { return nil, errors.ErrUnsupported }
func (s *starting) Close() error                                 { return nil }

func (s *starting) ExecContext(_ context.Context, statement string, _ []driver.NamedValue) (driver.Result, error) {
	s.told = append(s.told, statement)
	return driver.RowsAffected(0), s.err
}

func (s *starting) QueryContext(context.Context, string, []driver.NamedValue) (driver.Rows, error) {
	return &oneValue{value: s.boots}, nil
}

// oneValue is an answer of one row and one column.
type oneValue struct {
	value string
	given bool
}

func (*oneValue) Columns() []string { return []string{"value"} }
func (*oneValue) Close() error      { return nil }
func (o *oneValue) Next(row []driver.Value) error {
	if o.given {
		return io.EOF
	}
	row[0], o.given = o.value, true
	return nil
}

// A guardian that takes the start at boot over in the moment before a restart leaves
// nobody to start the member, since it stands aside while the apply has the turn.
func TestStartUnlessAtBoot(t *testing.T) {
	for _, row := range []struct {
		name, boots string
		err         error
		told        []string
	}{
		{"its server starts it", "1", nil, nil},
		{"nobody does", "0", nil, []string{"START GROUP_REPLICATION"}},
		{"it runs already", "0", &mysql.MySQLError{Number: 3093}, []string{"START GROUP_REPLICATION"}},
	} {
		server := &starting{boots: row.boots, err: row.err}
		db := sql.OpenDB(server)
		if err := StartUnlessAtBoot(t.Context(), &mysqlroot.Session{Name: "hk1", DB: db}); err != nil {
			t.Errorf("%s: %v", row.name, err)
		}
		if !slices.Equal(server.told, row.told) {
			t.Errorf("%s: the server was told %q", row.name, server.told)
		}
		_ = db.Close()
	}
}
