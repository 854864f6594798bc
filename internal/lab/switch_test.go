// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package lab

import (
	"encoding/binary"
	"net/netip"
	"testing"
	"time"

	"github.com/atollhq/terraform-provider-atoll/internal/lab/filter"
)

// received is a device that keeps what it is given.
type received struct{ frames int }

func (r *received) Read([]byte) (int, error) { return 0, nil }
func (r *received) Write(frame []byte) (int, error) {
	r.frames++
	return len(frame), nil
}
func (r *received) Close() error { return nil }

// between makes a TCP frame from one host's port 1000 to port 80 of another.
func between(from, to *port, flags byte) []byte {
	b := frame(protocolTCP, 80, flags)
	source, destination := from.address.As4(), to.address.As4()
	copy(b[ethernetHeader+12:], source[:])
	copy(b[ethernetHeader+16:], destination[:])
	binary.BigEndian.PutUint16(b[ethernetHeader+20:], 1000)
	return b
}

func TestSwitchAsksTheGuard(t *testing.T) {
	const syn = 0x02
	w := newWAN(func(string, string) Link { return Link{} })
	guarded, other := &port{name: "guarded", address: netip.MustParseAddr("203.0.113.11")}, &port{name: "other", address: netip.MustParseAddr("203.0.113.12")}
	for _, host := range []*port{guarded, other} {
		host.device, host.mac = &received{}, hardwareAddress(host.address)
		w.ports[host.name] = host
	}
	arrives := func(from, to *port) bool {
		before := to.device.(*received).frames
		w.handle(from, between(from, to, syn), time.Now())
		return to.device.(*received).frames > before
	}
	outbound, inbound := filter.Rules{Outbound: filter.Chain{Accept: true}}, filter.Rules{Inbound: filter.Chain{Accept: true}}
	for _, row := range []struct {
		name    string
		walls   []filter.Rules
		in, out bool
	}{
		{"none", nil, true, true},
		{"nothing in", []filter.Rules{outbound}, false, true},
		{"nothing out", []filter.Rules{inbound}, true, false},
		{"both", []filter.Rules{outbound, inbound}, false, false},
		{"none any more", nil, true, true},
	} {
		w.guard("guarded", row.walls)
		w.guard("nobody", row.walls)
		if in := arrives(other, guarded); in != row.in {
			t.Errorf("%s: comes in: %v", row.name, in)
		}
		if out := arrives(guarded, other); out != row.out {
			t.Errorf("%s: goes out: %v", row.name, out)
		}
		asks := make([]byte, ethernetHeader+28)
		binary.BigEndian.PutUint16(asks[12:], typeARP)
		binary.BigEndian.PutUint16(asks[ethernetHeader+6:], 1)
		four := other.address.As4()
		copy(asks[ethernetHeader+24:], four[:])
		before := guarded.device.(*received).frames
		w.handle(guarded, asks, time.Now())
		if guarded.device.(*received).frames != before+1 {
			t.Errorf("%s: no answer to ARP", row.name)
		}
	}
}

// A packet for an address that a host has beside its own goes where its hardware
// address says, as in a segment that is somebody else's, too.
func TestSwitchKnowsHardwareAddresses(t *testing.T) {
	w := newWAN(func(string, string) Link { return Link{} })
	a, b := &port{name: "a", address: netip.MustParseAddr("203.0.113.11")}, &port{name: "b", address: netip.MustParseAddr("203.0.113.12")}
	for _, host := range []*port{a, b} {
		host.device, host.mac = &received{}, hardwareAddress(host.address)
		w.ports[host.name] = host
	}
	mesh := &port{address: netip.MustParseAddr("10.77.0.12")}
	for _, row := range []struct {
		to   []byte
		want int
	}{{b.mac, 1}, {[]byte{2, 0xa7, 1, 2, 3, 4}, 0}, {a.mac, 0}} {
		before := b.device.(*received).frames
		frame := between(a, mesh, 0x02)
		copy(frame, row.to)
		w.handle(a, frame, time.Now())
		if got := b.device.(*received).frames - before; got != row.want {
			t.Errorf("%x: %d frames, want %d", row.to, got, row.want)
		}
	}
}
