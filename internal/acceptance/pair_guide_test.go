// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package acceptance

import (
	"fmt"
	"strings"
)

// own puts the lab's host keys into a block of the guide.
func (p *pair) own(block string) string {
	p.Helper()
	for _, host := range p.lab.Inventory.Hosts {
		block = strings.ReplaceAll(block, fmt.Sprintf("host = %q, host_key = \"ssh-ed25519 AAAA…\"", host.Address), fmt.Sprintf("host = %q, host_key = %q", host.Address, host.HostKey))
	}
	if strings.Contains(block, "AAAA…") {
		p.Fatalf("the guide has a host that the lab has not:\n%s", block)
	}
	return block
}

// follow does the turn of the guide that begins with a command, and what follows it in
// its block, where it is typed.
func (p *pair) follow(command string) {
	p.Helper()
	for _, turns := range p.guide {
		if turns[0].command != command {
			continue
		}
		for _, turn := range turns {
			switch {
			case turn.host != "":
				p.on(turn.host, turn.command)
			case strings.HasPrefix(turn.command, "terraform apply"):
				p.must(p.terraform.Apply(p.Context(), strings.Fields(turn.command)[2:]...))
			}
		}
		return
	}
	p.Fatalf("the guide has no block that begins with %s", command)
}

// drain follows the guide from the statement that closes the source to the one that
// ends the replication; what the source says stands in the replica's statement.
func (p *pair) drain() {
	p.Helper()
	for at, turns := range p.guide {
		first := turns[0].command
		if !strings.Contains(first, "SET PERSIST super_read_only = ON") || strings.Contains(turns[1].command, "gtid_executed") != p.gtids {
			continue
		}
		p.on(turns[0].host, first)
		place, printed := p.on(turns[1].host, turns[1].command), strings.Join(turns[1].printed, "\n")
		wait, forget := p.guide[at+1][0], p.guide[at+1][1]
		statement := strings.Replace(wait.command, printed, place, 1)
		if !p.gtids {
			was, is := strings.Fields(printed), strings.Fields(place)
			statement = strings.Replace(wait.command, fmt.Sprintf("'%s', %s", was[0], was[1]), fmt.Sprintf("'%s', %s", is[0], is[1]), 1)
		}
		if statement == wait.command {
			p.Fatalf("the guide waits for something else than what the source says: %s", wait.command)
		}
		if said := p.on(wait.host, statement); said != "0" && (p.gtids || strings.HasPrefix(said, "-") || said == "NULL") {
			p.Fatalf("%s says %q", statement, said)
		}
		p.on(forget.host, forget.command)
		return
	}
	p.Fatal("the guide does not drain the source")
}
