// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package tinc

import (
	"context"
	"fmt"
	"slices"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/reach"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// Where no UDP packet comes through, tinc carries everything inside of the TCP
// connection by which two peers know each other, and says so in its log alone. The
// mesh looks as it always does until the line loses packets: then TCP waits inside
// of TCP. tinc 1.0 tells what it does by a signal only, whose handler may crash it
// (src/process.c, sigusr2_handler), so it is seen from outside: pings over the mesh
// make that connection's counters of bytes go up, or they do not.

// Four pings of 400 bytes each are more than tinc says of itself in their time, and
// small enough for the first packet that it has found to come through.
const (
	pings    = 4
	pingSize = 400
)

// inside finds out to which others one peer speaks by UDP: false is for those to
// and from which the pings were seen inside of TCP. A pair without a connection of
// its own, one whose addresses are translated, and one that does not answer show
// nothing: they count as true. tinc measures a new link for a few seconds before it
// trusts UDP, so what is seen inside is tried again; all of it stays below the ten
// seconds that a question may take which is asked ahead.
func (m Mesh) inside(key string) converge.Question[Reach] {
	others := m.others(key)
	arguments := make([]string, len(others))
	for i, other := range others {
		peer := m.Peers[other]
		arguments[i] = fmt.Sprintf("%s %s %d", remote.Quote(peer.Address), remote.Quote(peer.Endpoint), peer.Port)
	}
	return reach.Tries("the peers that are spoken to by UDP", others, arguments, fmt.Sprintf(`counted() {
    getent ahosts "$1" | cut -d ' ' -f 1 | sort -u | while read -r at; do
      case $at in *:*) at="[$at]" ;; esac
      ss -tinH state established "( sport = :%d or dport = :$2 ) and dst = $at"
    done | awk '{ for (i = 1; i <= NF; i++) { split($i, part, ":"); sum[part[1]] += part[2] } } END { printf "%%d %%d\n", sum["bytes_sent"], sum["bytes_received"] }'
  }
  for again in 1 2 3; do
    code=0
    before=$(counted "$3" "$4")
    ping -n -q -i 0.05 -c %[2]d -s %[3]d -w 2 "$2" >/dev/null 2>&1 || break
    after=$(counted "$3" "$4")
    [ $((${after%%%% *} - ${before%%%% *})) -ge %[4]d ] && [ $((${after#* } - ${before#* })) -ge %[4]d ] || break
    code=1
    [ $again = 3 ] || sleep 1
  done`, m.Peers[key].Port, pings, pingSize, pings*pingSize))
}

// Speaks says to which peers one speaks by UDP. At a refresh it comes along with
// the other answers of its machine.
func (m Mesh) Speaks(ctx context.Context, host remote.Host, key string) (Reach, error) {
	question := m.inside(key)
	question.Asker = m.Owner() + ".speaks"
	return converge.Ask(ctx, host, question)
}

// InsideTCP tells of each pair that reach each other and were seen to speak inside
// of TCP, by both of them where both were asked.
func (m Mesh) InsideTCP(heard map[string]Heard) []string {
	var texts []string
	for _, pair := range m.pairs(heard) {
		a, b := pair[0], pair[1]
		one, saidOne := heard[a].Speaks[b]
		other, saidOther := heard[b].Speaks[a]
		if saidOne && saidOther && !one && !other {
			texts = append(texts, fmt.Sprintf("%s ↔ %s: UDP port %s", a, b, m.portsOf(a, b)))
		}
	}
	slices.Sort(texts)
	return texts
}
