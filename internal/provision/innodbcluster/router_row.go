// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package innodbcluster

import (
	"encoding/json"
	"time"

	"github.com/atollhq/terraform-provider-atoll/internal/provision/mysqlroot"
)

// Router is one as the metadata know it: it writes its row itself.
type Router struct {
	// ID is the row's number.
	ID      int64  `json:"id"`
	Cluster string `json:"cluster"`
	// Name beside Address; a router of Atoll's is "atoll".
	Name    string `json:"name"`
	Address string `json:"address"`
	Version string `json:"version"`
	// User is its account.
	User string `json:"user"`
	// ReadWrite, ReadOnly and ReadWriteSplit are its ports as text; "" for none.
	ReadWrite      string `json:"rw"`
	ReadOnly       string `json:"ro"`
	ReadWriteSplit string `json:"split"`
	// Options are what the cluster tells this router alone.
	Options map[string]json.RawMessage `json:"options"`
	// Seen is when it last said that it is there, in seconds since 1970; 0 for never.
	Seen int64 `json:"seen"`
}

// LastSeen is when the router last said that it is there; the zero time for never.
func (r Router) LastSeen() time.Time {
	if r.Seen == 0 {
		return time.Time{}
	}
	return time.Unix(r.Seen, 0).UTC()
}

// accountOfRouter begins the names of accounts that routers make for themselves, and
// that this provider makes for them. Whoever has another name belongs to somebody.
const accountOfRouter = "^mysql_router[0-9]*_"

var routersRow, checkInsRow = mysqlroot.WhereTable("routers", schema, "routers", `SELECT 'routers', JSON_ARRAYAGG(JSON_OBJECT('id', router_id, 'cluster', IFNULL(cluster_id, ''), 'name', router_name,
 'address', IFNULL(address, ''), 'version', IFNULL(version, ''), 'seen', IFNULL(UNIX_TIMESTAMP(last_check_in), 0), 'rw', IFNULL(attributes->>'$.RWEndpoint', ''),
 'ro', IFNULL(attributes->>'$.ROEndpoint', ''), 'split', IFNULL(attributes->>'$.RWSplitEndpoint', ''), 'user', IFNULL(attributes->>'$.MetadataUser', ''), 'options', options))
 FROM (SELECT * FROM `+schema+`.routers ORDER BY router_id) r`),
	// From 2.4 on when they were there last stands in a table of its own.
	mysqlroot.WhereTable("check_ins", schema, "router_stats", `SELECT 'check_ins', JSON_OBJECTAGG(router_id, IFNULL(UNIX_TIMESTAMP(last_check_in), 0)) FROM `+schema+`.router_stats`)
