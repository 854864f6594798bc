// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package guardian

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/go-sql-driver/mysql"
	"golang.org/x/sys/unix"

	"github.com/atollhq/terraform-provider-atoll/internal/model/group"
)

// socket lets the machine's root in without a password.
const socket = "/run/mysqld/mysqld.sock"

// How long the own server may take to answer; starts and stops of the group
// have a time of their own.
const answer = 10 * time.Second

// Server is the guardian's own, as its machine's root.
type Server struct {
	db *sql.DB
	// saying is the session that says why the guardian does nothing.
	saying *sql.Conn
	// turns are sessions that hold a turn, and end with it.
	turns *sql.DB
	// process is the mysqld's, which tells one run of it from the next.
	process atomic.Int64
}

// OpenServer prepares a session; it dials at the first statement, and again when
// the server was away.
func OpenServer() (*Server, error) {
	server := &Server{}
	config := mysql.NewConfig()
	config.User, config.Net, config.Addr = "root", "unix", socket
	config.MultiStatements, config.InterpolateParams = true, true
	config.Logger = &mysql.NopLogger{}
	config.Collation = "utf8mb4_0900_ai_ci"
	// Without a majority nothing of ours may wait for the group.
	config.Params = map[string]string{"group_replication_consistency": "'EVENTUAL'"}
	config.DialFunc = server.dial
	connector, err := mysql.NewConnector(config)
	if err != nil {
		return nil, fmt.Errorf("unable to prepare a session on the own server: %w", err)
	}
	server.db, server.turns = sql.OpenDB(connector), sql.OpenDB(connector)
	server.db.SetMaxOpenConns(2)
	server.turns.SetMaxIdleConns(-1)
	return server, nil
}

// Close ends the sessions.
func (s *Server) Close() {
	_ = s.db.Close()
	_ = s.turns.Close()
}

// session is one of its own, which ends when it is closed.
func (s *Server) session(ctx context.Context) (*sql.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, answer)
	defer cancel()
	conn, err := s.turns.Conn(ctx)
	if err != nil {
		return nil, fmt.Errorf("unable to open a session on the own server: %w", err)
	}
	return conn, nil
}

// dial also asks the kernel who listens.
func (s *Server) dial(ctx context.Context, network, address string) (net.Conn, error) {
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	if local, is := conn.(*net.UnixConn); is {
		if raw, err := local.SyscallConn(); err == nil {
			_ = raw.Control(func(fd uintptr) {
				if about, err := unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED); err == nil {
					s.process.Store(int64(about.Pid))
				}
			})
		}
	}
	return conn, nil
}

// Refuse says on the server why the guardian does nothing where something is wrong,
// so that a plan can show it; "" takes that back.
func (s *Server) Refuse(ctx context.Context, why string) error {
	ctx, cancel := context.WithTimeout(ctx, answer)
	defer cancel()
	var err error
	if s.saying == nil {
		if why == "" {
			return nil
		}
		if s.saying, err = s.session(ctx); err != nil {
			return err
		}
	}
	if _, err := s.saying.ExecContext(ctx, "SET @"+group.RefusalVariable+" = NULLIF(?, '')", why); err != nil {
		_ = s.saying.Close()
		s.saying = nil
		return fmt.Errorf("unable to say why nothing is done: %w", err)
	}
	return nil
}

// viewQuery is the group as the server sees it, and all that is looked at while
// nothing is the matter.
const viewQuery = `SELECT JSON_ARRAYAGG(JSON_OBJECT('id', member_id, 'endpoint', CONCAT(member_host, ':', IFNULL(member_port, 0)), 'state', member_state))
 FROM performance_schema.replication_group_members WHERE member_id <> ''`

// View asks for the group as the server sees it.
func (s *Server) View(ctx context.Context) (view []Member, err error) {
	return view, s.document(ctx, "its view of the group", viewQuery, &view)
}

