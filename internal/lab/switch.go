// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package lab

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/atollhq/terraform-provider-atoll/internal/lab/filter"
)

// wan is a switch of ports, one a host, with a wire for every ordered pair.
// It answers address resolution itself, so that a cut line is silent, as a line
// far away is, instead of "no route to host".
type wan struct {
	// quality decides a new wire's link.
	quality func(from, to string) Link

	mu    sync.RWMutex
	ports map[string]*port
	wires map[[2]string]*wire
}

// port is where one host is plugged in.
type port struct {
	name    string
	address netip.Addr
	mac     net.HardwareAddr
	device  io.ReadWriteCloser
	// guarded is nil where everything passes.
	guarded atomic.Pointer[filter.Guard]
}

// passes asks the firewall that the hoster has put before the host.
func (p *port) passes(frame []byte, direction filter.Direction, now time.Time) bool {
	guard := p.guarded.Load()
	return guard == nil || guard.Passes(frame[ethernetHeader:], direction, now)
}

func newWAN(quality func(from, to string) Link) *wan {
	return &wan{quality: quality, ports: map[string]*port{}, wires: map[[2]string]*wire{}}
}

// hardwareAddress derives a locally administered MAC from the IPv4 address.
func hardwareAddress(address netip.Addr) net.HardwareAddr {
	four := address.As4()
	return net.HardwareAddr{0x02, 0xa7, four[0], four[1], four[2], four[3]}
}

// plug adds a port and serves it until its device is closed.
func (w *wan) plug(name string, address netip.Addr, device io.ReadWriteCloser) {
	added := &port{name: name, address: address, mac: hardwareAddress(address), device: device}
	w.mu.Lock()
	w.ports[name] = added
	w.mu.Unlock()
	go w.serve(added)
}

// unplug closes a port.
func (w *wan) unplug(name string) {
	w.mu.Lock()
	gone := w.ports[name]
	delete(w.ports, name)
	w.mu.Unlock()
	if gone != nil {
		_ = gone.device.Close()
	}
}

// guard puts firewalls before a host, all of which have to let a packet pass,
// or none. It holds from the next packet on. What was open while there was none
// is not known, so that it begins anew unless the rules let every packet pass.
func (w *wan) guard(name string, walls []filter.Rules) {
	w.mu.Lock()
	defer w.mu.Unlock()
	host := w.ports[name]
	switch {
	case host == nil:
	case len(walls) == 0:
		host.guarded.Store(nil)
	case host.guarded.Load() != nil:
		host.guarded.Load().Change(walls)
	default:
		host.guarded.Store(filter.NewGuard(walls))
	}
}

// frameSize holds the largest frame of an MTU of 1500, with room.
const frameSize = 2048

func (w *wan) serve(from *port) {
	for {
		frame := make([]byte, frameSize)
		n, err := from.device.Read(frame)
		if err != nil {
			return
		}
		w.handle(from, frame[:n], time.Now())
	}
}

func (w *wan) handle(from *port, frame []byte, now time.Time) {
	if len(frame) < ethernetHeader {
		return
	}
	switch binary.BigEndian.Uint16(frame[12:]) {
	case typeARP:
		if reply := w.resolve(from, frame); reply != nil {
			_, _ = from.device.Write(reply)
		}
	case typeIPv4:
		address, ok := destinationAddress(frame)
		if !ok {
			return
		}
		to := w.at(address)
		if to == nil {
			// An address that a host has beside its own, such as a mesh's: who knows
			// the host on its own network reaches it there all the same.
			to = w.known(frame[:6])
		}
		if to != nil && to != from && from.passes(frame, filter.Outbound, now) {
			w.wire(from.name, to.name).send(frame, now)
		}
	}
}

// resolve answers an ARP request (RFC 826) for any address that has a port.
func (w *wan) resolve(from *port, frame []byte) []byte {
	if len(frame) < ethernetHeader+28 || binary.BigEndian.Uint16(frame[ethernetHeader+6:]) != 1 {
		return nil
	}
	target := netip.AddrFrom4([4]byte(frame[ethernetHeader+24 : ethernetHeader+28]))
	if w.at(target) == nil || target == from.address {
		return nil
	}
	mac := hardwareAddress(target)
	reply := slices.Clone(frame[:ethernetHeader+28])
	copy(reply[0:], frame[6:12])
	copy(reply[6:], mac)
	binary.BigEndian.PutUint16(reply[ethernetHeader+6:], 2)
	copy(reply[ethernetHeader+8:], mac)
	copy(reply[ethernetHeader+14:], frame[ethernetHeader+24:ethernetHeader+28])
	copy(reply[ethernetHeader+18:], frame[ethernetHeader+8:ethernetHeader+18])
	return reply
}

// find gives the port that is asked for, or nil.
func (w *wan) find(asked func(*port) bool) *port {
	w.mu.RLock()
	defer w.mu.RUnlock()
	for _, candidate := range w.ports {
		if asked(candidate) {
			return candidate
		}
	}
	return nil
}

func (w *wan) at(address netip.Addr) *port {
	return w.find(func(p *port) bool { return p.address == address })
}

// known finds a port by its hardware address.
func (w *wan) known(mac net.HardwareAddr) *port {
	return w.find(func(p *port) bool { return slices.Equal(p.mac, mac) })
}

// wire gives the wire of an ordered pair and makes it with its first use. It
// outlives a host whose plug is pulled.
func (w *wan) wire(from, to string) *wire {
	pair := [2]string{from, to}
	w.mu.RLock()
	known := w.wires[pair]
	w.mu.RUnlock()
	if known != nil {
		return known
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if known = w.wires[pair]; known == nil {
		known = newWire(w.quality(from, to), uint64(len(w.wires)+1), func(frame []byte) { w.deliver(to, frame) })
		w.wires[pair] = known
	}
	return known
}

func (w *wan) deliver(to string, frame []byte) {
	w.mu.RLock()
	destination := w.ports[to]
	w.mu.RUnlock()
	if destination == nil || !destination.passes(frame, filter.Inbound, time.Now()) {
		return
	}
	copy(frame, destination.mac)
	_, _ = destination.device.Write(frame)
}

// reset puts every wire back to its default.
func (w *wan) reset() {
	w.mu.RLock()
	defer w.mu.RUnlock()
	for pair, known := range w.wires {
		known.set(w.quality(pair[0], pair[1]))
	}
}

// statistics by "from>to".
func (w *wan) statistics() map[string]Counters {
	w.mu.RLock()
	defer w.mu.RUnlock()
	all := map[string]Counters{}
	for pair, known := range w.wires {
		_, counters := known.get()
		all[fmt.Sprintf("%s>%s", pair[0], pair[1])] = counters
	}
	return all
}
