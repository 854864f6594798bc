// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package linode

import (
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// address is one entry of an instance's IPs.
func (s *Server) address(known *instance, text string, public bool) map[string]any {
	entry := map[string]any{
		"address": text, "gateway": nil, "subnet_mask": "255.255.255.0", "prefix": 24, "type": "ipv4", "public": public,
		"rdns": nil, "linode_id": known.ID, "region": known.Region, "vpc_nat_1_1": nil, "interface_id": nil, "reserved": false,
	}
	if public {
		entry["gateway"] = text[:strings.LastIndexByte(text, '.')+1] + "1"
		entry["rdns"] = strings.ReplaceAll(text, ".", "-") + ".ip.linodeusercontent.com"
		if set := known.reverse[text]; set != "" {
			entry["rdns"] = set
		}
	}
	return entry
}

func (s *Server) listAddresses(c *call) (any, *refusal) {
	known, refused := s.instance(c)
	if refused != nil {
		return nil, refused
	}
	public, private, vpc := []any{}, []any{}, []any{}
	for _, text := range known.IPv4 {
		if isPrivate(text) {
			private = append(private, s.address(known, text, false))
		} else {
			public = append(public, s.address(known, text, true))
		}
	}
	for _, config := range known.configs {
		for _, adapter := range config.Interfaces {
			if adapter.Purpose == "vpc" {
				vpc = append(vpc, map[string]any{
					"address": adapter.IPv4.VPC, "address_range": nil, "gateway": "10.0.0.1", "subnet_mask": "255.255.255.0", "prefix": 24, "region": known.Region,
					"linode_id": known.ID, "config_id": config.ID, "interface_id": adapter.ID, "vpc_id": adapter.VPCID, "subnet_id": adapter.SubnetID, "nat_1_1": "", "active": true,
				})
			}
		}
	}
	for _, adapter := range known.interfaces {
		if adapter.VPC != nil {
			vpc = append(vpc, map[string]any{
				"address": adapter.VPC.IPv4.Addresses[0].Address, "address_range": nil, "gateway": "10.0.0.1", "subnet_mask": "255.255.255.0", "prefix": 24, "region": known.Region,
				"linode_id": known.ID, "config_id": nil, "interface_id": adapter.ID, "vpc_id": adapter.VPC.VPCID, "subnet_id": adapter.VPC.SubnetID, "nat_1_1": "", "active": true,
			})
		}
	}
	six := func(text string) map[string]any {
		return map[string]any{
			"address": text, "gateway": "fe80::1", "subnet_mask": "ffff:ffff:ffff:ffff::", "prefix": 64, "type": "ipv6", "public": true,
			"rdns": nil, "linode_id": known.ID, "region": known.Region,
		}
	}
	return map[string]any{
		"ipv4": map[string]any{"public": public, "private": private, "shared": []any{}, "reserved": []any{}, "vpc": vpc},
		"ipv6": map[string]any{
			"slaac": six(strings.TrimSuffix(known.IPv6, "/128")), "link_local": six(fmt.Sprintf("fe80::f03c:95ff:fe00:%x", known.ID)), "global": []any{},
		},
	}, nil
}

func isPrivate(text string) bool {
	address, err := netip.ParseAddr(text)
	return err == nil && address.IsPrivate()
}

// addAddress gives another address. The machine does not learn of it before its
// next boot, and here not even then.
func (s *Server) addAddress(c *call) (any, *refusal) {
	known, refused := s.instance(c)
	if refused != nil {
		return nil, refused
	}
	var asked struct {
		Type   string `json:"type"`
		Public bool   `json:"public"`
	}
	if refused := c.decode(&asked); refused != nil {
		return nil, refused
	}
	has := slices.ContainsFunc(known.IPv4, isPrivate)
	switch {
	case asked.Type != "ipv4":
		return nil, refuse(http.StatusBadRequest, "type", "Type must be ipv4")
	case !asked.Public && known.InterfaceGeneration != legacy:
		return nil, refuse(http.StatusBadRequest, "public", "Linodes with Linode interfaces have no private addresses")
	case !asked.Public && has:
		return nil, refuse(http.StatusBadRequest, "public", "Linode already has a private address")
	}
	s.note("linode_addip", known.entity())
	if !asked.Public {
		return s.address(known, known.addPrivate(), false), nil
	}
	text, free := s.allot(known.Region)
	if !free {
		return nil, refuse(http.StatusBadRequest, "", "No addresses are left in this region")
	}
	s.addresses[text] = known.ID
	known.IPv4 = append(known.IPv4, text)
	return s.address(known, text, true), nil
}

// listAllAddresses are the public ones of the account.
func (s *Server) listAllAddresses(c *call) (any, *refusal) {
	all := []any{}
	for _, known := range sorted(s.instances) {
		for _, text := range known.IPv4 {
			if !isPrivate(text) {
				all = append(all, s.address(known, text, true))
			}
		}
	}
	return page(c, all)
}

// updateAddress sets the reverse DNS; null is Linode's default again.
func (s *Server) updateAddress(c *call) (any, *refusal) {
	text := c.PathValue("address")
	known := s.instances[s.addresses[text]]
	if known == nil || !slices.Contains(known.IPv4, text) {
		return nil, notFound()
	}
	var asked struct {
		RDNS *string `json:"rdns"`
	}
	if refused := c.decode(&asked); refused != nil {
		return nil, refused
	}
	if known.reverse == nil {
		known.reverse = map[string]string{}
	}
	known.reverse[text] = ""
	if asked.RDNS != nil {
		// The real API looks the name up, and wants this very address.
		if strings.HasSuffix(*asked.RDNS, ".invalid") {
			return nil, refuse(http.StatusBadRequest, "rdns", "Unable to perform a lookup for this address")
		}
		known.reverse[text] = *asked.RDNS
	}
	s.note("ipaddress_update", known.entity())
	return s.address(known, text, true), nil
}
