// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package guard

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
	"github.com/atollhq/terraform-provider-atoll/internal/provision"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/node"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/tinc"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// recorded is a machine that only has records.
type recorded []string

func (recorded) Target() remote.Target { return remote.Target{Host: "203.0.113.11"} }

func (r recorded) Run(context.Context, remote.Command) (remote.Result, error) {
	return remote.Result{Stdout: []byte(strings.Join(r, ".json\n") + ".json\n" + converge.WholeMark)}, nil
}

func (recorded) Dial(context.Context, remote.Endpoint) (net.Conn, error) { return nil, errNoMore }
func (recorded) Await(ctx context.Context, _ time.Duration) error        { return ctx.Err() }
func (recorded) Prove(context.Context) error                             { return errNoMore }
func (recorded) Exclusive(context.Context) (func(), error)               { return nil, errNoMore }

// errNoMore keeps a test from taking silence for a success.
var errNoMore = errors.New("it only has records")

// software is a plugin of one record.
type software string

func (s software) Name() string           { return string(s) }
func (s software) Owns(owner string) bool { return owner == string(s) }

// yielding is one that is asked; refusing says no.
type yielding struct {
	software
	said     *[]string
	refusing bool
}

func (y yielding) Yield(_ context.Context, _ remote.Host, intent provision.Intent) (provision.Resume, error) {
	if y.refusing {
		return nil, errors.New("the last one")
	}
	*y.said = append(*y.said, fmt.Sprintf("%s yields, discard %v", y.software, intent == provision.Discard))
	return func(context.Context) error { *y.said = append(*y.said, string(y.software)+" resumes"); return nil }, nil
}

func TestSpareAsksWhatTheMachineCarries(t *testing.T) {
	var said []string
	guard := func(refusing string) *Guard {
		all := []provision.Plugin{software("host")}
		for _, owner := range []string{"mysql-server", "files", "queue"} {
			all = append(all, yielding{software(owner), &said, owner == refusing})
		}
		return New(all...)
	}
	for _, row := range []struct {
		name, refusing string
		intent         provision.Intent
		machine        recorded
		want           []string
		refused        bool
	}{
		{"nothing on it", "", provision.Pause, recorded{"host"}, nil, false},
		{"only what is on it is asked", "queue", provision.Pause, recorded{"files", "host"}, []string{"files yields, discard false", "files resumes"}, false},
		{"resumed the other way round", "", provision.Discard, recorded{"files", "mysql-server"},
			[]string{"mysql-server yields, discard true", "files yields, discard true", "files resumes", "mysql-server resumes"}, false},
		{"a refusal gives back what yielded", "files", provision.Pause, recorded{"files", "mysql-server"},
			[]string{"mysql-server yields, discard false", "mysql-server resumes"}, true},
	} {
		said = nil
		resume, err := guard(row.refusing).Spare(t.Context(), row.machine, row.intent)
		if row.refused != (err != nil) || row.refused && !strings.Contains(err.Error(), "cannot spare 203.0.113.11 now: the last one") {
			t.Errorf("%s: %v", row.name, err)
		}
		if err == nil && resume(t.Context()) != nil || !slices.Equal(said, row.want) {
			t.Errorf("%s: %q, want %q", row.name, said, row.want)
		}
	}
}

func TestCarriesLeavesOutMachineAndMesh(t *testing.T) {
	for _, row := range []struct {
		machine recorded
		want    []string
	}{
		{recorded{"host", "mesh%2Fsite", "mesh-peer%2Fsite"}, nil},
		{recorded{"host", "mesh%2Fsite", "mesh-peer%2Fsite", "mysql-server"}, []string{"mysql-server"}},
		{recorded{"mysql-router"}, []string{"mysql-router"}},
	} {
		if got, err := New(node.Plugin{}, tinc.Plugin{}, software("mysql-server")).Carries(t.Context(), row.machine); err != nil || !slices.Equal(got, row.want) {
			t.Errorf("%q carries %q, %v; want %q", row.machine, got, err, row.want)
		}
	}
}
