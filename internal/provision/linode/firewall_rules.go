// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package linode

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"github.com/linode/linodego"

	"github.com/atollhq/terraform-provider-atoll/internal/provision/firewall"
)

const (
	accept = "ACCEPT"
	drop   = "DROP"
)

// toLinode writes rules in Linode's form.
func toLinode(rules []firewall.Rule) linodego.FirewallRuleSet {
	set := linodego.FirewallRuleSet{Inbound: []linodego.FirewallRule{}, InboundPolicy: drop, Outbound: []linodego.FirewallRule{}, OutboundPolicy: accept}
	for _, rule := range rules {
		var ports, four, six []string
		for _, part := range rule.Ports {
			ports = append(ports, part.String())
		}
		for _, network := range rule.From {
			if network.Addr().Is4() {
				four = append(four, network.String())
			} else {
				six = append(six, network.String())
			}
		}
		written := linodego.FirewallRule{
			Action: accept, Label: rule.Name, Protocol: linodego.NetworkProtocol(strings.ToUpper(string(rule.Protocol))), Ports: strings.Join(ports, ","),
		}
		if four != nil {
			written.Addresses.IPv4 = &four
		}
		if six != nil {
			written.Addresses.IPv6 = &six
		}
		set.Inbound = append(set.Inbound, written)
	}
	return set
}

// Limits of one firewall and one rule.
const (
	mostRules     = 25
	mostAddresses = 255
)

// CheckRules says what Linode refuses of rules.
func CheckRules(rules []firewall.Rule) error {
	var problems []error
	if len(rules) > mostRules {
		problems = append(problems, fmt.Errorf("there are %d rules, ssh, ping and the mesh's two included, and Linode takes %d. Join ports that are open to the same addresses in one rule", len(rules), mostRules))
	}
	for _, rule := range rules {
		four := 0
		for _, network := range rule.From {
			if network.Addr().Is4() {
				four++
			}
		}
		if six := len(rule.From) - four; max(four, six) > mostAddresses {
			problems = append(problems, fmt.Errorf("rule %s has %d IPv4 and %d IPv6 addresses, and Linode takes %d of each. Give networks instead of addresses", rule.Name, four, six, mostAddresses))
		}
	}
	return errors.Join(problems...)
}

// fromLinode reads a rule; what our model has no word for shows in its name, so
// that it is seen as one that is not declared.
func fromLinode(rule linodego.FirewallRule) firewall.Rule {
	shown := firewall.Rule{Name: rule.Label, Protocol: firewall.Protocol(strings.ToLower(string(rule.Protocol)))}
	if rule.Action != accept {
		shown.Name += " (" + rule.Action + ")"
	}
	for text := range strings.SplitSeq(rule.Ports, ",") {
		if ports, err := firewall.ParsePorts(strings.TrimSpace(text)); err == nil {
			shown.Ports = append(shown.Ports, ports)
		}
	}
	for _, list := range []*[]string{rule.Addresses.IPv4, rule.Addresses.IPv6} {
		if list == nil {
			continue
		}
		for _, text := range *list {
			if network, err := netip.ParsePrefix(text); err == nil {
				shown.From = append(shown.From, network)
			}
		}
	}
	return shown
}
