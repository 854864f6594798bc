// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package mysqld

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/mysqlroot"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// ErrTables says that a server holds tables to which a group takes no writes.
var ErrTables = errors.New("the server holds tables that a group cannot replicate: every write to them would fail (error 3098)")

// obstacle is a table that stands against making its server a member.
type obstacle struct {
	Schema string `json:"schema"`
	Table  string `json:"table"`
	// Engine is the table's; Keyless says that no row of it can be told from
	// another: there is no primary key, and no unique one without NULL.
	Engine  string `json:"engine"`
	Keyless int    `json:"keyless"`
}

// remedy is the SQL that makes the table one that a group replicates.
func (o obstacle) remedy() string {
	name := func(text string) string { return "`" + strings.ReplaceAll(text, "`", "``") + "`" }
	var changes []string
	if o.Engine != "InnoDB" {
		changes = append(changes, "ENGINE = InnoDB")
	}
	if o.Keyless != 0 {
		changes = append(changes, "ADD COLUMN `my_row_id` BIGINT UNSIGNED NOT NULL AUTO_INCREMENT INVISIBLE PRIMARY KEY FIRST")
	}
	return fmt.Sprintf("ALTER TABLE %s.%s %s;", name(o.Schema), name(o.Table), strings.Join(changes, ", "))
}

func (o obstacle) reason() string {
	var reasons []string
	if o.Engine != "InnoDB" {
		reasons = append(reasons, "its engine is "+o.Engine)
	}
	if o.Keyless != 0 {
		reasons = append(reasons, "it has no primary key")
	}
	return strings.Join(reasons, " and ")
}

// obstacles are those of one server, as many as it makes sense to show.
type obstacles struct {
	// answers is false where the server does not run.
	answers bool
	tables  []obstacle
	count   int
}

// obstaclesShown is how many tables an error lists.
const obstaclesShown = 20

// The manual's requirements of Group Replication: InnoDB, and a primary key or
// an equivalent, which is a unique key whose columns are all NOT NULL.
const obstacleTables = `SELECT t.table_schema, t.table_name, t.engine,
 NOT EXISTS (SELECT 1 FROM information_schema.statistics s WHERE s.table_schema = t.table_schema AND s.table_name = t.table_name AND s.non_unique = 0
 GROUP BY s.index_name HAVING SUM(s.nullable = 'YES') = 0 AND SUM(s.column_name IS NULL) = 0) AS keyless
 FROM information_schema.tables t WHERE t.table_type = 'BASE TABLE' AND t.engine IS NOT NULL
 AND t.table_schema NOT IN ('mysql', 'sys', 'information_schema', 'performance_schema', 'ndbinfo', 'mysql_innodb_cluster_metadata')`

func obstaclesQuestion() converge.Question[obstacles] {
	from := "(" + obstacleTables + ") AS found WHERE engine <> 'InnoDB' OR keyless"
	return converge.Question[obstacles]{Name: "tables that a group cannot replicate", Read: readObstacles, Script: mysqlroot.QuestionScript(
		"SELECT 'count', JSON_QUOTE(CAST(COUNT(*) AS CHAR)) FROM "+from,
		fmt.Sprintf(`SELECT 'tables', JSON_ARRAYAGG(JSON_OBJECT('schema', table_schema, 'table', table_name, 'engine', engine, 'keyless', keyless))
 FROM (SELECT * FROM %s ORDER BY table_schema, table_name LIMIT %d) AS listed`, from, obstaclesShown),
	)}
}

func readObstacles(output string) (obstacles, error) {
	rows, err := mysqlroot.ReadRows(output)
	if err != nil {
		return obstacles{}, err
	}
	if state, err := rows.Down(); err != nil || state != "" {
		return obstacles{}, err
	}
	found, count := obstacles{answers: true}, ""
	if err := rows.Read(map[string]any{"count": &count, "tables": &found.tables}); err != nil {
		return obstacles{}, err
	}
	if _, err := fmt.Sscanf(count, "%d", &found.count); err != nil || len(found.tables) != min(found.count, obstaclesShown) {
		return obstacles{}, fmt.Errorf("%w: %d of %q tables", mysqlroot.ErrNotWhole, len(found.tables), count)
	}
	return found, nil
}

// problem lists the tables with the SQL that helps, or is nil.
func (o obstacles) problem() error {
	if o.count == 0 {
		return nil
	}
	var text strings.Builder
	for _, table := range o.tables {
		fmt.Fprintf(&text, "\n  %s.%s: %s\n    %s", table.Schema, table.Table, table.reason(), table.remedy())
	}
	if more := o.count - len(o.tables); more > 0 {
		fmt.Fprintf(&text, "\n  and %d more", more)
	}
	return fmt.Errorf("%w. Nothing was changed. Run this on the server, with the applications' consent, and apply again:%s", ErrTables, text.String())
}

// adoptable refuses data that a group would not take, before anything of ours
// stands beside them. A server that is down is started for the question, with
// the settings that it has.
func (c Config) adoptable(ctx context.Context, host remote.Host) error {
	found, err := converge.Ask(ctx, host, obstaclesQuestion())
	if err != nil || found.answers {
		return errors.Join(err, found.problem())
	}
	run := func(name, script string) error {
		_, err := host.Run(ctx, remote.Command{Name: name, Script: script, Long: true})
		return err
	}
	if err := run("starting the server to look at its data", "systemctl start "+Unit+" || { journalctl -q -n 15 -o cat -u "+Unit+" >&2; exit 1; }"); err != nil {
		return err
	}
	if found, err = converge.Ask(ctx, host, obstaclesQuestion()); err == nil && !found.answers {
		err = fmt.Errorf("the server on %s holds data and does not stay up to be asked about them: its error log says why", host.Target().Host)
	}
	if err = errors.Join(err, found.problem()); err != nil {
		return errors.Join(err, run("stopping the server again", "systemctl stop "+Unit))
	}
	return nil
}
