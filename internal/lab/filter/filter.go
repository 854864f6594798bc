// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

// Package filter is the firewall that a hoster puts before a machine: rules in
// order for each direction, a policy for what no rule names, and answers to
// what was let through pass by themselves.
//
// decide is the whole decision and is pure; Guard adds the memory of what goes
// on, and whoever carries packets calls it.
package filter

import (
	"net/netip"
	"slices"

	"github.com/atollhq/terraform-provider-atoll/internal/provision/firewall"
)

// Direction of a packet, as the guarded machine sees it.
type Direction bool

// Directions.
const (
	Inbound  Direction = false
	Outbound Direction = true
)

// Protocols that rules can name, by their numbers at IANA.
const (
	ICMP    = 1
	IPENCAP = 4
	TCP     = 6
	UDP     = 17
)

// Rules are one firewall.
type Rules struct {
	Inbound, Outbound Chain
}

// Chain is what holds for one direction: the first rule that fits decides, and
// the policy where none does.
type Chain struct {
	Rules []Rule
	// Accept is the policy.
	Accept bool
}

// Rule says what becomes of the packets that it fits.
type Rule struct {
	Protocol uint8
	// Ports of the destination; none means all.
	Ports []firewall.Ports
	// Networks that the other side is in.
	Networks []netip.Prefix
	Accept   bool
}

// fits says whether a rule is about packets such as this one.
func (r Rule) fits(p packet, remote netip.Addr) bool {
	if r.Protocol != p.protocol {
		return false
	}
	inside := func(ports firewall.Ports) bool { return ports.First <= p.to && p.to <= ports.Last }
	if len(r.Ports) > 0 && !slices.ContainsFunc(r.Ports, inside) {
		return false
	}
	return slices.ContainsFunc(r.Networks, func(network netip.Prefix) bool { return network.Contains(remote) })
}

// accepts is what the rules alone say.
func (r Rules) accepts(p packet, direction Direction) bool {
	chain, remote := r.Inbound, p.source
	if direction == Outbound {
		chain, remote = r.Outbound, p.destination
	}
	for _, rule := range chain.Rules {
		if rule.fits(p, remote) {
			return rule.Accept
		}
	}
	return chain.Accept
}

// verdict on a packet.
type verdict struct {
	passes bool
	// opens says that what belongs to this packet passes from now on.
	opens bool
}

// decide judges a packet. Known says that it belongs to what was let through
// before. Where there are several firewalls, each has to accept.
//
// What opens a connection is judged by the rules, whatever went on between the
// same ports before. Of TCP only a SYN opens: were it any packet, the answers of
// a machine that may send whatever it likes would open again what the rules have
// just forbidden.
//
// A later fragment has no ports to judge. It passes: without the first one,
// which is judged, its datagram is never put together.
func decide(walls []Rules, direction Direction, p packet, known bool) verdict {
	if p.role == fragment || known && p.role != opening {
		return verdict{passes: true}
	}
	for _, wall := range walls {
		if !wall.accepts(p, direction) {
			return verdict{}
		}
	}
	return verdict{passes: true, opens: p.role == opening || p.role == either}
}
