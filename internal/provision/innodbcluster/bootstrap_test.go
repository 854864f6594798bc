// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package innodbcluster

import (
	"context"
	"net"
	"testing"

	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// obedient is a machine on which every command succeeds.
type obedient struct{ remote.Host }

func (obedient) Run(context.Context, remote.Command) (remote.Result, error) {
	return remote.Result{}, nil
}

func (obedient) Target() remote.Target { return remote.Target{Host: "192.0.2.1"} }

func (obedient) Dial(context.Context, remote.Endpoint) (net.Conn, error) { return nil, net.ErrClosed }

// A server that makes a UUID of its own restarts: nothing is said to it in the
// session of before.
func TestRenewEndsTheSession(t *testing.T) {
	r := &run{hosts: map[string]remote.Host{"hk1": obedient{}}, servers: map[string]*server{}}
	before, err := r.server("hk1")
	if err != nil {
		t.Fatal(err)
	}
	if err := r.renew(t.Context(), "hk1"); err != nil {
		t.Fatal(err)
	}
	if after, err := r.server("hk1"); err != nil || after == before {
		t.Errorf("the session is the one that ended with the restart (%v)", err)
	}
}
