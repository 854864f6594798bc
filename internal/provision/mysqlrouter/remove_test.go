// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package mysqlrouter

import (
	"context"
	"errors"
	"net"
	"testing"

	"github.com/atollhq/terraform-provider-atoll/internal/provision/innodbcluster"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// silent is a machine that answers nothing, and counts what it is asked.
type silent struct {
	remote.Host
	asked int
}

func (s *silent) Run(context.Context, remote.Command) (remote.Result, error) {
	s.asked++
	return remote.Result{}, &remote.Error{Kind: remote.ErrUnreachable, Address: "203.0.113.11:22"}
}

func (s *silent) Dial(context.Context, remote.Endpoint) (net.Conn, error) {
	_, err := s.Run(context.Background(), remote.Command{})
	return nil, err
}

// A router is known by its machine's record alone, so nothing there is touched
// before the cluster has let it go: a run that is ended in between is gone on with.
func TestMachineGoesAfterTheAccount(t *testing.T) {
	t.Parallel()
	member, machine := &silent{}, &silent{}
	cluster := Cluster{
		Cluster: innodbcluster.Cluster{Name: "main", Members: map[string]innodbcluster.Member{"hk1": {Address: "10.77.0.11", Port: 3306}}},
		Hosts:   map[string]remote.Host{"hk1": member},
	}
	if err := config().Remove(t.Context(), machine, cluster); !errors.Is(err, innodbcluster.ErrNoPrimary) {
		t.Errorf("want %v, got %v", innodbcluster.ErrNoPrimary, err)
	}
	if member.asked == 0 || machine.asked != 0 {
		t.Errorf("the member was asked %d times, the router's machine %d", member.asked, machine.asked)
	}
}
