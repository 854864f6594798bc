// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package filter

import (
	"encoding/binary"
	"net/netip"
)

// role of a packet in what goes on between two machines.
type role uint8

const (
	// alone neither opens a flow nor belongs to one.
	alone role = iota
	// opening is a TCP SYN and an ICMP echo request.
	opening
	// following is the rest of TCP, an ICMP echo reply, and an ICMP error, which
	// belongs to the flow that it is about.
	following
	// either is all of UDP and of protocols that we cannot look into.
	either
	// fragment is any but the first of a datagram.
	fragment
)

// packet is what matters of an IPv4 packet.
type packet struct {
	protocol            uint8
	source, destination netip.Addr
	// from and to are ports; both are the identifier for an ICMP echo.
	from, to uint16
	role     role
	// ends says that a TCP connection is given up.
	ends bool
	// about is the flow that an ICMP error is about.
	about flow
}

// flow is two ends that talk, whoever began.
type flow struct {
	protocol  uint8
	low, high netip.AddrPort
}

func (p packet) flow() flow {
	if p.about != (flow{}) {
		return p.about
	}
	low, high := netip.AddrPortFrom(p.source, p.from), netip.AddrPortFrom(p.destination, p.to)
	if high.Compare(low) < 0 {
		low, high = high, low
	}
	return flow{p.protocol, low, high}
}

// Types of ICMP (RFC 792).
const (
	echoReply        = 0
	unreachable      = 3
	echoRequest      = 8
	timeExceeded     = 11
	parameterProblem = 12
)

// read takes an IPv4 packet apart; false for what is none, or is too short to
// judge.
func read(b []byte) (packet, bool) {
	p, rest, ok := network(b)
	if !ok || p.role == fragment {
		return p, ok
	}
	if !p.addEnds(rest) {
		return p, false
	}
	switch p.protocol {
	case TCP:
		if len(rest) < 20 {
			return p, false
		}
		p.addFlags(rest[13])
	case ICMP:
		p.addType(rest)
	default:
		p.role = either
	}
	return p, true
}

// network reads the IPv4 header (RFC 791) and gives what stands behind it.
func network(b []byte) (p packet, rest []byte, ok bool) {
	if len(b) < 20 || b[0]>>4 != 4 {
		return p, nil, false
	}
	header := int(b[0]&0x0f) * 4
	if header < 20 || len(b) < header {
		return p, nil, false
	}
	p = packet{protocol: b[9], source: netip.AddrFrom4([4]byte(b[12:16])), destination: netip.AddrFrom4([4]byte(b[16:20]))}
	if offset := binary.BigEndian.Uint16(b[6:]) & 0x1fff; offset > 0 {
		p.role = fragment
		// One that begins at byte 8 could overwrite the flags of a TCP header that
		// was judged without them (RFC 1858).
		return p, nil, offset > 1 || p.protocol != TCP
	}
	return p, b[header:], true
}

// addEnds reads what tells one flow between two addresses from another.
func (p *packet) addEnds(rest []byte) bool {
	switch {
	case p.protocol != TCP && p.protocol != UDP && p.protocol != ICMP:
		return true
	case len(rest) < 8:
		return false
	case p.protocol != ICMP:
		p.from, p.to = binary.BigEndian.Uint16(rest), binary.BigEndian.Uint16(rest[2:])
	case rest[0] == echoRequest || rest[0] == echoReply:
		p.from = binary.BigEndian.Uint16(rest[4:])
		p.to = p.from
	}
	return true
}

// addFlags reads those of TCP (RFC 9293).
func (p *packet) addFlags(flags byte) {
	const fin, syn, rst, ack = 0x01, 0x02, 0x04, 0x10
	p.role = following
	if flags&(syn|ack) == syn {
		p.role = opening
	}
	p.ends = flags&(fin|rst) != 0
}

// addType reads echoes, and the flow whose packet an error quotes: its header
// and at least eight bytes, which hold the ports.
func (p *packet) addType(rest []byte) {
	switch rest[0] {
	case echoRequest:
		p.role = opening
	case echoReply:
		p.role = following
	case unreachable, timeExceeded, parameterProblem:
		quoted, inner, ok := network(rest[8:])
		if ok && quoted.role != fragment && quoted.addEnds(inner) {
			p.role, p.about = following, quoted.flow()
		}
	}
}
