// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package sitestatus

import (
	"github.com/atollhq/terraform-provider-atoll/internal/converge"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/group"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/mysqlroot"
)

// Database is what a member's server says of its group.
type Database struct {
	// Unit is systemd's word for a server that does not run; "" for one that does.
	Unit string
	View group.View
}

// databaseQuestion asks for a Database.
func databaseQuestion() converge.Question[Database] {
	return converge.Question[Database]{
		Name: "the server's view of its group", Read: readDatabase,
		Script: mysqlroot.QuestionScript(`SELECT 'server', JSON_OBJECT('uuid', @@server_uuid)`, group.MembersQuery),
	}
}

func readDatabase(output string) (Database, error) {
	rows, err := mysqlroot.ReadRows(output)
	if err != nil {
		return Database{}, err
	}
	unit, err := rows.Down()
	if err != nil || unit != "" {
		return Database{Unit: unit}, err
	}
	var server struct{ UUID string }
	var said Database
	err = rows.Read(map[string]any{"server": &server, "members": &said.View.Members})
	if err == nil && server.UUID == "" {
		err = mysqlroot.ErrNotWhole
	}
	said.View.Self = server.UUID
	return said, err
}
