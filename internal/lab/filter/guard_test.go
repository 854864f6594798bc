// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package filter

import (
	"testing"
	"time"
)

var now = time.Unix(1000, 0)

// step is a packet that a guard sees, some time after the one before.
type step struct {
	after     time.Duration
	direction Direction
	packet    []byte
	passes    bool
}

func TestGuardRemembers(t *testing.T) {
	in, out := Inbound, Outbound
	onlySSHOut := Rules{Inbound: sshOnly.Inbound}
	for name, row := range map[string]struct {
		rules Rules
		steps []step
	}{
		"a connection from inside": {sshOnly, []step{
			{0, in, tcp(stranger, 443, machine, 4000, synAck), false},
			{0, out, tcp(machine, 4000, stranger, 443, syn), true},
			{0, in, tcp(stranger, 443, machine, 4000, synAck), true},
			{time.Hour, in, tcp(stranger, 443, machine, 4000, ack), true},
			{0, in, tcp(stranger, 443, machine, 4001, ack), false},
			{0, in, tcp(stranger, 80, machine, 4000, ack), false},
			{idleTCP, in, tcp(stranger, 443, machine, 4000, ack), true},
			{idleTCP + 1, in, tcp(stranger, 443, machine, 4000, ack), false},
		}},
		"answers where nothing may go out": {onlySSHOut, []step{
			{0, out, tcp(machine, 22, operator, 4000, synAck), false},
			{0, in, tcp(operator, 4000, machine, 22, syn), true},
			{0, out, tcp(machine, 22, operator, 4000, synAck), true},
			{0, out, tcp(machine, 4000, operator, 22, syn), false},
		}},
		"an end, and the same ports again": {sshOnly, []step{
			{0, out, tcp(machine, 4000, stranger, 443, syn), true},
			{0, in, tcp(stranger, 443, machine, 4000, finAck), true},
			{idleClosing, in, tcp(stranger, 443, machine, 4000, ack), true},
			{0, out, tcp(machine, 4000, stranger, 443, syn), true},
			{2 * idleClosing, in, tcp(stranger, 443, machine, 4000, finAck), true},
			{idleClosing + 1, in, tcp(stranger, 443, machine, 4000, ack), false},
		}},
		"what was refused is not remembered": {sshOnly, []step{
			{0, in, udp(stranger, 655, machine, 655), false},
			{0, in, udp(stranger, 655, machine, 655), false},
			{0, out, udp(machine, 655, stranger, 655), true},
			{idleUDP, in, udp(stranger, 655, machine, 655), true},
			{idleUDP, in, udp(stranger, 655, machine, 655), true},
			{idleUDP + 1, in, udp(stranger, 655, machine, 655), false},
		}},
		"pings": {sshOnly, []step{
			{0, in, echo(echoRequest, stranger, machine, 7), false},
			{0, out, echo(echoRequest, machine, stranger, 7), true},
			{0, in, echo(echoReply, stranger, machine, 7), true},
			{0, in, echo(echoReply, stranger, machine, 8), false},
			{0, in, echo(echoRequest, stranger, machine, 7), false},
			{idleICMP + 1, in, echo(echoReply, stranger, machine, 7), false},
		}},
		"errors": {sshOnly, []step{
			{0, in, unreachableAbout(stranger, machine, udp(machine, 1, stranger, 9)), false},
			{0, out, udp(machine, 1, stranger, 9), true},
			{0, in, unreachableAbout(stranger, machine, udp(machine, 1, stranger, 9)), true},
			{0, in, unreachableAbout(operator, machine, udp(machine, 1, stranger, 9)), true},
			{0, in, unreachableAbout(stranger, machine, udp(machine, 2, stranger, 9)), false},
		}},
		"other protocols": {sshOnly, []step{
			{0, in, ipv4(IPENCAP, stranger, machine), false},
			{0, out, ipv4(IPENCAP, machine, stranger), true},
			{idleOther, in, ipv4(IPENCAP, stranger, machine), true},
			{idleOther + 1, in, ipv4(IPENCAP, stranger, machine), false},
		}},
	} {
		t.Run(name, func(t *testing.T) {
			guard, clock := NewGuard([]Rules{row.rules}), now
			for at, step := range row.steps {
				clock = clock.Add(step.after)
				if got := guard.Passes(step.packet, step.direction, clock); got != step.passes {
					t.Errorf("step %d passes: %v", at, got)
				}
			}
		})
	}
}

// Other rules hold at once, for what goes on, too; what they allow goes on.
func TestGuardChanges(t *testing.T) {
	guard := NewGuard([]Rules{everything})
	for _, b := range [][]byte{tcp(stranger, 4000, machine, 80, syn), tcp(operator, 4000, machine, 22, syn)} {
		if !guard.Passes(b, Inbound, now) {
			t.Fatal("what may pass does not")
		}
	}
	if !guard.Passes(tcp(machine, 4001, stranger, 443, syn), Outbound, now) {
		t.Fatal("what may go out does not")
	}
	guard.Change([]Rules{sshOnly})
	for at, step := range []step{
		{0, Inbound, tcp(stranger, 4000, machine, 80, ack), false},
		{0, Outbound, tcp(machine, 80, stranger, 4000, ack), true},
		{0, Inbound, tcp(stranger, 4000, machine, 80, ack), false},
		{0, Inbound, tcp(operator, 4000, machine, 22, ack), true},
		{0, Inbound, tcp(stranger, 443, machine, 4001, ack), true},
	} {
		if got := guard.Passes(step.packet, step.direction, now); got != step.passes {
			t.Errorf("after the change, step %d passes: %v", at, got)
		}
	}
	guard.Change([]Rules{nothing})
	if guard.Passes(tcp(stranger, 443, machine, 4001, ack), Inbound, now) || len(guard.flows) != 0 {
		t.Errorf("%d flows are left where nothing may pass", len(guard.flows))
	}
}

// A flood takes the room of what is silent, not of what talks.
func TestGuardIsBounded(t *testing.T) {
	guard := NewGuard([]Rules{sshOnly})
	guard.Passes(udp(machine, 1, operator, 1), Outbound, now)
	guard.Passes(udp(machine, 2, operator, 1), Outbound, now)
	for port := range uint16(65535) {
		guard.Passes(udp(machine, port, stranger, 9), Outbound, now)
		if port%1000 == 0 {
			guard.Passes(udp(operator, 1, machine, 1), Inbound, now)
		}
	}
	if len(guard.flows) != capacity || guard.recent.Len() != capacity {
		t.Errorf("%d flows in the table, %d in the list", len(guard.flows), guard.recent.Len())
	}
	if !guard.Passes(udp(operator, 1, machine, 1), Inbound, now) {
		t.Error("the flow that went on was forgotten")
	}
	if guard.Passes(udp(operator, 1, machine, 2), Inbound, now) {
		t.Error("the flow that was silent is remembered")
	}
}

func BenchmarkGuard(b *testing.B) {
	guard := NewGuard([]Rules{sshOnly})
	guard.Passes(tcp(operator, 4000, machine, 22, syn), Inbound, now)
	answer := tcp(machine, 22, operator, 4000, ack)
	b.ReportAllocs()
	for b.Loop() {
		guard.Passes(answer, Outbound, now)
	}
}