// factsQuery has a thread's name for each thing that goes on inside of Group
// Replication, and the number of STOP GROUP_REPLICATION since the server's start.
const factsQuery = `SELECT JSON_OBJECT('id', @@server_uuid, 'endpoint', CONCAT(@@report_host, ':', @@report_port), 'version', @@version,
 'group', @@group_replication_group_name, 'stack', @@group_replication_communication_stack, 'weight', @@group_replication_member_weight, 'expel_timeout', @@group_replication_member_expel_timeout, 'gives_up', @@group_replication_unreachable_majority_timeout,
 'tries', @@group_replication_autorejoin_tries, 'connections', @@max_connections,
 'boots', CAST(IF(@@group_replication_start_on_boot, 'true', 'false') AS JSON), 'seeds', @@group_replication_group_seeds,
 'armed', CAST(IF(@@group_replication_bootstrap_group, 'true', 'false') AS JSON),
 'executed', REPLACE(@@global.gtid_executed, '\n', ''), 'purged', REPLACE(@@global.gtid_purged, '\n', ''),
 'received', (SELECT REPLACE(IFNULL(MAX(received_transaction_set), ''), '\n', '') FROM performance_schema.replication_connection_status WHERE channel_name = 'group_replication_applier'),
 'stops', (SELECT IFNULL(SUM(count_star), 0) FROM performance_schema.events_statements_summary_global_by_event_name WHERE event_name = 'statement/sql/group_replication_stop'),
 'starts', (SELECT IFNULL(SUM(count_star), 0) FROM performance_schema.events_statements_summary_global_by_event_name WHERE event_name = 'statement/sql/group_replication_start'),
 'place', (SELECT IFNULL(MAX(variable_value), '') FROM performance_schema.persisted_variables WHERE variable_name = 'group_replication_local_address'),
 'threads', (SELECT JSON_ARRAYAGG(SUBSTRING_INDEX(name, '/', -1)) FROM performance_schema.threads WHERE name LIKE 'thread/group_rpl/%'),
 'view', (` + viewQuery + `))`

// said is the answer to factsQuery.
type said struct {
	Facts
	Seeds string `json:"seeds"`
	// Stops and Starts are the numbers of STOP and START GROUP_REPLICATION since
	// the server's start.
	Stops  int `json:"stops"`
	Starts int `json:"starts"`
	// Place is the persisted address of the member in its group: who takes it out
	// for good takes that back.
	Place   string   `json:"place"`
	Threads []string `json:"threads"`
	process int
}

// ask asks for all.
func (s *Server) ask(ctx context.Context) (said, error) {
	var answer said
	if err := s.document(ctx, "its state", factsQuery, &answer); err != nil {
		return said{}, err
	}
	var metadata struct {
		Cluster    string         `json:"cluster"`
		Registered []Registration `json:"registered"`
	}
	err := s.document(ctx, "its cluster's metadata", fmt.Sprintf(metadataQuery, " WHERE instance_type = 'group-member'"), &metadata)
	if isError(err, noSuchColumn) {
		err = s.document(ctx, "its cluster's metadata", fmt.Sprintf(metadataQuery, ""), &metadata)
	}
	if err != nil && !isError(err, noSuchTable) {
		return said{}, err
	}
	answer.Cluster, answer.Registered = metadata.Cluster, metadata.Registered
	answer.process = int(s.process.Load())
	return answer, nil
}

// metadataQuery reads which members the cluster has. What is no member of the
// group, such as a read replica, is left out where the metadata know of such.
const metadataQuery = `SELECT JSON_OBJECT('cluster', (SELECT IFNULL(MAX(cluster_name), '') FROM mysql_innodb_cluster_metadata.clusters),
 'registered', (SELECT JSON_ARRAYAGG(JSON_OBJECT('id', mysql_server_uuid, 'address', address)) FROM mysql_innodb_cluster_metadata.instances%s))`

// Errors of MySQL's.
const (
	noSuchColumn = 1054
	noSuchTable  = 1146
)

func isError(err error, number uint16) bool {
	var known *mysql.MySQLError
	return errors.As(err, &known) && known.Number == number
}

// facts makes those of the answer.
func (a said) facts() Facts {
	facts := a.Facts
	facts.Protocol = Protocol
	facts.Placed, facts.Tried = a.Place != "", a.Starts > 0
	facts.Wanted = facts.Boots || facts.Placed
	for seed := range strings.SplitSeq(a.Seeds, ",") {
		if seed = strings.TrimSpace(seed); seed != "" {
			facts.Seeds = append(facts.Seeds, seed)
		}
	}
	there := func(names ...string) bool {
		return slices.ContainsFunc(a.Threads, func(name string) bool { return slices.Contains(names, name) })
	}
	facts.Rejoining = there("THD_autorejoin")
	engine := there("THD_Gcs_xcom_control::m_xcom_thread")
	facts.Trying = facts.Rejoining && engine
	facts.Leaving = facts.State() == "ERROR" && !facts.Rejoining && engine
	// One in ERROR keeps its certifier, and so does one that is starting.
	facts.Starting = there("THD_delayed_initialization") || facts.State() == "OFFLINE" && !facts.Rejoining && there("THD_certifier_broadcast")
	return facts
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
