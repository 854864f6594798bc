// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package lab

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"sync"
	"time"
)

// Link is the quality of one direction between two hosts.
type Link struct {
	// Delay is one way; a round trip takes it twice.
	Delay  time.Duration `json:"delay"`
	Jitter time.Duration `json:"jitter"`
	// Loss is the share of packets lost, 0 to 1.
	Loss float64 `json:"loss"`
	// Rate limits throughput, in bits a second; 0 is no limit.
	Rate int64 `json:"rate"`
	// Cut loses everything.
	Cut    bool    `json:"cut"`
	Blocks []Block `json:"blocks"`
}

// Block loses what goes to one port, as a forgotten firewall rule does.
type Block struct {
	// Protocol is tcp or udp.
	Protocol string `json:"protocol"`
	// Port is the destination port.
	Port int `json:"port"`
}

// Counters count what one direction carried since the lab came up.
type Counters struct {
	Packets int64 `json:"packets"`
	Bytes   int64 `json:"bytes"`
	Dropped int64 `json:"dropped"`
	// SSHConnections counts TCP connections opened to port 22.
	SSHConnections int64 `json:"ssh_connections"`
}

// queueLimit bounds what one direction holds back, in packets: about 6 MB, more
// than a second of a good line.
const queueLimit = 4096

// wire carries packets in one direction, delayed and in order.
type wire struct {
	deliver func([]byte)

	mu       sync.Mutex
	link     Link
	counters Counters
	queue    []held
	free     time.Time
	last     time.Time
	running  bool
	random   *rand.Rand
}

type held struct {
	due   time.Time
	frame []byte
}

func newWire(link Link, seed uint64, deliver func([]byte)) *wire {
	return &wire{link: link, deliver: deliver, random: rand.New(rand.NewPCG(seed, 0))}
}

// send takes over the frame.
func (w *wire) send(frame []byte, now time.Time) {
	w.mu.Lock()
	if w.lost(frame) || len(w.queue) >= queueLimit {
		w.counters.Dropped++
		w.mu.Unlock()
		return
	}
	w.counters.Packets++
	w.counters.Bytes += int64(len(frame))
	if isSSHOpen(frame) {
		w.counters.SSHConnections++
	}
	due := w.due(len(frame), now)
	if !due.After(now) && len(w.queue) == 0 && !w.running {
		w.mu.Unlock()
		w.deliver(frame)
		return
	}
	w.queue = append(w.queue, held{due, frame})
	if !w.running {
		w.running = true
		go w.run()
	}
	w.mu.Unlock()
}

func (w *wire) lost(frame []byte) bool {
	if w.link.Cut || w.link.Loss > 0 && w.random.Float64() < w.link.Loss {
		return true
	}
	if len(w.link.Blocks) == 0 {
		return false
	}
	protocol, port := destination(frame)
	for _, block := range w.link.Blocks {
		if block.Protocol == protocol && block.Port == port {
			return true
		}
	}
	return false
}

// due says when a frame arrives: after those before it, at the line's rate.
func (w *wire) due(size int, now time.Time) time.Time {
	due := now.Add(w.link.Delay)
	if w.link.Jitter > 0 {
		due = due.Add(time.Duration(w.random.Int64N(int64(w.link.Jitter))))
	}
	if w.link.Rate > 0 {
		if w.free.Before(now) {
			w.free = now
		}
		w.free = w.free.Add(time.Duration(int64(size) * 8 * int64(time.Second) / w.link.Rate))
		if arrival := w.free.Add(w.link.Delay); arrival.After(due) {
			due = arrival
		}
	}
	if due.Before(w.last) {
		due = w.last
	}
	w.last = due
	return due
}

// run delivers until the queue is empty.
func (w *wire) run() {
	for {
		w.mu.Lock()
		if len(w.queue) == 0 {
			w.running = false
			w.mu.Unlock()
			return
		}
		next := w.queue[0]
		if wait := time.Until(next.due); wait > 0 {
			w.mu.Unlock()
			time.Sleep(wait)
			continue
		}
		w.queue[0] = held{}
		w.queue = w.queue[1:]
		w.mu.Unlock()
		w.deliver(next.frame)
	}
}

func (w *wire) set(link Link) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.link = link
}

func (w *wire) get() (Link, Counters) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.link, w.counters
}

const (
	ethernetHeader = 14
	typeIPv4       = 0x0800
	typeARP        = 0x0806
	protocolTCP    = 6
	protocolUDP    = 17
	sshPort        = 22
)

// destination reads protocol and destination port of an IPv4 frame (RFC 791).
func destination(frame []byte) (protocol string, port int) {
	if len(frame) < ethernetHeader+20 || binary.BigEndian.Uint16(frame[12:]) != typeIPv4 {
		return "", 0
	}
	packet := frame[ethernetHeader:]
	header := int(packet[0]&0x0f) * 4
	if len(packet) < header+4 {
		return "", 0
	}
	switch packet[9] {
	case protocolTCP:
		protocol = "tcp"
	case protocolUDP:
		protocol = "udp"
	default:
		return "", 0
	}
	return protocol, int(binary.BigEndian.Uint16(packet[header+2:]))
}

// isSSHOpen recognises a TCP SYN without ACK to port 22 (RFC 9293).
func isSSHOpen(frame []byte) bool {
	protocol, port := destination(frame)
	if protocol != "tcp" || port != sshPort {
		return false
	}
	packet := frame[ethernetHeader:]
	header := int(packet[0]&0x0f) * 4
	return len(packet) > header+13 && packet[header+13]&0x12 == 0x02
}

// destinationAddress reads where an IPv4 frame goes.
func destinationAddress(frame []byte) (netip.Addr, bool) {
	if len(frame) < ethernetHeader+20 || binary.BigEndian.Uint16(frame[12:]) != typeIPv4 {
		return netip.Addr{}, false
	}
	return netip.AddrFrom4([4]byte(frame[ethernetHeader+16 : ethernetHeader+20])), true
}

// ParseBlock reads protocol and port from the command line.
func ParseBlock(protocol string, port int) (Block, error) {
	if protocol != "tcp" && protocol != "udp" {
		return Block{}, fmt.Errorf("protocol %q: must be tcp or udp", protocol)
	}
	if port < 1 || port > 65535 {
		return Block{}, fmt.Errorf("port %d: must be from 1 to 65535", port)
	}
	return Block{protocol, port}, nil
}
