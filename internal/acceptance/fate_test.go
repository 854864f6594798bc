// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package acceptance

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// fate ends a run as a kill would, after so many statements of those that change
// something: what was said is done, nothing more is, and all connections are gone.
type fate struct {
	mu sync.Mutex
	// left is how many statements there are until the end; less than one is no end.
	left int
	// atOnce: the end does not wait until the last one is done.
	atOnce bool
	// said are the statements so far.
	said  []string
	ended bool
	// kill ends all connections.
	kill func()
}

var errFate = errors.New("the run was killed")

var (
	// asks is a statement that changes nothing.
	asks = regexp.MustCompile(`^\s*(SELECT\s|SHOW\s|START TRANSACTION|DO RELEASE_LOCK)`)
	// lasts is what a SET says of a variable that outlives its session.
	lasts = regexp.MustCompile(`\b(GLOBAL|PERSIST|PERSIST_ONLY)\s`)
)

// changes says whether a statement is one of those that are counted.
func changes(statement string) bool {
	if strings.HasPrefix(statement, "SET ") {
		return lasts.MatchString(statement)
	}
	return !asks.MatchString(statement) || strings.HasPrefix(statement, "SELECT group_replication_")
}

// statements are those of a batch. A procedure is one with all that is in it.
func statements(batch string) []string {
	var whole []string
	body := false
	for part := range strings.SplitSeq(batch, ";\n") {
		if body {
			whole[len(whole)-1] += ";\n" + part
		} else {
			whole = append(whole, part)
			body = strings.HasPrefix(part, "CREATE PROCEDURE ") && strings.Contains(part, "\nBEGIN\n")
		}
		body = body && strings.TrimSpace(part) != "END"
	}
	return whole
}

// take counts the statements of a batch. It gives the part of it that is said before
// the end, and whether that comes now.
func (f *fate) take(batch string) (part string, ends bool, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.ended {
		return "", false, errFate
	}
	all := statements(batch)
	for i, statement := range all {
		if !changes(statement) {
			continue
		}
		f.said = append(f.said, statement)
		if f.left--; f.left == 0 {
			f.ended = true
			return strings.Join(all[:i+1], ";\n"), true, nil
		}
	}
	return batch, false, nil
}

// over says whether the end has come, and after which statement.
func (f *fate) over() (last string, ended bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.said) > 0 {
		last = f.said[len(f.said)-1]
	}
	return last, f.ended
}

// fated is a host whose sessions with a server are counted.
type fated struct {
	remote.Host
	fate *fate
}

// Run does nothing after the end.
func (h fated) Run(ctx context.Context, command remote.Command) (remote.Result, error) {
	if _, ended := h.fate.over(); ended {
		return remote.Result{}, errFate
	}
	return h.Host.Run(ctx, command)
}

// Dial counts what is said to a socket.
func (h fated) Dial(ctx context.Context, endpoint remote.Endpoint) (net.Conn, error) {
	conn, err := h.Host.Dial(ctx, endpoint)
	if err != nil || endpoint.Network != "unix" {
		return conn, err
	}
	return &fatedConn{Conn: conn, fate: h.fate}, nil
}

// fatedConn is a session in MySQL's protocol, as its client writes it: a packet at a
// time, without compression.
type fatedConn struct {
	net.Conn
	fate *fate
}

// query is the command that statements come in, COM_QUERY.
const query = 0x03

// Write lets what comes before the end through.
func (c *fatedConn) Write(packet []byte) (int, error) {
	// The first packet of a command has the number 0; the login's have others.
	if len(packet) < 5 || packet[3] != 0 || packet[4] != query {
		return c.Conn.Write(packet)
	}
	part, ends, err := c.fate.take(string(packet[5:]))
	if err != nil || !ends {
		if err != nil {
			return 0, err
		}
		return c.Conn.Write(packet)
	}
	head := binary.LittleEndian.AppendUint32(nil, uint32(len(part)+1))
	head[3] = 0
	_, err = c.Conn.Write(append(append(head, query), part...))
	if err == nil && !c.fate.atOnce {
		err = answered(bufio.NewReader(c.Conn))
	}
	c.fate.kill()
	return 0, errors.Join(errFate, err)
}

// answered reads until the server has answered all statements of a batch, the last
// one or the first that failed.
// Source: https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_command_phase_text.html
func answered(reader io.Reader) error {
	const okay, failed, end = 0x00, 0xff, 0xfe
	rows := false
	for {
		head := make([]byte, 4)
		if _, err := io.ReadFull(reader, head); err != nil {
			return err
		}
		size := int(head[0]) | int(head[1])<<8 | int(head[2])<<16
		packet := make([]byte, size)
		if _, err := io.ReadFull(reader, packet); err != nil {
			return err
		}
		switch {
		case size > 0 && packet[0] == failed:
			return nil
		case size > 0 && (!rows && packet[0] == okay || rows && packet[0] == end):
			if !moreFollow(packet[1:]) {
				return nil
			}
			rows = false
		default:
			// The number of columns, and what follows it: columns and rows.
			rows = true
		}
	}
}

// moreFollow reads the state of a session behind two numbers of variable length.
func moreFollow(packet []byte) bool {
	const more = 0x0008 // SERVER_MORE_RESULTS_EXISTS
	for range 2 {
		width := map[byte]int{0xfc: 3, 0xfd: 4, 0xfe: 9}[packet[0]]
		packet = packet[max(width, 1):]
	}
	return binary.LittleEndian.Uint16(packet)&more != 0
}

func TestFateCountsWhatChanges(t *testing.T) {
	end := &fate{left: 3}
	for batch, want := range map[string]bool{
		"SET group_replication_consistency = 'EVENTUAL'": false, "SET @was = @@global.super_read_only, GLOBAL super_read_only = OFF": true, "SET SESSION sql_log_bin = 0": false,
		"SELECT @@global.gtid_executed": false, "SELECT group_replication_set_as_primary('a')": true, "RESET PERSIST IF EXISTS super_read_only": true, "STOP GROUP_REPLICATION": true,
	} {
		if got := changes(batch); got != want {
			t.Errorf("%q changes something: %v", batch, got)
		}
	}
	if part, ends, err := end.take("SET SESSION sql_log_bin = 0;\nSET GLOBAL a = 1"); part != "SET SESSION sql_log_bin = 0;\nSET GLOBAL a = 1" || ends || err != nil {
		t.Errorf("%q, %v, %v", part, ends, err)
	}
	const procedure = "CREATE PROCEDURE p(IN a INT)\nBEGIN\n  INSERT INTO t VALUES (a);\n  INSERT INTO u VALUES (a);\nEND"
	if got := statements("SELECT 1;\n" + procedure + ";\nDROP USER b"); !slices.Equal(got, []string{"SELECT 1", procedure, "DROP USER b"}) {
		t.Errorf("%q", got)
	}
	if part, ends, err := end.take("SELECT 1;\nDROP USER b;\nDROP USER c;\nDROP USER d"); part != "SELECT 1;\nDROP USER b;\nDROP USER c" || !ends || err != nil {
		t.Errorf("%q, %v, %v", part, ends, err)
	}
	if _, _, err := end.take("SELECT 1"); !errors.Is(err, errFate) {
		t.Errorf("after the end: %v", err)
	}
}
