// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package lab

import (
	"encoding/binary"
	"testing"
	"time"
)

// frame is an IPv4 packet to a port, flags being TCP's.
func frame(protocol byte, port uint16, flags byte) []byte {
	b := make([]byte, ethernetHeader+40)
	binary.BigEndian.PutUint16(b[12:], typeIPv4)
	packet := b[ethernetHeader:]
	packet[0], packet[9] = 0x45, protocol
	copy(packet[16:], []byte{203, 0, 113, 11})
	binary.BigEndian.PutUint16(packet[22:], port)
	packet[33] = flags
	return b
}

// When a frame is due follows from the link alone, so no test has to wait.
func TestDue(t *testing.T) {
	now := time.Unix(1000, 0)
	for _, row := range []struct {
		name string
		link Link
		want []time.Duration
	}{
		{"no delay", Link{}, []time.Duration{0, 0, 0}},
		{"delay", Link{Delay: 40 * time.Millisecond}, []time.Duration{40 * time.Millisecond, 40 * time.Millisecond}},
		// 1000 bytes at 80 kbit/s take 100 ms each.
		{"rate", Link{Rate: 80_000}, []time.Duration{100 * time.Millisecond, 200 * time.Millisecond, 300 * time.Millisecond}},
		{"rate and delay", Link{Rate: 80_000, Delay: 50 * time.Millisecond}, []time.Duration{150 * time.Millisecond, 250 * time.Millisecond}},
	} {
		w := newWire(row.link, 1, nil)
		for i, want := range row.want {
			if got := w.due(1000, now).Sub(now); got != want {
				t.Errorf("%s: frame %d is due after %s, want %s", row.name, i, got, want)
			}
		}
	}
}

func TestJitterKeepsTheOrder(t *testing.T) {
	w, now := newWire(Link{Delay: 10 * time.Millisecond, Jitter: 30 * time.Millisecond}, 7, nil), time.Unix(1000, 0)
	last, varied := now, false
	for i := range 200 {
		sent := now.Add(time.Duration(i) * time.Millisecond)
		due := w.due(100, sent)
		if due.Before(last) {
			t.Fatalf("frame %d overtakes the one before", i)
		}
		if late := due.Sub(sent); late < 10*time.Millisecond || late > 240*time.Millisecond {
			t.Fatalf("frame %d is late by %s", i, late)
		}
		varied = varied || due.Sub(sent) != 10*time.Millisecond
		last = due
	}
	if !varied {
		t.Error("there is no jitter")
	}
}

func TestLost(t *testing.T) {
	delivered := 0
	w := newWire(Link{Loss: 0.2}, 3, func([]byte) { delivered++ })
	for range 5000 {
		w.send(frame(protocolUDP, 655, 0), time.Now())
	}
	if delivered < 3850 || delivered > 4150 {
		t.Errorf("%d of 5000 came through a link that loses a fifth", delivered)
	}
	w.set(Link{Cut: true})
	before := delivered
	w.send(frame(protocolUDP, 655, 0), time.Now())
	if delivered != before {
		t.Error("a frame came through a cut")
	}
	w.set(Link{Blocks: []Block{{"tcp", 655}}})
	for _, row := range []struct {
		frame  []byte
		passes bool
	}{{frame(protocolTCP, 655, 0), false}, {frame(protocolUDP, 655, 0), true}, {frame(protocolTCP, 22, 0), true}, {make([]byte, 20), true}} {
		before := delivered
		w.send(row.frame, time.Now())
		if (delivered == before+1) != row.passes {
			t.Errorf("a frame to %v passes: %v", row.frame[:2], !row.passes)
		}
	}
}

func TestCountsSSHConnections(t *testing.T) {
	w := newWire(Link{}, 1, func([]byte) {})
	for _, f := range [][]byte{frame(protocolTCP, 22, 0x02), frame(protocolTCP, 22, 0x12), frame(protocolTCP, 22, 0x10), frame(protocolTCP, 655, 0x02), frame(protocolUDP, 22, 0x02)} {
		w.send(f, time.Now())
	}
	if _, counters := w.get(); counters.SSHConnections != 1 || counters.Packets != 5 {
		t.Errorf("counted %+v", counters)
	}
}

func TestMirrorNeverTakesAHostsAddress(t *testing.T) {
	for _, address := range mirrorAddresses(DefaultSite()) {
		for _, host := range DefaultSite() {
			if host.Address == address {
				t.Errorf("%s of %s would leave the lab", address, host.Name)
			}
		}
	}
	if rule := (uplink{}).mirrorRule(); rule != "" {
		t.Errorf("without a mirror in its ranges the lab lets out %q", rule)
	}
}
