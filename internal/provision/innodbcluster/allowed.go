// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package innodbcluster

import (
	"net"
	"net/netip"
	"path"
	"slices"
	"strings"
)

// anywhere is the host part of an account that is let in from every address.
const anywhere = "%"

// networksScript prints one more row: the networks of the machine's meshes, by
// their names, as the mesh wrote them there.
const networksScript = `declared=
for file in /etc/tinc/*/network; do
  [ -e "$file" ] || continue
  name=${file#/etc/tinc/}; name=${name%/network}
  network=$(cat "$file") || exit
  case $name$network in *[!A-Za-z0-9_./-]*) ;; *) declared="$declared,\"$name\":\"$network\"" ;; esac
done
printf 'networks\t{%s}\n' "${declared#,}"`

// allowed decides whom the accounts of the cluster's members and routers are let in
// from: the network of the mesh that all members are in. Whoever comes by the mesh
// comes from there, and nobody else reaches the servers' port.
//
// What the metadata say already stays as long as it lets all members in, be it
// narrower or wider: people and MySQL Shell set it, too. Where nobody says which
// network it is, it is what it was, or anywhere.
func (d *diagnosing) allowed(present string) string {
	addresses := d.addresses4()
	if present != anywhere && letsIn(present, addresses) {
		return present
	}
	network := ""
	for _, seen := range d.seen {
		declared := seen.Networks[d.cluster.Mesh]
		if !seen.Answers || declared == "" {
			continue
		}
		if network != "" && network != declared {
			return anywhere // the mesh is on its way to another one: the next apply knows
		}
		network = declared
	}
	host := masked(network)
	if d.cluster.Mesh == "" || host == "" || !letsIn(host, addresses) {
		return anywhere
	}
	return host
}

// addresses4 are those of all members that there are or are to be.
func (d *diagnosing) addresses4() []string {
	var list []string
	for _, member := range d.cluster.Members {
		list = append(list, member.Address)
	}
	for _, member := range d.cluster.Leavers {
		list = append(list, member.Address)
	}
	for _, member := range d.view {
		list = append(list, member.Host)
	}
	return list
}

// masked writes a network as every version of MySQL takes it in an account's host
// part, such as 10.77.0.0/255.255.255.0; "" for what is none.
func masked(network string) string {
	prefix, err := netip.ParsePrefix(network)
	if err != nil || !prefix.Addr().Is4() {
		return ""
	}
	mask := net.IP(net.CIDRMask(prefix.Bits(), 32))
	return prefix.Masked().Addr().String() + "/" + mask.String()
}

// letsIn says whether an account of that host part is let in from all addresses. Of
// names that is not known, and they are taken to be.
func letsIn(host string, addresses []string) bool {
	return !slices.ContainsFunc(addresses, func(address string) bool { return !matches(host, address) })
}

// matches follows "Specifying Account Names" in MySQL's manual: an address, one with
// % and _, a network by its mask or by its length, or a name.
func matches(host, address string) bool {
	ip, err := netip.ParseAddr(address)
	if err != nil {
		return true
	}
	if network, mask, found := strings.Cut(host, "/"); found {
		base, err := netip.ParseAddr(network)
		bits := net.IPMask(net.ParseIP(mask).To4())
		if length, parsed := netip.ParsePrefix(host); parsed == nil {
			bits = net.CIDRMask(length.Bits(), 32)
		}
		if err != nil || !base.Is4() || !ip.Is4() || len(bits) != net.IPv4len {
			return false
		}
		return net.IP(ip.AsSlice()).Mask(bits).Equal(net.IP(base.AsSlice()))
	}
	if strings.ContainsFunc(host, func(r rune) bool { return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' }) {
		return true
	}
	found, _ := path.Match(strings.NewReplacer("%", "*", "_", "?").Replace(host), address)
	return found
}

// limiting says that the accounts are on their way to other hosts.
func (d *diagnosing) limiting() bool { return d.present != d.cluster.host() }

// hostOf is the host part by which an account is looked at: until it is limited, as
// it was.
func (d *diagnosing) hostOf(seen Observation, user string) string {
	want := d.cluster.host()
	if d.limiting() && !slices.ContainsFunc(seen.Accounts, func(a Account) bool { return a.User == user && a.Host == want }) {
		return d.present
	}
	return want
}

// limits finds accounts that are let in from elsewhere than they should be. First
// each gets a twin with the same password, which MySQL prefers since it names its
// hosts more closely; what was goes when its member was let in by the twin.
func (d *diagnosing) limits(authority Observation) {
	want := d.cluster.host()
	if d.limiting() {
		d.find(Limit{want}, "recovery accounts", CodeAccount, "are let in from %s, want %s", d.present, want)
	}
	for _, account := range authority.RouterAccounts {
		if account.Host != want {
			d.find(Limit{want}, "account "+account.User, CodeAccount, "is let in from %s, want %s", account.Host, want)
		}
	}
}

// twins finds recovery accounts of a member beside the one that it uses.
func (d *diagnosing) twins(key string) {
	account := d.cluster.Members[key].Account()
	if d.limiting() {
		return
	}
	for _, one := range d.seen[key].Accounts {
		if one.User == account && one.Host != d.cluster.host() {
			d.find(DropAccount{account, one.Host}, key, CodeAccount, "recovery account %s: is let in from %s, too", account, one.Host)
		}
	}
}
