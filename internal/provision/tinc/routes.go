// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package tinc

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// routes are those of a machine, and what of the mesh is there.
type routes struct {
	// link says that the mesh's interface is there.
	link bool
	// network is what the mesh has there; the zero Prefix on a machine that has
	// nothing of it yet.
	network netip.Prefix
	all     []route
}

// route is one of the machine's; device is "" for one that leads nowhere.
type route struct {
	// name is what ip calls it.
	name   string
	to     netip.Prefix
	device string
	// via: it leads to a gateway, not to a network that the machine is in.
	via bool
}

// routesQuestion asks for the routes of the main table.
func (m Mesh) routesQuestion() converge.Question[routes] {
	return converge.Question[routes]{
		Name: "the machine's routes",
		Script: converge.ThereFunction + fmt.Sprintf(`device=%s file=%s
! ip link show dev "$device" >/dev/null 2>&1 || echo link
if there "$file"; then printf 'network %%s\n' "$(cat "$file")" || exit; fi
all=$(ip -o -4 route show) || exit
printf '%%s\n' "$all" | sed -n 's/^./route &/p'
echo '%s'`, remote.Quote(m.Name), remote.Quote(networkFile(m.Name)), converge.WholeMark),
		Read: readRoutes,
	}
}

// nowhere are the kinds of routes that lead to no device.
var nowhere = []string{"unreachable", "blackhole", "prohibit", "throw"}

func readRoutes(output string) (routes, error) {
	rows, err := converge.Whole(output)
	if err != nil {
		return routes{}, err
	}
	var read routes
	for line := range strings.Lines(rows) {
		words := strings.Fields(line)
		switch {
		case slices.Equal(words, []string{"link"}):
			read.link = true
		case len(words) > 0 && words[0] == "network":
			// Whatever somebody wrote there by hand is no network of the mesh's.
			read.network, _ = netip.ParsePrefix(strings.Join(words[1:], " "))
		case len(words) > 1 && words[0] == "route":
			one, err := readRoute(words[1:])
			if err != nil {
				return routes{}, fmt.Errorf("line %q makes no sense: %w", strings.TrimSpace(line), err)
			}
			read.all = append(read.all, one)
		default:
			return routes{}, fmt.Errorf("line %q makes no sense", strings.TrimSpace(line))
		}
	}
	return read, nil
}

func readRoute(words []string) (route, error) {
	if slices.Contains(nowhere, words[0]) && len(words) > 1 {
		words = words[1:]
	}
	one := route{name: words[0]}
	var err error
	switch to := words[0]; {
	case to == "default":
		one.to = netip.PrefixFrom(netip.IPv4Unspecified(), 0)
	case strings.Contains(to, "/"):
		one.to, err = netip.ParsePrefix(to)
	default:
		var address netip.Addr
		address, err = netip.ParseAddr(to)
		one.to = netip.PrefixFrom(address, 32)
	}
	if at := slices.Index(words, "dev"); at > 0 && at+1 < len(words) {
		one.device = words[at+1]
	}
	one.via = slices.Contains(words, "via") || slices.Contains(words, "nexthop")
	return one, err
}

// routesCheck sees to the route that tinc-up sets at start, where tincd runs
// already: no restart is needed for it. Others over the mesh's interface carry
// nothing, since tinc takes packets to its peers alone; one of them may be the
// network that the mesh had before.
func (m Mesh) routesCheck(self Peer) converge.Check[routes] {
	device := remote.Quote(m.Name)
	step := func(title, script string) converge.Step {
		return converge.Step{Title: title, Effect: converge.Effect{Kind: converge.EffectRun, Name: title}, Script: script}
	}
	return converge.Check[routes]{
		Question: m.routesQuestion(),
		Differs: func(seen routes) []converge.Line {
			var lines []converge.Line
			if m.unrouted(seen) {
				lines = append(lines, converge.Line{Subject: "route " + m.CIDR, Code: converge.CodeTarget, Text: "not through the mesh"})
			}
			for _, one := range m.astray(seen) {
				lines = append(lines, converge.Line{Subject: "route " + one, Code: converge.CodeUndeclared, Text: "leads into the mesh, whose network is " + m.CIDR})
			}
			return lines
		},
		Mend: func(seen routes) []converge.Step {
			var steps []converge.Step
			if m.unrouted(seen) {
				steps = append(steps, step("set the route into the mesh",
					fmt.Sprintf("ip route replace %s dev %s src %s", remote.Quote(m.CIDR), device, remote.Quote(self.Address))))
			}
			for _, one := range m.astray(seen) {
				// It may go with the interface at any time.
				steps = append(steps, step("remove the route "+one,
					fmt.Sprintf("ip route del %[1]s dev %[2]s || [ -z \"$(ip -o -4 route show %[1]s dev %[2]s 2>/dev/null)\" ]", remote.Quote(one), device)))
			}
			return steps
		},
	}
}

// unrouted says that the interface is there and the route into the mesh is not.
func (m Mesh) unrouted(seen routes) bool {
	return seen.link && !slices.ContainsFunc(seen.all, func(one route) bool { return one.device == m.Name && one.to.String() == m.CIDR })
}

// astray are the other routes over the mesh's interface, by ip's names.
func (m Mesh) astray(seen routes) []string {
	var others []string
	for _, one := range seen.all {
		if one.device == m.Name && one.to.String() != m.CIDR {
			others = append(others, one.name)
		}
	}
	return others
}

// ErrOverlaps says that a machine has a network already that the mesh is to have.
var ErrOverlaps = errors.New("the network is not free")

// overlaps says whether the mesh's network can come to the machine. One that is
// there already stays, whatever came beside it. A wider route to a gateway is in
// nobody's way: the kernel takes the narrower one.
func (m Mesh) overlaps(seen routes) error {
	network, err := netip.ParsePrefix(m.CIDR)
	if err != nil || seen.network == network {
		return err
	}
	for _, one := range seen.all {
		wider := one.to.Bits() < network.Bits()
		if one.device == "" || one.device == m.Name || one.to.Bits() == 0 || wider && one.via || !one.to.Overlaps(network) {
			continue
		}
		return fmt.Errorf("%w: cidr = %q overlaps %s, which this machine has on its interface %s. Give the mesh a network that none of its machines has", ErrOverlaps, m.CIDR, one.to, one.device)
	}
	return nil
}

// Free says whether the mesh's network can come to a peer's machine: ErrOverlaps
// where it cannot.
func (m Mesh) Free(ctx context.Context, host remote.Host) error {
	seen, err := converge.Ask(ctx, host, m.routesQuestion())
	if err != nil {
		return err
	}
	return m.overlaps(seen)
}
