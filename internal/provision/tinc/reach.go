// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package tinc

import (
	"fmt"
	"slices"
	"strings"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/reach"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// Reach says which other peers one peer reached over the mesh, by the user's keys.
type Reach = reach.Reach

// ReachQuestion pings all other peers at once, several times, so that one lost packet is
// no alarm; it ends with the first answer of each. ping ends with 1 when nothing
// answers and with 2 when there is no way to an address. A machine without ping,
// which comes with the node, reaches nobody.
func (m Mesh) ReachQuestion(key string) converge.Question[Reach] {
	others := m.others(key)
	arguments := make([]string, len(others))
	for i, other := range others {
		arguments[i] = remote.Quote(m.Peers[other].Address)
	}
	return reach.Tries("the peers that answer over the mesh", others, arguments, `if command -v ping >/dev/null; then
    ping -n -q -i 0.3 -c 1 -w 2 "$2" >/dev/null 2>&1 || code=$?
  else code=1; fi
  [ $code != 2 ] || code=1`)
}

// reachCheck finds every peer that does not answer.
func (m Mesh) reachCheck(key string) converge.Check[Reach] {
	return converge.Check[Reach]{Question: m.ReachQuestion(key), Differs: func(reached Reach) []converge.Line {
		return m.complaints(map[string]Reach{key: reached}, nil)
	}}
}

// CodeNotReached says that one peer does not reach another over the mesh.
const CodeNotReached converge.Code = "tinc-not-reached"

// complaints puts what is not reached into plain lines, one a direction. open
// says for the pairs that were tried whether the TCP port could be reached.
func (m Mesh) complaints(reached map[string]Reach, open map[[2]string]bool) []converge.Line {
	var lines []converge.Line
	for from, others := range reached {
		for to, ok := range others {
			if ok {
				continue
			}
			text := "no answer over the mesh"
			if tcp, tried := open[[2]string{from, to}]; tried {
				peer := m.Peers[to]
				if tcp {
					text += fmt.Sprintf("; TCP port %d of %s can be reached, so look at UDP port %[1]d and at tinc's log", peer.Port, peer.Endpoint)
				} else {
					text += fmt.Sprintf("; TCP port %d of %s cannot be reached from %s: open TCP and UDP port %[1]d", peer.Port, peer.Endpoint, from)
				}
			}
			lines = append(lines, converge.Line{Subject: from + " → " + to, Code: CodeNotReached, Text: text})
		}
	}
	slices.SortFunc(lines, func(a, b converge.Line) int { return strings.Compare(a.String(), b.String()) })
	return lines
}
