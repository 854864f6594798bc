// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package innodbcluster

import (
	"crypto/rand"
	"fmt"

	"github.com/atollhq/terraform-provider-atoll/internal/provision/mysqlroot"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// server is a session on one member.
type server struct{ *mysqlroot.Session }

// connect prepares a session; it dials at the first statement.
func connect(key string, host remote.Host) (*server, error) {
	session, err := mysqlroot.Connect(key, host)
	return &server{session}, err
}

// literal quotes text for a statement.
func literal(text string) string { return mysqlroot.Literal(text) }

// password is random, long enough and within the 32 characters that CHANGE
// REPLICATION SOURCE takes.
func password() string { return rand.Text()[:26] }

// newUUID is a random one (RFC 9562, version 4).
func newUUID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
