// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package innodbcluster

import (
	"context"
	"database/sql"
	_ "embed"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/atollhq/terraform-provider-atoll/internal/provision/mysqld"
)

//go:embed metadata/tables.sql
var tablesSQL string

//go:embed metadata/views.sql
var viewsSQL string

//go:embed metadata/procedures.sql
var proceduresSQL string

// metadataVersion is the newest schema that the tools of a server's series
// read: an 8.4 Shell opens 2.2.0, a 9.x one 2.4.0.
func metadataVersion(server string) mysqld.Version {
	if mysqld.ParseVersion(server).Major >= 9 {
		return mysqld.Version{Major: 2, Minor: 4}
	}
	return mysqld.Version{Major: 2, Minor: 2}
}

// schemaStatements install the metadata. The view with the version comes last:
// a schema without it is one that is being made.
func schemaStatements(version mysqld.Version) []string {
	var statements []string
	since := mysqld.Version{}
	for statement := range strings.SplitSeq(tablesSQL+viewsSQL, ";\n") {
		for line := range strings.Lines(statement) {
			if found, ok := strings.CutPrefix(line, "-- since "); ok {
				since = mysqld.ParseVersion(found)
			}
		}
		if strings.HasPrefix(bare(statement), "CREATE OR REPLACE") {
			since = mysqld.Version{}
		}
		if bare(statement) != "" && !older(version, since) {
			statements = append(statements, bare(statement))
		}
	}
	for statement := range strings.SplitSeq(proceduresSQL, "\n//\n") {
		if bare(statement) != "" {
			statements = append(statements, bare(statement))
		}
	}
	return append(statements, versionStatement(version))
}

// versionStatement says which version the metadata are of; 0.0.0 while they are being
// upgraded.
func versionStatement(version mysqld.Version) string {
	return fmt.Sprintf("CREATE OR REPLACE SQL SECURITY INVOKER VIEW %s.schema_version (major, minor, patch) AS SELECT %d, %d, %d",
		schema, version.Major, version.Minor, version.Patch)
}

// bare takes leading comments and blank lines from a statement.
func bare(statement string) string {
	for {
		statement = strings.TrimSpace(statement)
		if !strings.HasPrefix(statement, "--") {
			return statement
		}
		_, statement, _ = strings.Cut(statement, "\n")
	}
}

// installMetadata makes the schema and the cluster's row. complete says that
// the group's binary logs go back to an empty server.
func (s *server) installMetadata(ctx context.Context, c Cluster, group, version string, complete bool) error {
	if err := s.Run(ctx, "making the cluster metadata", schemaStatements(metadataVersion(version))...); err != nil {
		return err
	}
	attributes, err := json.Marshal(map[string]any{
		"adopted": 0, "default": true, "opt_certIssuer": "", "opt_memberAuthType": "PASSWORD",
		"opt_gtidSetIsComplete": complete, "opt_manualStartOnBoot": false,
		"opt_transactionSizeLimit": c.Options.TransactionSizeLimit, "opt_replicationAllowedHost": c.host(),
		"group_replication_group_name": group,
		"capabilities":                 map[string]any{"communicationStack": map[string]any{"value": "MYSQL", "allow": []string{}}},
	})
	if err != nil {
		return fmt.Errorf("describing the cluster: %w", err)
	}
	return s.Exec(ctx, "writing the cluster's row", `INSERT INTO `+schema+`.clusters (cluster_id, cluster_name, description, attributes, cluster_type, primary_mode, router_options)
 SELECT UUID(), ?, 'Default Cluster', ?, 'gr', ?, JSON_OBJECT('tags', JSON_OBJECT(), 'read_only_targets', 'secondaries')
 WHERE NOT EXISTS (SELECT 1 FROM `+schema+`.clusters)`, c.Name, string(attributes), c.rowMode())
}

// register writes a member's row anew: one of the same address or UUID gives
// way. Tags that the user set with other tools stay.
func (s *server) register(ctx context.Context, c Cluster, member Member, uuid string) error {
	endpoint := member.Endpoint()
	addresses, err := json.Marshal(map[string]string{"mysqlClassic": endpoint, "grLocal": endpoint})
	if err != nil {
		return fmt.Errorf("describing member %s: %w", endpoint, err)
	}
	attributes, err := json.Marshal(map[string]any{
		"server_id": member.ServerID, "opt_certSubject": "", "recoveryAccountHost": c.host(), "recoveryAccountUser": member.Account(),
	})
	if err != nil {
		return fmt.Errorf("describing member %s: %w", endpoint, err)
	}
	steps := []struct {
		query string
		args  []any
	}{
		{`SET @tags = (SELECT MAX(attributes -> '$.tags') FROM ` + schema + `.instances WHERE address = ?)`, []any{endpoint}},
		{`DELETE FROM ` + schema + `.instances WHERE address = ? OR mysql_server_uuid = ?`, []any{endpoint, uuid}},
		{`INSERT INTO ` + schema + `.instances (cluster_id, address, mysql_server_uuid, instance_name, addresses, attributes, instance_type)
 SELECT cluster_id, ?, ?, ?, ?, JSON_MERGE_PATCH(JSON_SET(?, '$.joinTime', CAST(NOW(3) AS CHAR)), IF(@tags IS NULL, '{}', JSON_OBJECT('tags', CAST(@tags AS JSON)))), 'group-member'
 FROM ` + schema + `.clusters WHERE cluster_id = ? OR cluster_name = ? ORDER BY cluster_id = ? DESC LIMIT 1`, []any{endpoint, uuid, endpoint, string(addresses), string(attributes), c.ID, c.Name, c.ID}},
	}
	return s.Change(ctx, "registering "+endpoint, func(ctx context.Context, transaction *sql.Tx) error {
		for _, step := range steps {
			if _, err := transaction.ExecContext(ctx, step.query, step.args...); err != nil {
				return err
			}
		}
		return nil
	})
}

// hide writes the tags by which routers pass over a member, and keep its sessions or
// not where that is declared; other tags stay.
func (s *server) hide(ctx context.Context, endpoint string, o Hide, sessions bool) error {
	tags := "JSON_SET(attributes, '$.tags', IFNULL(attributes -> '$.tags', JSON_OBJECT()), '$.tags._hidden', CAST(? AS JSON))"
	switch {
	case o.Draining:
		tags = "JSON_SET(" + tags + ", '$.tags._disconnect_existing_sessions_when_hidden', FALSE)"
	case sessions:
		tags = "JSON_REMOVE(" + tags + ", '$.tags._disconnect_existing_sessions_when_hidden')"
	}
	return s.Exec(ctx, "hiding "+endpoint, `UPDATE `+schema+`.instances SET attributes = `+tags+` WHERE address = ?`, strconv.FormatBool(o.Hidden), endpoint)
}

// unregister removes a member's row, so that routers stop sending to it.
func (s *server) unregister(ctx context.Context, endpoint string) error {
	return s.Exec(ctx, "unregistering "+endpoint, `DELETE FROM `+schema+`.instances WHERE address = ?`, endpoint)
}

// describe corrects the name and single keys: routers and shells write the same
// document.
func (s *server) describe(ctx context.Context, c Cluster, seen Diagnosis) error {
	return s.Exec(ctx, "correcting the cluster's row", `UPDATE `+schema+`.clusters SET cluster_name = ?, primary_mode = ?, attributes = JSON_SET(attributes, '$.opt_transactionSizeLimit', ?, '$.group_replication_group_name', ?)
 WHERE cluster_id = ?`, c.Name, c.rowMode(), c.Options.TransactionSizeLimit, seen.GroupName, seen.ClusterID)
}
