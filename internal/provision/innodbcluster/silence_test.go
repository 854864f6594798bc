// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package innodbcluster

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
	"github.com/atollhq/terraform-provider-atoll/internal/converge/convergetest"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/mysqlroot/machinetest"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// answerOf is what the client prints for an observation.
//
// The question for the account asks a client, too: it gets the same rows there,
// reads an account in them, and is let in.
func answerOf(t *testing.T, seen Observation, member Member) string {
	t.Helper()
	var text strings.Builder
	row := func(mark string, document any) {
		encoded, err := json.Marshal(document)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&text, "%s\t%s\n", mark, encoded)
	}
	row("server", map[string]any{"version": seen.Version, "uuid": seen.UUID, "server_id": seen.ServerID, "executed": seen.Executed,
		"purged": seen.Purged, "host": member.Address, "port": member.Port, "super_read_only": 0, "offline_mode": 0, "now": 1764109200})
	row("variables", seen.Variables)
	row("running", seen.Running)
	row("members", seen.View)
	row("starting", seen.Starting)
	row("schemas", seen.Schemas)
	row("channels", seen.Channels)
	row("cloned", seen.Cloned)
	row("received", seen.Received)
	row("guardian", seen.Guardian)
	row("recovery", seen.RecoveryUser)
	row("accounts", seen.Accounts)
	row("schema", seen.Schema)
	row("clusters", seen.Clusters)
	row("instances", seen.Instances)
	row("persisted", seen.Persisted)
	row("router_accounts", seen.RouterAccounts)
	row("routers", seen.Routers)
	row("check_ins", map[string]int64{})
	row("router_users", seen.RouterUsers)
	row("sessions", seen.Sessions)
	row("tls", map[string]any{"used": "server-cert.pem", "until": "Nov 23 13:04:06 2036 GMT"})
	row("end", true)
	return text.String()
}

// Whatever one member's answer lacks: nothing is joined, removed, dropped or
// called in sync on it.
func TestSilenceIsNotAbsence(t *testing.T) {
	c := three()
	machines := func() (map[string]*machinetest.Machine, map[string]remote.Host) {
		made, hosts := map[string]*machinetest.Machine{}, map[string]remote.Host{}
		for key, seen := range standing(c) {
			made[key] = machinetest.New(t, answerOf(t, seen, c.Members[key]))
			hosts[key] = made[key]
		}
		return made, hosts
	}
	made, hosts := machines()
	convergetest.FailsClosed(t, question(), made["b"].Answer+"guarded\ttrue\nnetworks\t{\"site\":\"10.0.0.0/24\"}\ncertificate\t{\"authority\":\"missing\"}\ntrust\t{\"maker\":\"other\",\"members\":\"\"}\nlogin\t\"yes\"\n", "unit\t\"inactive\"\nend\ttrue\n")
	if diagnosis, err := Converge(t.Context(), c, hosts); err != nil || len(diagnosis.Drift()) > 0 {
		t.Fatalf("whole: %v, %v", diagnosis.Drift(), err)
	}
	deeds := map[string]func(context.Context, map[string]remote.Host) error{
		"converge": func(ctx context.Context, hosts map[string]remote.Host) error {
			_, err := Converge(ctx, c, hosts)
			return err
		},
		"dissolve": func(ctx context.Context, hosts map[string]remote.Host) error { return Dissolve(ctx, c, hosts) },
		"drift": func(ctx context.Context, hosts map[string]remote.Host) error {
			seen := Observe(ctx, hosts)
			if diagnosis := Diagnose(c, seen); len(diagnosis.Drift()) == 0 {
				return nil
			}
			return seen["b"].Err
		},
	}
	for name, spoil := range machinetest.Spoiled(made["b"].Answer) {
		for deed, do := range deeds {
			// All of them go by one question; it is enough to try each way once.
			if deed != "drift" && !slices.Contains([]string{"missing", "exit 1", "without members", "garbled members", "without accounts"}, name) {
				continue
			}
			made, hosts := machines()
			spoil(made["b"])
			err := do(t.Context(), hosts)
			var acts []string
			for _, key := range c.keys() {
				acts = append(acts, made[key].Acts()...)
			}
			if err == nil || len(acts) > 0 {
				t.Errorf("%s with the answer of b %s: it did %q, %v", deed, name, acts, err)
			}
		}
	}
}

// A router's account stays where nobody could say that its cluster is gone.
func TestSilentClusterIsNotGone(t *testing.T) {
	c := three()
	hosts := map[string]remote.Host{}
	for key, seen := range all(c, fresh) {
		hosts[key] = machinetest.New(t, answerOf(t, seen, c.Members[key]))
	}
	if _, err := OpenRouting(t.Context(), c, hosts); !errors.Is(err, ErrNoCluster) {
		t.Errorf("servers without a cluster: %v", err)
	}
	silent := machinetest.New(t, "")
	hosts["b"] = silent
	if _, err := OpenRouting(t.Context(), c, hosts); err == nil || errors.Is(err, ErrNoCluster) {
		t.Errorf("one is silent: %v", err)
	}
	if acts := silent.Acts(); slices.Contains(acts, "dial") {
		t.Errorf("it did %q", acts)
	}
}

// A machine that was not asked is not called unreachable, and a line is one line.
func TestSilenceIsCalledByItsName(t *testing.T) {
	for kind, want := range map[error]string{
		remote.ErrUnreachable:     "b: unreachable: connect 10.0.0.9:22: host is unreachable: why",
		remote.ErrHostKeyMismatch: "b: not asked: connect 10.0.0.9:22: host key has changed: why",
		remote.ErrAuthentication:  "b: not asked: connect 10.0.0.9:22: authentication refused: why",
	} {
		c := three()
		seen := standing(c)
		seen["b"] = Observation{Err: &remote.Error{Kind: kind, Address: "10.0.0.9:22", Detail: "why\nThe shown key:\n  x"}}
		if lines := converge.Texts(Diagnose(c, seen).Drift()); !slices.Contains(lines, want) {
			t.Errorf("%v: %q", kind, lines)
		}
	}
}

// What a router's account is, is the word of a primary that said all of it.
func TestSumsOfRoutersFailClosed(t *testing.T) {
	sum := strings.Repeat("0a", 32)
	convergetest.FailsClosed(t, routerSumsQuestion, "leads\ttrue\nsums\t[{\"user\": \"mysql_router_203_0_113_21\", \"sum\": \""+sum+"\"}]\nend\ttrue\n", "leads\ttrue\nsums\tNULL\nend\ttrue\n")
	for text, want := range map[string]int{"leads\tfalse\nsums\tNULL\nend\ttrue\n": -1, "unit\t\"inactive\"\nend\ttrue\n": -1, "leads\ttrue\nsums\tNULL\nend\ttrue\n": 0} {
		sums, err := readRouterSums(text)
		if err != nil || (sums == nil) != (want < 0) {
			t.Errorf("%q: %v, %v", text, sums, err)
		}
	}
}
