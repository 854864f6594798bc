// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package mysqld

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"

	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// ErrMember says that a member of a group keeps its address and port.
var ErrMember = errors.New("a member of a group keeps its address and port")

// Endpoint is "host:port", under which the server is to be known.
func (c Config) Endpoint() string { return net.JoinHostPort(c.Address, strconv.Itoa(c.Port)) }

// place is where the server is to be in its group, "" for one that is not to be in
// any: who takes it out for good takes that back.
func (s Status) place() string { return s.Persisted["group_replication_local_address"] }

// memberAt is the endpoint by which the server's group knows it, "" for a server
// that is in none and would be in none after a boot. While it is in the group, the group
// says it: what is persisted may have been set by hand. Out of it that is all there is,
// unless it is of the XCOM stack, where it is another port than MySQL's.
func (s Status) memberAt() string {
	if own := s.View.Own(); own.State != "OFFLINE" {
		return own.Endpoint()
	}
	if s.place() == "" || s.Persisted["group_replication_communication_stack"] != "XCOM" {
		return s.place()
	}
	for _, row := range s.View.Registered {
		if row.ID == s.UUID {
			return row.Address
		}
	}
	return ""
}

// keepsEndpoint refuses to move a member: the group, the others' seeds, the
// metadata and every router's state know it by its endpoint, and none of them
// would find it again.
func (c Config) keepsEndpoint(s Status) error {
	at := s.memberAt()
	if !s.Answers || at == "" || at == c.Endpoint() {
		return nil
	}
	return fmt.Errorf("%w: the group, its routers and the other members know this server as %s, and %s is declared. "+
		"Take it out of the members of its atoll_mysql_cluster and apply, then change it and apply, then add it to the members again: one server after the other, and the databases stay up", ErrMember, at, c.Endpoint())
}

// KeepsEndpoint asks the server whether it may get the declared address and port:
// ErrMember when it is a member of a group by others. Whether a server that
// does not run is one is not known, which is an error, too.
func (c Config) KeepsEndpoint(ctx context.Context, host remote.Host) error {
	status, err := c.ask(ctx, host)
	if err != nil {
		return fmt.Errorf("whether it is a member of a group is not known: %w", err)
	}
	if !status.Answers {
		return fmt.Errorf("%s on %s is %s: %w. Start it first, and plan again", Unit, host.Target().Host, status.Unit, errUnknown)
	}
	return c.keepsEndpoint(status)
}
