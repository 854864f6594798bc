// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package lab

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// uplink is how package downloads leave: one bridge, one masqueraded network.
// Only names and packages pass (DNS, HTTP, HTTPS); nothing ever goes to the
// lab's own ranges.
type uplink struct {
	// Index tells labs on one machine apart.
	Index int    `json:"index"`
	Table string `json:"table"`
	// Mirror holds the package mirror's addresses that lie in the ranges of the
	// lab, as they do where a resolver stands in for the outside.
	Mirror []string `json:"mirror,omitempty"`
}

func (u uplink) bridge() string       { return fmt.Sprintf("atoll%d", u.Index) }
func (u uplink) network() string      { return fmt.Sprintf("10.213.%d.0/24", u.Index) }
func (u uplink) gateway() string      { return fmt.Sprintf("10.213.%d.1", u.Index) }
func (u uplink) address(n int) string { return fmt.Sprintf("10.213.%d.%d", u.Index, 10+n) }
func (u uplink) outside(n int) string { return fmt.Sprintf("atoll%dh%d", u.Index, n) }

// chooseUplink finds a number that no other lab and no route of the machine uses.
func chooseUplink(name string) (uplink, error) {
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		return uplink{}, err
	}
	for index := range 200 {
		candidate := uplink{Index: index, Table: "atoll_" + strings.ReplaceAll(name, "-", "_")}
		_, network, _ := net.ParseCIDR(candidate.network())
		taken := false
		for _, address := range addresses {
			if ip, _, err := net.ParseCIDR(address.String()); err == nil && network.Contains(ip) {
				taken = true
			}
		}
		if _, err := net.InterfaceByName(candidate.bridge()); err == nil {
			taken = true
		}
		if !taken {
			return candidate, nil
		}
	}
	return uplink{}, errors.New("no free network for the lab's uplink: run lab down --all")
}

// bringUplinkUp takes a number for the uplink; labs that come up at once do so
// one after the other, or they would take the same.
func (d *Daemon) bringUplinkUp() error {
	unlock, err := lockUplinks()
	if err != nil {
		return err
	}
	defer unlock()
	if d.uplink, err = chooseUplink(d.config.Name); err != nil {
		return err
	}
	d.uplink.Mirror = mirrorAddresses(d.config.Hosts)
	if err := writeRecord(d.paths, d.record()); err != nil {
		return err
	}
	return d.uplink.up()
}

// record of what the lab has made so far.
func (d *Daemon) record() record {
	return record{Name: d.config.Name, PID: os.Getpid(), Started: startTime(os.Getpid()), Uplink: d.uplink}
}

func lockUplinks() (unlock func(), err error) {
	return lockFile(filepath.Join(cacheRoot(), "uplink.lock"))
}

// up makes bridge and rules.
func (u uplink) up() error {
	if err := os.WriteFile("/proc/sys/net/ipv4/ip_forward", []byte("1"), 0o644); err != nil {
		return fmt.Errorf("switching on forwarding: %w", err)
	}
	for _, args := range [][]string{
		{"link", "add", u.bridge(), "type", "bridge"},
		{"addr", "add", u.gateway() + "/24", "dev", u.bridge()},
		{"link", "set", u.bridge(), "up"},
	} {
		if err := ip(args...); err != nil {
			return err
		}
	}
	rules := fmt.Sprintf(`table ip %[1]s {
  chain forward {
    type filter hook forward priority -5; policy accept;
%[4]s    iifname %[2]q ip daddr { 203.0.113.0/24, 198.51.100.0/24, 192.0.2.0/24 } drop
    iifname %[2]q udp dport 53 accept
    iifname %[2]q tcp dport { 53, 80, 443 } accept
    iifname %[2]q drop
    oifname %[2]q ct state established,related accept
    oifname %[2]q drop
  }
  chain postrouting {
    type nat hook postrouting priority 100;
    ip saddr %[3]s oifname != %[2]q masquerade
  }
}
`, u.Table, u.bridge(), u.network(), u.mirrorRule())
	return nft(rules)
}

// deleteLink deletes a link that may end by itself at the same moment.
func deleteLink(name string) error {
	err := ip("link", "del", name)
	if _, gone := net.InterfaceByName(name); gone != nil {
		return nil //nolint:nilerr // it is gone, whoever did it
	}
	return err
}

func nft(rules string) error {
	command := exec.Command("nft", "-f", "-")
	command.Stdin = strings.NewReader(rules)
	if out, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("nft: %w: %s", err, bytes.TrimSpace(out))
	}
	return nil
}

// join gives the n-th host its way out.
func (u uplink) join(namespace string, n int) error {
	_ = ip("link", "del", u.outside(n))
	steps := [][]string{
		{"link", "add", u.outside(n), "type", "veth", "peer", "name", "up0", "netns", namespace},
		{"link", "set", u.outside(n), "master", u.bridge(), "up"},
		{"-n", namespace, "addr", "add", u.address(n) + "/24", "dev", "up0"},
		{"-n", namespace, "link", "set", "up0", "up"},
		{"-n", namespace, "route", "replace", "default", "via", u.gateway()},
	}
	for _, address := range u.Mirror {
		steps = append(steps, []string{"-n", namespace, "route", "replace", address + "/32", "via", u.gateway()})
	}
	for _, args := range steps {
		if err := ip(args...); err != nil {
			return err
		}
	}
	return nil
}

// mirrorRule lets packages through from a mirror in the ranges of the lab.
func (u uplink) mirrorRule() string {
	if len(u.Mirror) == 0 {
		return ""
	}
	return fmt.Sprintf("    iifname %q ip daddr { %s } tcp dport { 80, 443 } accept\n", u.bridge(), strings.Join(u.Mirror, ", "))
}

// mirrorAddresses finds the package mirror's addresses that the lab's own
// network would swallow. One that a host of the lab bears stays the host's.
func mirrorAddresses(hosts []HostSpec) []string {
	address, err := url.Parse(mirror())
	if err != nil {
		return nil
	}
	found, err := net.LookupHost(address.Hostname())
	if err != nil {
		return nil
	}
	return slices.DeleteFunc(found, func(one string) bool {
		ip, err := netip.ParseAddr(one)
		taken := slices.ContainsFunc(hosts, func(host HostSpec) bool { return host.Address == one })
		return err != nil || !ip.Is4() || taken || !slices.ContainsFunc(ranges, func(r netip.Prefix) bool { return r.Contains(ip) })
	})
}

// ranges are the documentation networks (RFC 5737) that the lab lives in.
var ranges = []netip.Prefix{
	netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("198.51.100.0/24"), netip.MustParsePrefix("203.0.113.0/24"),
}

// down removes bridge, links and rules; what is not there is fine. A link is
// not left to the end of its host's namespace, which anybody may hold open.
func (u uplink) down() error {
	if u.Table == "" {
		return nil // the lab ended before it had one
	}
	links, err := net.Interfaces()
	problems := []error{err}
	for _, link := range links {
		if link.Name == u.bridge() || strings.HasPrefix(link.Name, u.bridge()+"h") {
			problems = append(problems, deleteLink(link.Name))
		}
	}
	if exec.Command("nft", "list", "table", "ip", u.Table).Run() == nil {
		problems = append(problems, nft("delete table ip "+u.Table+"\n"))
	}
	return errors.Join(problems...)
}
