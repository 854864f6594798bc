// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package tinc

import (
	"fmt"
	"slices"
	"strings"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

const reachedProbe = "reach"

// Reach says which other peers one peer reached over the mesh, by the user's keys.
type Reach map[string]bool

// reachProbe pings all other peers at once, twice a second apart, so that one
// lost packet is no alarm; it ends with the first answer of each.
func (m Mesh) reachProbe(key string) converge.Probe {
	var script strings.Builder
	for _, other := range m.others(key) {
		fmt.Fprintf(&script, "{ ping -n -q -i 0.3 -c 1 -w 2 %s >/dev/null 2>&1 && echo %s; } &\n",
			remote.Quote(m.Peers[other].Address), remote.Quote(other))
	}
	script.WriteString("wait\n")
	return converge.Probe{Name: reachedProbe, Script: script.String()}
}

// Reached reads the probe's answer.
func (m Mesh) Reached(key string, o converge.Observation) Reach {
	reach := Reach{}
	found := strings.Split(o.Probes[reachedProbe].Output, "\n")
	for _, other := range m.others(key) {
		reach[other] = slices.Contains(found, other)
	}
	return reach
}

// PortProbe finds out from one peer which others' tinc ports it reaches outside
// of the mesh: TCP only, since tinc answers no stranger on UDP.
func (m Mesh) PortProbe(others []string) string {
	var script strings.Builder
	for _, other := range others {
		peer := m.Peers[other]
		// bash has /dev/tcp; timeout bounds a silent drop.
		fmt.Fprintf(&script, "{ timeout 3 bash -c %s 2>/dev/null && echo %s; } &\n",
			remote.Quote(fmt.Sprintf("exec 3<>/dev/tcp/%s/%d", peer.Endpoint, peer.Port)), remote.Quote(other))
	}
	script.WriteString("wait\n")
	return script.String()
}

// CodeNotReached says that one peer does not reach another over the mesh.
const CodeNotReached converge.Code = "tinc-not-reached"

// Complaints puts what is not reached into plain lines, one a direction. open
// says for the pairs that were tried whether the TCP port could be reached.
func (m Mesh) Complaints(reached map[string]Reach, open map[[2]string]bool) []converge.Line {
	var lines []converge.Line
	for from, reach := range reached {
		for to, ok := range reach {
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
