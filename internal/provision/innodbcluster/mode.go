// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package innodbcluster

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// ErrMode says that what a server holds cannot be written on several members.
var ErrMode = errors.New("the group cannot let every member take writes")

// onlyOneQuery names what a group in multi-primary mode refuses: changes that go
// from a table to another, and transactions of the strictest isolation.
const onlyOneQuery = `SELECT CONCAT('foreign key ', constraint_name, ' of ', constraint_schema, '.', table_name, ' changes rows with those of ', referenced_table_name)
 FROM information_schema.referential_constraints WHERE update_rule IN ('CASCADE', 'SET NULL', 'SET DEFAULT') OR delete_rule IN ('CASCADE', 'SET NULL', 'SET DEFAULT')
 UNION ALL SELECT 'transaction_isolation is SERIALIZABLE' FROM DUAL WHERE @@global.transaction_isolation = 'SERIALIZABLE'`

// multiPrimary switches the running group. It is asked again what stands against
// it: a plan may be old by now.
func (s *server) multiPrimary(ctx context.Context) error {
	against, err := s.List(ctx, "asking what only one member may write", onlyOneQuery)
	if err != nil {
		return err
	}
	if len(against) > 0 {
		return fmt.Errorf("%w: %s. Nothing was changed", ErrMode, strings.Join(against, "; "))
	}
	_, err = s.Await(ctx, "switching to many primaries", "SELECT group_replication_switch_to_multi_primary_mode()")
	return err
}
