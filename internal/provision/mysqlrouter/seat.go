// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package mysqlrouter

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
	"github.com/atollhq/terraform-provider-atoll/internal/provision"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// ErrHeld says that the router cannot listen where it is to.
var ErrHeld = errors.New("the router cannot listen there")

// attributes are what the ports are called where they are declared.
var attributes = map[string]string{"routing:bootstrap_rw": "ports.read_write", "routing:bootstrap_ro": "ports.read_only", splitSection: "ports.read_write_split"}

func (c Config) seatQuestion() converge.Question[provision.Seat] {
	var numbers []int64
	for _, port := range c.ports() {
		numbers = append(numbers, port.number)
	}
	return provision.SeatQuestion("who listens on the router's ports", c.Unit(), numbers...)
}

// addresses are those of a machine.
type addresses struct {
	has []netip.Addr
	// any: the machine lets programs listen on an address that it does not have, or
	// cannot say which it has.
	any bool
}

var addressesQuestion = converge.Question[addresses]{
	Name: "the machine's addresses",
	Script: `if command -v ip >/dev/null; then
  said=$(ip -o addr show) || exit
  printf '%s\n' "$said" | awk 'NF {sub("/.*", "", $4); print "has " $4}'
else echo any; fi
for family in 4 6; do
  [ "$(cat /proc/sys/net/ipv$family/ip_nonlocal_bind 2>/dev/null)" != 1 ] || echo any
done
echo '` + converge.WholeMark + `'`,
	Read: readAddresses,
}

func readAddresses(output string) (addresses, error) {
	rows, err := converge.Whole(output)
	if err != nil {
		return addresses{}, err
	}
	var read addresses
	for line := range strings.Lines(rows) {
		line = strings.TrimSpace(line)
		if line == "any" {
			read.any = true
			continue
		}
		text, _ := strings.CutPrefix(line, "has ")
		address, err := netip.ParseAddr(text)
		if err != nil {
			return addresses{}, fmt.Errorf("line %q makes no sense", line)
		}
		read.has = append(read.has, address)
	}
	if len(read.has) == 0 && !read.any {
		return addresses{}, errors.New("a machine has an address")
	}
	return read, nil
}

// lacked refuses an address that the machine does not have.
func (c Config) lacked(machine addresses) error {
	bind, _ := netip.ParseAddr(c.BindAddress)
	if !bind.IsValid() || machine.any || bind.IsUnspecified() || bind.IsLoopback() || slices.Contains(machine.has, bind) {
		return nil // what is no address is refused elsewhere
	}
	return fmt.Errorf("%w: bind_address = %q is no address of this machine. Give one that it has, such as its address in the mesh, 127.0.0.1, or 0.0.0.0 for all", ErrHeld, c.BindAddress)
}

// heldBy says who has the ports instead. Another router may be about to leave them in the
// same apply: of that the unit's own start tells.
func (c Config) heldBy(seen provision.Seat) error {
	var problems []error
	for _, port := range c.ports() {
		var others []string
		for _, holder := range seen.Holders {
			if holder.Protocol == "tcp" && holder.Port == port.number && !holder.Ours && !strings.HasPrefix(holder.Who, "mysqlrouter, ") && overlap(c.BindAddress, holder.Address) {
				others = append(others, holder.Who)
			}
		}
		slices.Sort(others)
		if others = slices.Compact(others); len(others) > 0 {
			problems = append(problems, fmt.Errorf("%w: %s = %d is held on this machine by %s. Give the router another port, or take that from it",
				ErrHeld, attributes[port.section], port.number, strings.Join(others, " and by ")))
		}
	}
	return errors.Join(problems...)
}

// overlap says whether one that listens keeps another from the same port. * is what ss
// calls all addresses of both families, and :: is those of both for a router.
func overlap(bind, held string) bool {
	ours, err := netip.ParseAddr(bind)
	theirs, wrong := netip.ParseAddr(held)
	switch {
	case err != nil || wrong != nil, ours == netip.IPv6Unspecified():
		return true
	case ours.IsUnspecified() || theirs.IsUnspecified():
		return ours.Is4() == theirs.Unmap().Is4()
	}
	return ours == theirs.Unmap()
}

// Foresee refuses at a plan what Vacant would refuse for certain. An address may come
// with the mesh in the same apply.
func (c Config) Foresee(ctx context.Context, host remote.Host) error {
	seen, err := converge.Ask(ctx, host, c.seatQuestion())
	if err != nil {
		return err
	}
	return c.heldBy(seen)
}

// Vacant refuses what keeps the router from listening, before anything is touched.
func (c Config) Vacant(ctx context.Context, host remote.Host) error {
	machine, err := converge.Ask(ctx, host, addressesQuestion)
	if err != nil {
		return err
	}
	return errors.Join(c.lacked(machine), c.Foresee(ctx, host))
}
