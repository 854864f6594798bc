// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package mysqld

import (
	"context"
	"fmt"
	"io"
	"sync/atomic"
	"testing"
	"time"

	"github.com/atollhq/terraform-provider-atoll/internal/provision/group"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/mysqlroot/machinetest"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// turning is a machine on which a turn is had at once, for as long as it is kept.
type turning struct {
	*machinetest.Machine

	held atomic.Bool
}

func (m *turning) Run(ctx context.Context, command remote.Command) (remote.Result, error) {
	switch command.Name {
	case holdingTurn:
		m.held.Store(true)
		defer m.held.Store(false)
		_, err := io.Copy(io.Discard, command.Stdin)
		return remote.Result{}, err
	case "waiting for the group's turn":
		for !m.held.Load() {
			if err := remote.Pause(ctx, time.Millisecond); err != nil {
				return remote.Result{}, err
			}
		}
		return remote.Result{Stdout: []byte("held 2 of 2\n")}, nil
	}
	return m.Machine.Run(ctx, command)
}

// Who comes back needs the turn: a restart that finds somebody missing in its turn gives it
// back, waits, and takes it again.
func TestNobodyWaitsWithTheTurnInHand(t *testing.T) {
	m := &turning{Machine: machinetest.New(t, secondary)}
	w := (&Plugin{}).begin(m, Config{})
	defer w.place.End()
	said := ""
	rows := [][]string{{"b MISSING"}, {"b MISSING"}, {}, {"c MISSING"}, {}, {}}
	_, lease, err := w.inTurn(t.Context(), group.View{Name: "g", Self: "a", Members: []group.Member{{ID: "a"}, {ID: "b"}}}, "restarting a", func(group.View) ([]string, error) {
		list := rows[0]
		rows = rows[1:]
		said += fmt.Sprintf("%d missing, in turn %t; ", len(list), m.held.Load())
		return list, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	const want = "1 missing, in turn true; 1 missing, in turn false; 0 missing, in turn false; 1 missing, in turn true; 0 missing, in turn false; 0 missing, in turn true; "
	if said != want || !m.held.Load() {
		t.Errorf("it looked so:\n%s\nwant:\n%s\nand has the turn: %t", said, want, m.held.Load())
	}
	lease.Release()
	if m.held.Load() {
		t.Error("the turn is held after its release")
	}
}
