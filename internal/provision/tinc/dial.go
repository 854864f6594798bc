// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package tinc

import (
	"context"
	"fmt"
	"maps"
	"net"
	"slices"
	"strconv"
	"sync"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/reach"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// tinc relays for a pair whose link is gone, so a ping over the mesh says nothing
// of the pair's own link: a firewall rule that was forgotten stays unseen until
// the peer that relays goes, too. Whether the link would come up is found out by
// dialling anew, from both sides, since tinc needs one way only.

// CodeNotDialled says that neither of two peers can dial the other.
const CodeNotDialled converge.Code = "tinc-not-dialled"

// ports finds out from one peer which others' tinc ports it reaches outside of
// the mesh: TCP only, since tinc answers no stranger on UDP.
func (m Mesh) ports(others []string) converge.Question[Reach] {
	endpoints := map[string]string{}
	for _, other := range others {
		endpoints[other] = net.JoinHostPort(m.Peers[other].Endpoint, strconv.Itoa(m.Peers[other].Port))
	}
	return reach.Ports("the peers whose ports can be reached", endpoints)
}

// Dial says whose port a peer reaches outside of the mesh. At a refresh it comes
// along with the other answers of its machine.
func (m Mesh) Dial(ctx context.Context, host remote.Host, key string) (Reach, error) {
	question := m.ports(m.others(key))
	question.Asker = m.Owner() + ".dials"
	return converge.Ask(ctx, host, question)
}

// dialSilent finds out for each pair that does not work whether the one reaches
// the other's port. What cannot be asked is left out.
func (m Mesh) dialSilent(ctx context.Context, hosts map[string]remote.Host, reached map[string]Reach) map[[2]string]bool {
	var mu sync.Mutex
	open := map[[2]string]bool{}
	_ = each(slices.Sorted(maps.Keys(hosts)), func(from string) error {
		var silent []string
		for to, ok := range reached[from] {
			if !ok {
				silent = append(silent, to)
			}
		}
		slices.Sort(silent)
		dialled, err := converge.Ask(ctx, hosts[from], m.ports(silent))
		if err != nil {
			return err
		}
		mu.Lock()
		defer mu.Unlock()
		for to, ok := range dialled {
			open[[2]string{from, to}] = ok
		}
		return nil
	})
	return open
}

// pairs gives those that were both asked whom they can dial, and reach each other
// over the mesh: where they do not, a line of its own says so.
func (m Mesh) pairs(heard map[string]Heard) [][2]string {
	var pairs [][2]string
	keys := slices.Sorted(maps.Keys(heard))
	for i, a := range keys {
		for _, b := range keys[i+1:] {
			_, one := heard[a].Dials[b]
			_, other := heard[b].Dials[a]
			stays := !m.Peers[a].Leaving && !m.Peers[b].Leaving
			if one && other && stays && heard[a].Reach[b] && heard[b].Reach[a] {
				pairs = append(pairs, [2]string{a, b})
			}
		}
	}
	return pairs
}

// undialled tells of each pair of which neither can dial the other.
func (m Mesh) undialled(heard map[string]Heard) []converge.Line {
	var lines []converge.Line
	for _, pair := range m.pairs(heard) {
		a, b := pair[0], pair[1]
		if heard[a].Dials[b] || heard[b].Dials[a] {
			continue
		}
		lines = append(lines, converge.Line{Subject: a + " ↔ " + b, Code: CodeNotDialled, Text: fmt.Sprintf(
			"neither can dial the other, so only a link that still stands or other peers carry what they say, until those go: open TCP and UDP port %s", m.portsOf(a, b))})
	}
	return lines
}

// Undialled are the lines that a refresh would tell of the pairs of which neither
// can dial the other.
func (m Mesh) Undialled(heard map[string]Heard) []string { return converge.Texts(m.undialled(heard)) }

// OneWay tells of each pair of which only one can dial the other. That is enough
// for tinc, and meant where the other stands behind a translation of addresses.
func (m Mesh) OneWay(heard map[string]Heard) []string {
	var texts []string
	for _, pair := range m.pairs(heard) {
		from, to := pair[0], pair[1]
		if heard[from].Dials[to] == heard[to].Dials[from] {
			continue
		}
		if heard[from].Dials[to] {
			from, to = to, from
		}
		peer := m.Peers[to]
		texts = append(texts, fmt.Sprintf("%s cannot dial %s, which can dial it: TCP port %d of %s", from, to, peer.Port, peer.Endpoint))
	}
	return texts
}

// portsOf names what has to be open for a pair.
func (m Mesh) portsOf(a, b string) string {
	one, other := m.Peers[a].Port, m.Peers[b].Port
	if one == other {
		return fmt.Sprintf("%d of both", one)
	}
	return fmt.Sprintf("%d of %s and %d of %s", one, a, other, b)
}
