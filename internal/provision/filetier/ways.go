// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package filetier

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strconv"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
	model "github.com/atollhq/terraform-provider-atoll/internal/model/tier"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/reach"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// CodeWay says that a node does not reach the SSH port of one with which it keeps trees in
// step, by a connection that stands.
const CodeWay converge.Code = "tier-way"

// waysQuestion dials the SSH port of each node with which a node keeps a hot tree in step.
// Archives dial at each run, so that those say themselves what is in the way.
func (t Tier) waysQuestion(node string) converge.Question[reach.Reach] {
	endpoints := map[string]string{}
	for _, peer := range t.hot().dialled(node) {
		endpoints[peer] = net.JoinHostPort(t.Nodes[peer].Address, strconv.Itoa(t.Nodes[peer].Port))
	}
	question := reach.Ports("the nodes whose SSH ports can be reached", endpoints)
	question.Asker = t.RecordOwner() + ".ways"
	return question
}

// Examine is Hear as a refresh does it: beside that, whom the node can dial. Where one is not
// reached all are dialled again, since its sshd may just have been restarted.
func (t Tier) Examine(ctx context.Context, host remote.Host, node string, facts Facts, keys map[string]string) (Heard, error) {
	heard, err := t.Hear(ctx, host, node, facts, keys)
	if err != nil || !heard.Observation.Recorded() || len(t.hot().dialled(node)) == 0 {
		return heard, err
	}
	question := t.waysQuestion(node)
	heard.Dials, err = converge.Ask(ctx, host, question)
	if err == nil && slices.ContainsFunc(t.hot().dialled(node), func(peer string) bool { return t.hides(heard, peer) }) {
		heard.Dials, err = converge.Ask(ctx, host, question)
	}
	return heard, err
}

// hides says whether a node tells of a pair as one that works, and does not reach its other
// node anew. One that does not work tells why by itself.
func (t Tier) hides(heard Heard, peer string) bool {
	status, err := t.status(peer).Answer(heard.Observation)
	return err == nil && hidden(status, heard.Dials, peer)
}

func hidden(status model.PairStatus, dials reach.Reach, peer string) bool {
	works := status.Error == "" && (status.Stage == model.Working || status.Stage == model.Watching)
	return works && !dials.May(peer)
}

// unreached tells of a pair that stands by its old connection alone. Both nodes were asked:
// one that is down is told of as such. drift is the dialling node's, where the unit of a
// pair that does not run has a line.
func (t Tier) unreached(pair Pair, heard map[string]Heard, drift []converge.Line) (converge.Line, bool) {
	_, asked := heard[pair.Serves]
	stopped := slices.ContainsFunc(drift, func(line converge.Line) bool { return line.Subject == "unit "+t.unit(pair.Serves)+".service" })
	if !asked || stopped || !t.hides(heard[pair.Dials], pair.Serves) {
		return converge.Line{}, false
	}
	peer := t.Nodes[pair.Serves]
	return converge.Line{Subject: pair.Dials + " → " + pair.Serves, Code: CodeWay, Text: fmt.Sprintf(
		"no new connection to SSH at %s. The one that is open goes on, and after a restart of either node these two are not kept in step. Look on both machines for a firewall rule that drops the port",
		net.JoinHostPort(peer.Address, strconv.Itoa(peer.Port)))}, true
}

// Unreached are the lines that a refresh would tell of those.
func (t Tier) Unreached(heard map[string]Heard, keys map[string]string) []string {
	var texts []string
	for _, finding := range t.Diagnose(heard, keys) {
		if finding.Line.Code == CodeWay {
			texts = append(texts, finding.Line.String())
		}
	}
	return texts
}
