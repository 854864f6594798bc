// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package filter

import (
	"encoding/binary"
	"net/netip"
	"testing"

	"github.com/atollhq/terraform-provider-atoll/internal/provision/firewall"
)

const (
	machine  = "203.0.113.11"
	operator = "192.0.2.10"
	stranger = "198.51.100.7"
)

// ipv4 is a packet with the given rest behind its header.
func ipv4(protocol uint8, source, destination string, rest ...byte) []byte {
	b := make([]byte, 20, 20+len(rest))
	b[0], b[9] = 0x45, protocol
	from, to := netip.MustParseAddr(source).As4(), netip.MustParseAddr(destination).As4()
	copy(b[12:], from[:])
	copy(b[16:], to[:])
	return append(b, rest...)
}

const (
	syn    = 0x02
	synAck = 0x12
	ack    = 0x10
	finAck = 0x11
)

func ports(from, to uint16) []byte {
	return binary.BigEndian.AppendUint16(binary.BigEndian.AppendUint16(nil, from), to)
}

func tcp(source string, from uint16, destination string, to uint16, flags byte) []byte {
	rest := append(ports(from, to), make([]byte, 16)...)
	rest[13] = flags
	return ipv4(TCP, source, destination, rest...)
}

func udp(source string, from uint16, destination string, to uint16) []byte {
	return ipv4(UDP, source, destination, append(ports(from, to), 0, 8, 0, 0)...)
}

func echo(kind byte, source, destination string, id byte) []byte {
	return ipv4(ICMP, source, destination, kind, 0, 0, 0, 0, id, 0, 1)
}

// unreachableAbout is an ICMP error from source about a packet that source got.
func unreachableAbout(source, destination string, got []byte) []byte {
	return ipv4(ICMP, source, destination, append([]byte{unreachable, 3, 0, 0, 0, 0, 0, 0}, got[:28]...)...)
}

// later makes a fragment of a packet, offset in units of eight bytes.
func later(b []byte, offset uint16) []byte {
	binary.BigEndian.PutUint16(b[6:], offset)
	return b
}

func networks(texts ...string) []netip.Prefix {
	var all []netip.Prefix
	for _, text := range texts {
		all = append(all, netip.MustParsePrefix(text))
	}
	return all
}

var (
	everybody  = networks("0.0.0.0/0", "::/0")
	operators  = networks("192.0.2.0/24")
	sshOnly    = Rules{Inbound: Chain{Rules: []Rule{{TCP, []firewall.Ports{{First: 22, Last: 22}}, operators, true}}}, Outbound: Chain{Accept: true}}
	nothing    = Rules{}
	everything = Rules{Inbound: Chain{Accept: true}, Outbound: Chain{Accept: true}}
	// mixed has what the others lack: a refusal before an acceptance, lists and
	// ranges, rules without ports, and other protocols.
	mixed = Rules{
		Inbound: Chain{Rules: []Rule{
			{UDP, []firewall.Ports{{First: 655, Last: 655}}, networks("198.51.100.7/32"), false},
			{UDP, []firewall.Ports{{First: 655, Last: 655}, {First: 6000, Last: 6010}}, everybody, true},
			{UDP, nil, operators, true}, {ICMP, nil, operators, true}, {IPENCAP, nil, operators, true},
		}},
		Outbound: Chain{Rules: []Rule{{TCP, []firewall.Ports{{First: 25, Last: 25}}, everybody, false}, {TCP, nil, networks("2001:db8::/32"), false}}, Accept: true},
	}
)

