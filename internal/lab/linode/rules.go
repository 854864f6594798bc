// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package linode

import (
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"

	"github.com/atollhq/terraform-provider-atoll/internal/lab/filter"
	provision "github.com/atollhq/terraform-provider-atoll/internal/provision/firewall"
)

// rulesAsked is a body; nil lists stay nil, as in the recordings.
type rulesAsked struct {
	Inbound        []Rule `json:"inbound"`
	InboundPolicy  string `json:"inbound_policy"`
	Outbound       []Rule `json:"outbound"`
	OutboundPolicy string `json:"outbound_policy"`
}

const (
	accept = "ACCEPT"
	drop   = "DROP"
)

var (
	portsPattern = regexp.MustCompile(`^[0-9]+(-[0-9]+)?(, ?[0-9]+(-[0-9]+)?)*$`)
	protocols    = map[string]uint8{"TCP": filter.TCP, "UDP": filter.UDP, "ICMP": filter.ICMP, "IPENCAP": filter.IPENCAP}
)

func (asked rulesAsked) check(wrong *problems) {
	for _, policy := range []string{asked.InboundPolicy, asked.OutboundPolicy} {
		if policy != accept && policy != drop {
			wrong.add("rules", "Policies must be ACCEPT or DROP")
		}
	}
	if len(asked.Inbound)+len(asked.Outbound) > 25 {
		wrong.add("rules", "A maximum of 25 inbound and outbound rules combined can be set per firewall")
	}
	for _, rule := range append(slices.Clone(asked.Inbound), asked.Outbound...) {
		rule.check(wrong)
	}
}

func (r Rule) check(wrong *problems) {
	if protocols[r.Protocol] == 0 {
		wrong.add("rules.protocol", "Protocol must be one of TCP, UDP, ICMP, IPENCAP")
	}
	if r.Action != accept && r.Action != drop {
		wrong.add("rules.action", "Action must be ACCEPT or DROP")
	}
	if len(r.Label) < 3 || len(r.Label) > 32 {
		wrong.add("rules.label", "Label must be 3-32 characters")
	}
	ported := r.Protocol == "TCP" || r.Protocol == "UDP"
	if _, err := r.ports(); err != nil || r.Ports != "" && !ported {
		wrong.add("rules.ports", "Ports are invalid")
	}
	if len(r.Addresses.IPv4)+len(r.Addresses.IPv6) == 0 {
		wrong.add("rules.addresses", "Must provide addresses")
	}
	if len(r.Addresses.IPv4) > 255 || len(r.Addresses.IPv6) > 255 {
		wrong.add("rules.addresses", "Up to 255 addresses can be given")
	}
	for _, network := range append(slices.Clone(r.Addresses.IPv4), r.Addresses.IPv6...) {
		if _, err := netip.ParsePrefix(network); err != nil {
			wrong.add("rules.addresses", "Must be a network with a mask: "+network)
		}
	}
}

// ports reads "22-24, 80, 443"; none is every port.
func (r Rule) ports() ([]provision.Ports, error) {
	if r.Ports == "" {
		return nil, nil
	}
	if !portsPattern.MatchString(r.Ports) {
		return nil, fmt.Errorf("ports %q", r.Ports)
	}
	var all []provision.Ports
	for text := range strings.SplitSeq(r.Ports, ",") {
		ports, err := provision.ParsePorts(strings.TrimSpace(text))
		if err != nil {
			return nil, fmt.Errorf("ports %q: %w", text, err)
		}
		all = append(all, ports)
	}
	return all, nil
}

// chain is what checked rules of one direction mean for packets.
func chain(rules []Rule, policy string) filter.Chain {
	meant := filter.Chain{Accept: policy == accept}
	for _, rule := range rules {
		one := filter.Rule{Protocol: protocols[rule.Protocol], Accept: rule.Action == accept}
		one.Ports, _ = rule.ports()
		for _, text := range slices.Concat(rule.Addresses.IPv4, rule.Addresses.IPv6) {
			network, _ := netip.ParsePrefix(text)
			one.Networks = append(one.Networks, network)
		}
		meant.Rules = append(meant.Rules, one)
	}
	return meant
}
