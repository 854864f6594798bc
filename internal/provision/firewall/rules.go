// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

// Package firewall is the model of what may reach a node: rules for what comes
// in, everything else is dropped, and whatever goes out may. It knows nothing of
// who enforces them, a hoster's cloud firewall or the node's own nftables.
package firewall

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
)

// Protocol of a rule.
type Protocol string

// Protocols that rules can name.
const (
	TCP  Protocol = "tcp"
	UDP  Protocol = "udp"
	ICMP Protocol = "icmp"
)

// Ports is a range, both ends included; one port is a range of one.
type Ports struct{ First, Last uint16 }

// Rule lets something in. Its name tells it apart.
type Rule struct {
	Name     string
	Protocol Protocol
	// Ports that it opens; none for ICMP.
	Ports []Ports
	// From are the networks that may come; each masked to its own length.
	From []netip.Prefix
}

// Anywhere is every address of both families.
var Anywhere = []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0"), netip.MustParsePrefix("::/0")}

// Intent is what a site asks of a firewall, in its own words.
type Intent struct {
	// SSHPort is opened to SSHFrom; 0 means 22.
	SSHPort uint16
	SSHFrom []netip.Prefix
	// MeshPort is opened, for TCP and UDP, to exactly the MeshPeers; 0 means 655.
	MeshPort  uint16
	MeshPeers []netip.Addr
	// Ping says whether echo requests are answered.
	Ping bool
	// Open are further rules.
	Open []Rule
}

// Rules are the rules of an intent, by name.
func (i Intent) Rules() []Rule {
	var rules []Rule
	if len(i.SSHFrom) > 0 {
		port := cmp.Or(i.SSHPort, 22)
		rules = append(rules, Rule{"ssh", TCP, []Ports{{port, port}}, i.SSHFrom})
	}
	if len(i.MeshPeers) > 0 {
		port := cmp.Or(i.MeshPort, 655)
		var peers []netip.Prefix
		for _, peer := range i.MeshPeers {
			peers = append(peers, netip.PrefixFrom(peer, peer.BitLen()))
		}
		rules = append(rules, Rule{"mesh-tcp", TCP, []Ports{{port, port}}, peers}, Rule{"mesh-udp", UDP, []Ports{{port, port}}, peers})
	}
	if i.Ping {
		rules = append(rules, Rule{Name: "ping", Protocol: ICMP, From: Anywhere})
	}
	rules = append(rules, i.Open...)
	for at := range rules {
		rules[at] = rules[at].normal()
	}
	slices.SortFunc(rules, func(a, b Rule) int { return strings.Compare(a.Name, b.Name) })
	return rules
}

// normal sorts and masks, so that equal rules look alike.
func (r Rule) normal() Rule {
	r.Ports, r.From = slices.Clone(r.Ports), slices.Clone(r.From)
	slices.SortFunc(r.Ports, func(a, b Ports) int { return cmp.Or(cmp.Compare(a.First, b.First), cmp.Compare(a.Last, b.Last)) })
	for at, network := range r.From {
		r.From[at] = network.Masked()
	}
	slices.SortFunc(r.From, func(a, b netip.Prefix) int {
		return cmp.Or(a.Addr().Compare(b.Addr()), cmp.Compare(a.Bits(), b.Bits()))
	})
	r.From = slices.Compact(r.From)
	return r
}

// ParsePorts reads "22" or "6000-6010". Its error does not repeat the text.
func ParsePorts(text string) (Ports, error) {
	first, last, isRange := strings.Cut(text, "-")
	if !isRange {
		last = first
	}
	from, err := strconv.ParseUint(strings.TrimSpace(first), 10, 16)
	if err != nil {
		return Ports{}, errors.New("is not a port from 1 to 65535")
	}
	to, err := strconv.ParseUint(strings.TrimSpace(last), 10, 16)
	if err != nil || from == 0 || to < from {
		return Ports{}, errors.New("is not a port, or a range such as 6000-6010")
	}
	return Ports{uint16(from), uint16(to)}, nil
}

func (p Ports) String() string {
	if p.First == p.Last {
		return strconv.Itoa(int(p.First))
	}
	return fmt.Sprintf("%d-%d", p.First, p.Last)
}

// ParseNetwork reads "192.0.2.0/24", or an address, which is a network of one. Its
// error does not repeat the text.
func ParseNetwork(text string) (netip.Prefix, error) {
	if address, err := netip.ParseAddr(text); err == nil {
		return netip.PrefixFrom(address, address.BitLen()), nil
	}
	network, err := netip.ParsePrefix(text)
	if err != nil {
		return network, errors.New("is neither an address nor a network such as 192.0.2.0/24")
	}
	if network != network.Masked() {
		return network, fmt.Errorf("has bits set beyond its mask: write %s", network.Masked())
	}
	return network, nil
}

// Check says what is wrong with rules, each problem with the rule's name.
func Check(rules []Rule) error {
	var problems []error
	seen := map[string]bool{}
	for _, rule := range rules {
		if seen[rule.Name] {
			problems = append(problems, fmt.Errorf("rule %s is there twice", rule.Name))
		}
		seen[rule.Name] = true
		if len(rule.From) == 0 {
			problems = append(problems, fmt.Errorf("rule %s lets nobody in: give it a network in from", rule.Name))
		}
		if ported := rule.Protocol != ICMP; ported != (len(rule.Ports) > 0) {
			problems = append(problems, fmt.Errorf("rule %s: tcp and udp need ports, icmp has none", rule.Name))
		}
	}
	return errors.Join(problems...)
}

// Drift says rule by rule how what is there differs from what is declared.
func Drift(declared, present []Rule) []converge.Line {
	wanted, found := byName(declared), byName(present)
	var lines []converge.Line
	for _, name := range slices.Sorted(maps.Keys(wanted)) {
		is, there := found[name]
		if !there {
			lines = append(lines, converge.Line{Subject: "rule " + name, Code: converge.CodeMissing, Text: "missing"})
			continue
		}
		lines = append(lines, wanted[name].differs(is)...)
	}
	for _, name := range slices.Sorted(maps.Keys(found)) {
		if _, known := wanted[name]; !known {
			lines = append(lines, converge.Line{Subject: "rule " + name, Code: converge.CodeUndeclared, Text: "not declared"})
		}
	}
	return lines
}

func byName(rules []Rule) map[string]Rule {
	all := map[string]Rule{}
	for _, rule := range rules {
		all[rule.Name] = rule.normal()
	}
	return all
}

// differs compares two normal rules of one name.
func (r Rule) differs(is Rule) []converge.Line {
	var lines []converge.Line
	say := func(what, has, wants string) {
		lines = append(lines, converge.Line{Subject: "rule " + r.Name, Code: converge.CodeValue, Text: fmt.Sprintf("%s %s, want %s", what, has, wants)})
	}
	if is.Protocol != r.Protocol {
		say("protocol", string(is.Protocol), string(r.Protocol))
	}
	if !slices.Equal(is.Ports, r.Ports) {
		say("ports", texts(is.Ports), texts(r.Ports))
	}
	if !slices.Equal(is.From, r.From) {
		say("from", texts(is.From), texts(r.From))
	}
	return lines
}

func texts[T fmt.Stringer](values []T) string {
	var all []string
	for _, value := range values {
		all = append(all, value.String())
	}
	return cmp.Or(strings.Join(all, ", "), "none")
}
