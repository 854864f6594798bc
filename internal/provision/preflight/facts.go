// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package preflight

import (
	"encoding/json"
	"fmt"

	"github.com/atollhq/terraform-provider-atoll/internal/provision/mysqlroot"
)

// Facts is what one server and its machine say.
type Facts struct {
	// Err says why nothing was said; then the rest is empty.
	Err error
	// Answers is false where the server does not run; then Unit is systemd's word
	// for it, and only what the machine says is there.
	Answers bool
	Unit    string
	Machine
	Version string
	UUID    string
	// Member says that it is in a group already.
	Member bool
	// Variables by name: those of asked.
	Variables map[string]string
	// What can be many is listed up to shown, sorted by name.
	Tables      Listed[Table]
	ForeignKeys Listed[ForeignKey]
	Accounts    Listed[Account]
	Definers    Listed[Definer]
	Events      Listed[Object]
	// Asleep are events that came by replication and run on their source alone.
	Asleep Listed[Object]
	// Lacks are views of information_schema that its first start did not come to.
	Lacks []string
	// DataBytes is the size of what a clone carries.
	DataBytes uint64
	// Schemas of the user's.
	Schemas []string
	// Channels replicate from elsewhere, those of a group left out.
	Channels []Channel
	// Filters let some of what is written be left out, by their names.
	Filters []string
	// LargestLog is the size of the largest binary log file in bytes.
	LargestLog uint64
}

// grouped says whether the server is a member of a group, or was one that may come
// back.
func (f Facts) grouped() bool { return f.Member || f.Variables["group_replication_group_name"] != "" }

// Machine is what the machine of a server says.
type Machine struct {
	// MemoryBytes is what it has, or the limit of its container.
	MemoryBytes uint64 `json:"memory"`
	// FreeBytes is the room where the datadir is or will be.
	FreeBytes uint64 `json:"free"`
	// HasData says whether a datadir with schemas of a user's stands there.
	HasData bool `json:"data"`
}

// Room is how large a copy of another server's data may be: the own ones make room for
// it first.
func (f Facts) Room() uint64 { return f.FreeBytes + f.DataBytes }

// Listed is the first of many.
type Listed[T any] struct {
	// Count is how many there are.
	Count int
	First []T
}

// shown is how many of a kind are listed.
const shown = 100

// UnmarshalJSON reads {"count": n, "first": […]}, with nulls for none. A list that is
// shorter than it has to be is an error.
func (l *Listed[T]) UnmarshalJSON(text []byte) error {
	var got struct {
		Count *int
		First []T
	}
	if err := json.Unmarshal(text, &got); err != nil {
		return err
	}
	if l.First = got.First; got.Count != nil {
		l.Count = *got.Count
	}
	if len(l.First) != min(l.Count, shown) {
		return fmt.Errorf("%w: %d of %d are listed", mysqlroot.ErrNotWhole, len(l.First), l.Count)
	}
	return nil
}

// Object is something in a schema.
type Object struct {
	Schema string `json:"schema"`
	Name   string `json:"name"`
}

func (o Object) String() string { return o.Schema + "." + o.Name }

func (o Object) quoted() string {
	return mysqlroot.Identifier(o.Schema) + "." + mysqlroot.Identifier(o.Name)
}

// Table is one to which a group takes no writes.
type Table struct {
	Object
	Engine string `json:"engine"`
	// Keyless says that no row of it can be told from another: there is no primary
	// key, and no unique one over whole columns without NULL.
	Keyless int `json:"keyless"`
	// Increments is its column with AUTO_INCREMENT; a table has one at most.
	Increments string `json:"increments"`
	// Partitioned are the expressions that it is partitioned by.
	Partitioned string `json:"partitioned"`
}

// ForeignKey is one that bites.
type ForeignKey struct {
	// Object is the table that has it.
	Object
	Constraint string `json:"constraint"`
	Parent     Object `json:"parent"`
	// Columns are the parent's.
	Columns []string `json:"columns"`
	// Orphaned: the parent is not there. Loose: no unique key of the parent has
	// exactly those columns. Cascades: a change of the parent changes this table.
	Orphaned int `json:"orphaned"`
	Loose    int `json:"loose"`
	Cascades int `json:"cascades"`
}

// Account is one whose plugin is not the one of today.
type Account struct {
	User   string `json:"user"`
	Host   string `json:"host"`
	Plugin string `json:"plugin"`
	// Active says whether the server has the plugin.
	Active int `json:"active"`
}

func (a Account) quoted() string { return mysqlroot.Literal(a.User) + "@" + mysqlroot.Literal(a.Host) }

// Definer is an account that is not there, in whose name something runs.
type Definer struct {
	Definer string `json:"definer"`
	// Count of the objects, and the first of them, such as "view shop.sums".
	Count int    `json:"count"`
	First string `json:"first"`
}
