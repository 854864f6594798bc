// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package innodbcluster

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/reach"
)

// ErrNoWay says that a server that is to join a group and a member of it do not reach each
// other's MySQL.
var ErrNoWay = errors.New("it and the group do not reach each other")

// wayIn refuses to let a server in that a firewall keeps apart from a member, before
// anything is touched: in a group each dials each, a joiner that reaches nobody tries for
// minutes, and its log speaks of peers and not of a rule.
func (r *run) wayIn(ctx context.Context, key string) error {
	online := r.onlineBeside(key)
	tries := map[string]reach.Reach{}
	problems := map[string]error{}
	var mu sync.Mutex
	var asking sync.WaitGroup
	ask := func(from string, to []string) {
		reached, err := converge.Ask(ctx, r.hosts[from], r.cluster.WaysQuestion(to))
		mu.Lock()
		defer mu.Unlock()
		tries[from], problems[from] = reached, err
	}
	asking.Go(func() { ask(key, online) })
	for _, other := range online {
		asking.Go(func() { ask(other, []string{key}) })
	}
	asking.Wait()
	if err := problems[key]; err != nil {
		return err
	}
	return r.cluster.apart(tries)
}

// onlineBeside are the members that a joiner will be dialled by, of those that can be asked.
func (r *run) onlineBeside(key string) []string {
	var online []string
	for _, other := range slices.Sorted(maps.Keys(r.diagnosis.Members)) {
		if other != key && r.hosts[other] != nil && r.diagnosis.Members[other].State == string(StateOnline) {
			online = append(online, other)
		}
	}
	return online
}

// apart names each way, from one to another, that no packet got through.
func (c Cluster) apart(tries map[string]reach.Reach) error {
	var ways []string
	for _, from := range slices.Sorted(maps.Keys(tries)) {
		for _, to := range slices.Sorted(maps.Keys(tries[from])) {
			if !tries[from].May(to) {
				ways = append(ways, fmt.Sprintf("from %s to %s of %s", from, c.Members[to].Endpoint(), to))
			}
		}
	}
	if len(ways) == 0 {
		return nil
	}
	return fmt.Errorf("%w: no new connection %s. In a group each has to reach each: look on both machines for a firewall rule that drops the port, and open it to the other members' addresses. Nothing was touched", ErrNoWay, strings.Join(ways, ", none "))
}
