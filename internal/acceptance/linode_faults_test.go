// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package acceptance

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/linode/linodego"

	"github.com/atollhq/terraform-provider-atoll/internal/lab/linode"
)

func TestLinodeFaultsLeaveOneMachine(t *testing.T) {
	a := declare(t, oneWith())
	alone := func(what string) {
		t.Helper()
		if all := a.instances(t.Context()); len(all) != 1 || len(all[0].Tags) != 1 {
			t.Fatalf("%s: the account has %+v", what, all)
		}
		a.inSync()
		a.must(a.terraform.Destroy(t.Context()))
	}
	a.fail(linode.Next{Fault: linode.Dropped, Request: "POST /linode/instances"}, linode.Next{Fault: linode.Dropped, Request: "PUT /linode/instances"})
	a.apply()
	alone("a lost answer")
	a.fail(linode.Next{Fault: linode.TooMany, Request: "POST"}, linode.Next{Fault: linode.Unavailable, Request: "POST"}, linode.Next{Fault: linode.BadGateway, Request: "POST"})
	a.apply()
	alone("limits and outages")
	// Stuck: our own deadline ends it, and the next apply knows the machine.
	a.write(oneWith("MORE", `timeouts = { create = "6s" }`))
	a.fail(linode.Next{Fault: linode.Stuck})
	a.says(a.refusal(a.terraform.Apply(t.Context())), "Unable to Create Linode vps1", "linode_create is scheduled", "timeouts")
	stuck := a.state(address)
	a.write(oneWith())
	a.apply()
	if a.state(address).ID == stuck.ID {
		t.Error("the stuck machine is still there")
	}
	alone("a stuck machine")
	a.fail(linode.Next{Fault: linode.FailedEvent})
	a.says(a.refusal(a.terraform.Apply(t.Context())), "failed at Linode", "linode_boot")
	a.apply()
	alone("a failed event")
	// Killed in the middle: taken over with a fresh disk, since its host key
	// died with the run.
	a.kill("atoll_linode.vps: Creating", 2*time.Second)
	a.apply()
	alone("a killed run")
	// A label that somebody else has is not taken over.
	_, err := a.api.CreateInstance(t.Context(), linodego.InstanceCreateOptions{Region: "ap-south", Type: "g6-nanode-1", Label: "vps1"})
	a.must(err)
	a.says(a.refusal(a.terraform.Apply(t.Context())), "label is taken", "import it with the id")
}

const twelve = `
resource "atoll_linode" "vps" {
  count           = COUNT
  label           = "vps-${count.index}"
  region          = "ap-south"
  type            = "g6-nanode-1"
  image           = "linode/debian13"
  authorized_keys = ["KEY"]
  timeouts        = { create = "CREATE" }
}
`

// The official provider's own test counts 186 requests to create 12 instances.
func TestTwelveLinodesCostFewRequests(t *testing.T) {
	a := declare(t, strings.NewReplacer("COUNT", "12", "CREATE", "5m").Replace(twelve))
	a.apply()
	create := a.requests()
	a.inSync()
	refresh := a.requests()
	a.must(a.terraform.Destroy(t.Context()))
	remove := a.requests()
	t.Logf("requests for 12 instances: create %d, refresh %d, delete (with its refresh) %d", create["all"], refresh["all"], remove["all"])
	if sum := create["all"] + refresh["all"] + remove["all"]; sum > 186/2 {
		t.Errorf("%d requests, want at most %d\ncreate %v\nrefresh %v\ndelete %v", sum, 186/2, create, refresh, remove)
	}
	if refresh["all"] > 12 {
		t.Errorf("%d requests to refresh 12 instances: %v", refresh["all"], refresh)
	}
}

// Every fault at random, and runs that are killed: after each round the account
// and the state agree, and at the end there is nothing.
func TestHundredLinodesAmongFaults(t *testing.T) {
	const rounds, each = 10, 10
	a := declare(t, strings.NewReplacer("COUNT", fmt.Sprint(each), "CREATE", "25s").Replace(twelve))
	for round := range rounds {
		faults := linode.Faults{Seed: uint64(round + 1), Chance: map[linode.Fault]float64{
			linode.Dropped: 0.15, linode.Unavailable: 0.05, linode.BadGateway: 0.05, linode.TooMany: 0.05,
			linode.Busy: 0.3, linode.FailedEvent: 0.05, linode.Stuck: 0.02,
		}}
		if round%3 == 1 {
			a.must(a.lab.FailLinode(t.Context(), faults))
			a.kill("Creating", time.Duration(round)*400*time.Millisecond)
		}
		applies := a.until("applied", faults, func() error { return a.terraform.Apply(t.Context()) })
		if ids := a.stateIDs(); !slices.Equal(ids, a.accountIDs()) || len(ids) != each {
			t.Fatalf("round %d: the state has %v, the account %v", round, ids, a.accountIDs())
		}
		faults.Seed += rounds
		destroys := a.until("destroyed", faults, func() error { return a.terraform.Destroy(t.Context()) })
		if left := a.accountIDs(); len(left) != 0 {
			t.Fatalf("round %d: the account still has %v", round, left)
		}
		t.Logf("round %d: %d applies, %d destroys", round, applies, destroys)
	}
	a.eventually("without hosts", time.Minute, func() bool {
		left, err := filepath.Glob("/run/netns/atoll-" + a.lab.Inventory.Lab + "-vps-*")
		return err == nil && len(left) == 0
	})
}