func TestDecide(t *testing.T) {
	no, pass, open := verdict{}, verdict{passes: true}, verdict{true, true}
	for name, row := range map[string]struct {
		walls     []Rules
		direction Direction
		packet    []byte
		known     bool
		want      verdict
	}{
		"a rule for the port and the source":    {[]Rules{sshOnly}, Inbound, tcp(operator, 4000, machine, 22, syn), false, open},
		"another source":                        {[]Rules{sshOnly}, Inbound, tcp(stranger, 4000, machine, 22, syn), false, no},
		"another port":                          {[]Rules{sshOnly}, Inbound, tcp(operator, 4000, machine, 23, syn), false, no},
		"the port as source is not meant":       {[]Rules{sshOnly}, Inbound, tcp(operator, 22, machine, 4000, syn), false, no},
		"another protocol":                      {[]Rules{sshOnly}, Inbound, udp(operator, 4000, machine, 22), false, no},
		"the policy for what goes out":          {[]Rules{sshOnly}, Outbound, tcp(machine, 4000, stranger, 443, syn), false, open},
		"an answer to what was let through":     {[]Rules{sshOnly}, Inbound, tcp(stranger, 443, machine, 4000, synAck), true, pass},
		"an answer to nothing":                  {[]Rules{sshOnly}, Inbound, tcp(stranger, 443, machine, 4000, synAck), false, no},
		"a SYN between known ports":             {[]Rules{sshOnly}, Inbound, tcp(stranger, 443, machine, 4000, syn), true, no},
		"amid a connection that rules allow":    {[]Rules{sshOnly}, Inbound, tcp(operator, 4000, machine, 22, ack), false, pass},
		"amid one opens nothing":                {[]Rules{sshOnly}, Outbound, tcp(machine, 22, stranger, 4000, ack), false, pass},
		"policy DROP, known":                    {[]Rules{nothing}, Outbound, udp(machine, 655, stranger, 655), true, pass},
		"policy DROP, unknown":                  {[]Rules{nothing}, Outbound, udp(machine, 655, stranger, 655), false, no},
		"a list's first port":                   {[]Rules{mixed}, Inbound, udp(operator, 1, machine, 655), false, open},
		"a range's first port":                  {[]Rules{mixed}, Inbound, udp("192.0.3.1", 1, machine, 6000), false, open},
		"a range's last port":                   {[]Rules{mixed}, Inbound, udp("192.0.3.1", 1, machine, 6010), false, open},
		"after a range's last port":             {[]Rules{mixed}, Inbound, udp("192.0.3.1", 1, machine, 6011), false, no},
		"a rule without ports":                  {[]Rules{mixed}, Inbound, udp(operator, 1, machine, 7), false, open},
		"the first rule that fits decides":      {[]Rules{mixed}, Inbound, udp(stranger, 655, machine, 655), false, no},
		"refused by rule against the policy":    {[]Rules{mixed}, Outbound, tcp(machine, 4000, stranger, 25, syn), false, no},
		"IPv6 networks hold no IPv4 address":    {[]Rules{mixed}, Outbound, tcp(machine, 4000, stranger, 26, syn), false, open},
		"a ping by rule":                        {[]Rules{mixed}, Inbound, echo(echoRequest, operator, machine, 7), false, open},
		"a ping from elsewhere":                 {[]Rules{mixed}, Inbound, echo(echoRequest, stranger, machine, 7), false, no},
		"the answer to a ping":                  {[]Rules{nothing}, Outbound, echo(echoReply, machine, operator, 7), true, pass},
		"other ICMP by rule opens nothing":      {[]Rules{mixed}, Inbound, ipv4(ICMP, operator, machine, 5, 0, 0, 0, 0, 0, 0, 0), false, pass},
		"other ICMP belongs to nothing":         {[]Rules{nothing}, Inbound, ipv4(ICMP, operator, machine, 13, 0, 0, 0, 0, 0, 0, 0), false, no},
		"an error about what was let through":   {[]Rules{nothing}, Inbound, unreachableAbout(stranger, machine, udp(machine, 1, stranger, 9)), true, pass},
		"an error about nothing":                {[]Rules{nothing}, Inbound, unreachableAbout(stranger, machine, udp(machine, 1, stranger, 9)), false, no},
		"IPENCAP by rule":                       {[]Rules{mixed}, Inbound, ipv4(IPENCAP, operator, machine), false, open},
		"IPENCAP from elsewhere":                {[]Rules{mixed}, Inbound, ipv4(IPENCAP, stranger, machine), false, no},
		"a later fragment":                      {[]Rules{nothing}, Inbound, later(udp(stranger, 1, machine, 9), 185), false, pass},
		"several firewalls, all of which agree": {[]Rules{everything, sshOnly}, Inbound, tcp(operator, 4000, machine, 22, syn), false, open},
		"several firewalls, one of which minds": {[]Rules{everything, sshOnly}, Inbound, tcp(stranger, 4000, machine, 22, syn), false, no},
	} {
		p, ok := read(row.packet)
		if !ok {
			t.Errorf("%s: cannot be read", name)
		}
		if got := decide(row.walls, row.direction, p, row.known); got != row.want {
			t.Errorf("%s: %+v, want %+v", name, got, row.want)
		}
	}
}

func TestWhatCannotBeJudgedIsDropped(t *testing.T) {
	short := ipv4(TCP, operator, machine, make([]byte, 20)...)
	short[0] = 0x4f
	for name, b := range map[string][]byte{
		"nothing": nil, "half a header": make([]byte, 19), "IPv6": append([]byte{0x60}, make([]byte, 60)...), "a header that says it is short": append([]byte{0x44}, make([]byte, 60)...),
		"options that are not there": short[:40], "TCP without flags": tcp(operator, 1, machine, 22, syn)[:32], "UDP without ports": udp(operator, 1, machine, 22)[:22],
		"ICMP without identifier": echo(echoRequest, operator, machine, 7)[:24], "a fragment over TCP's flags": later(tcp(operator, 1, machine, 22, ack), 1),
	} {
		if NewGuard([]Rules{everything}).Passes(b, Inbound, now) {
			t.Errorf("%s passes", name)
		}
	}
	for _, cut := range []int{8, 20, 28, 35} {
		if p, ok := read(unreachableAbout(stranger, machine, udp(machine, 1, stranger, 9))[:20+cut]); !ok || p.role != alone {
			t.Errorf("an error that quotes too little: %+v, %v", p, ok)
		}
	}
}
