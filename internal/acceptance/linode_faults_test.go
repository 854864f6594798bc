// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package acceptance

import (
	"fmt"
	"path/filepath"
	"regexp"
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
	// A label that somebody else has is not taken over, and neither is a machine
	// that another run is making.
	_, err := a.api.CreateInstance(t.Context(), linodego.InstanceCreateOptions{Region: "ap-south", Type: "g6-nanode-1", Label: "vps1"})
	a.must(err)
	a.says(a.refusal(a.terraform.Apply(t.Context())), "label is taken", "import it with the id")
	_, err = a.api.UpdateInstance(t.Context(), a.instances(t.Context())[0].ID, linodego.InstanceUpdateOptions{Tags: &[]string{"atoll:making-abcdefghijkl"}})
	a.must(err)
	a.says(a.refusal(a.terraform.Apply(t.Context())), "label is taken", "another run ordered it", "delete the instance")
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
// Here an order is given once a machine, and everything else is asked once for
// all of them. Who waits asks again and again, as long as a boot takes: such
// questions are not counted but held to their pace.
func TestTwelveLinodesCostFewRequests(t *testing.T) {
	const count = 12
	a := declare(t, strings.NewReplacer("COUNT", fmt.Sprint(count), "CREATE", "5m").Replace(twelve))
	for _, phase := range []struct {
		name   string
		do     func()
		orders []string
	}{
		{"create", func() { a.apply() }, []string{"POST /linode/instances", "PUT /linode/instances/ID"}},
		{"refresh", func() { a.inSync() }, nil},
		{"delete", func() { a.must(a.terraform.Destroy(t.Context())) }, []string{"DELETE /linode/instances/ID"}},
	} {
		begun := time.Now()
		phase.do()
		asked, took := a.requests(), time.Since(begun)
		t.Logf("%s: %v", phase.name, asked)
		for _, problem := range wasteful(asked, count, phase.orders, took) {
			t.Errorf("%s: %s", phase.name, problem)
		}
	}
}

// wasteful names what was asked more often than many machines need.
func wasteful(asked map[string]int, count int, orders []string, took time.Duration) []string {
	// A list is asked for anew after a pause that is nearly the poll interval,
	// and after an order.
	pace, _ := time.ParseDuration(pollInterval)
	polls := int(took/(pace*9/10)) + 2
	single := regexp.MustCompile(`/\d+$`)
	seen := map[string]int{}
	for request, times := range asked {
		if request != "all" {
			seen[single.ReplaceAllString(request, "/ID")] += times
		}
	}
	var problems []string
	for _, order := range orders {
		if seen[order] != count {
			problems = append(problems, fmt.Sprintf("%d times %s for %d machines", seen[order], order, count))
		}
	}
	for request, times := range seen {
		// What the account can have is asked for when planning and when applying.
		most := 2
		switch {
		case slices.Contains(orders, request):
			continue
		case request == "GET /account/events":
			most = polls
		case request == "GET /linode/instances", request == "GET /networking/firewalls":
			most = polls + count*len(orders)
		}
		if times > most {
			problems = append(problems, fmt.Sprintf("%d times %s in %s, want at most %d", times, request, took, most))
		}
	}
	return problems
}

// A test of requests must see waste, and must not see it in a slow machine.
func TestWastefulRequestsAreSeen(t *testing.T) {
	orders := []string{"POST /linode/instances"}
	for name, row := range map[string]struct {
		asked    map[string]int
		took     time.Duration
		problems int
	}{
		"as few as can be":         {map[string]int{"POST /linode/instances": 12, "GET /account/events": 20, "GET /regions": 2, "all": 34}, 10 * time.Second, 0},
		"ten times as slow a boot": {map[string]int{"POST /linode/instances": 12, "GET /account/events": 200, "GET /regions": 2, "all": 214}, 100 * time.Second, 0},
		"everybody polls":          {map[string]int{"POST /linode/instances": 12, "GET /account/events": 240}, 10 * time.Second, 1},
		"an order too many":        {map[string]int{"POST /linode/instances": 13}, 10 * time.Second, 1},
		"each machine is read":     {map[string]int{"POST /linode/instances": 12, "GET /linode/instances/1": 1, "GET /linode/instances/2": 1, "GET /linode/instances/3": 1}, 10 * time.Second, 1},
		"each asks for regions":    {map[string]int{"POST /linode/instances": 12, "GET /regions": 12}, 10 * time.Second, 1},
	} {
		if problems := wasteful(row.asked, 12, orders, row.took); len(problems) != row.problems {
			t.Errorf("%s: %q", name, problems)
		}
	}
}

// roundsVariable says in how many rounds the test makes ten machines: few beside
// all the others, ten when it runs for its own sake.
const (
	roundsVariable = "ATOLL_ROUNDS"
	fewRounds      = 2
	// firstPatience is what a new machine gets in the first run of a round.
	firstPatience, longestPatience = 25 * time.Second, 5 * time.Minute
)

// Every fault at random, and runs that are killed: after each round the account
// and the state agree, and at the end there is nothing.
func TestLinodesAmongFaults(t *testing.T) {
	const each = 10
	rounds := often(t, roundsVariable, fewRounds)
	// A machine that is stuck is given up after a while, and the next run gives each
	// twice as long: how long a boot takes is the matter of who else is at work.
	patient := func(patience time.Duration) string {
		return strings.NewReplacer("COUNT", fmt.Sprint(each), "CREATE", patience.String()).Replace(twelve)
	}
	a := declare(t, patient(firstPatience))
	for round := range rounds {
		faults := linode.Faults{Seed: uint64(round + 1), Chance: map[linode.Fault]float64{
			linode.Dropped: 0.15, linode.Unavailable: 0.05, linode.BadGateway: 0.05, linode.TooMany: 0.05,
			linode.Busy: 0.3, linode.FailedEvent: 0.05, linode.Stuck: 0.02,
		}}
		if round%3 == 1 {
			a.must(a.lab.FailLinode(t.Context(), faults))
			a.kill("Creating", time.Duration(round)*400*time.Millisecond)
		}
		patience := firstPatience
		applies := a.until("applied", faults, func() error {
			a.write(patient(patience))
			patience = min(2*patience, longestPatience)
			return a.terraform.Apply(t.Context())
		})
		if ids := a.stateIDs(); !slices.Equal(ids, a.accountIDs()) || len(ids) != each {
			t.Fatalf("round %d: the state has %v, the account %v", round, ids, a.accountIDs())
		}
		faults.Seed += uint64(rounds)
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
