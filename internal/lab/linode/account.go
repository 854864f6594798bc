// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package linode

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
)

const username = "atoll"

func (s *Server) getProfile(*call) (any, *refusal) {
	return map[string]any{
		"username": username, "email": "atoll@example.com", "timezone": "UTC", "email_notifications": true, "referrals": map[string]any{
			"code": "", "url": "", "total": 0, "completed": 0, "pending": 0, "credit": 0,
		}, "ip_whitelist_enabled": false, "lish_auth_method": "keys_only", "authorized_keys": []string{}, "two_factor_auth": true,
		"restricted": false, "uid": 1, "authentication_type": "password", "verified_phone_number": nil,
	}, nil
}

// tag normalises tags and enters new ones in the account's list.
func (s *Server) tag(tags []string) []string {
	all := []string{}
	for _, tag := range tags {
		if tag = strings.TrimSpace(tag); tag != "" && !slices.Contains(all, tag) {
			all = append(all, tag)
			s.tags[tag] = true
		}
	}
	slices.Sort(all)
	return all
}

type tagShown struct {
	Label string `json:"label"`
}

func (s *Server) listTags(c *call) (any, *refusal) {
	all := []tagShown{}
	for _, tag := range slices.Sorted(maps.Keys(s.tags)) {
		all = append(all, tagShown{tag})
	}
	return page(c, all)
}

func (s *Server) createTag(c *call) (any, *refusal) {
	var asked struct {
		Label   string `json:"label"`
		Linodes []int  `json:"linodes"`
	}
	if refused := c.decode(&asked); refused != nil {
		return nil, refused
	}
	if len(asked.Label) < 3 || len(asked.Label) > 50 {
		return nil, refuse(http.StatusBadRequest, "label", "Length must be 3-50 characters")
	}
	s.tag([]string{asked.Label})
	for _, id := range asked.Linodes {
		if known := s.instances[id]; known != nil {
			known.Tags = s.tag(append(known.Tags, asked.Label))
		}
	}
	return tagShown{asked.Label}, nil
}

// address is one entry of an instance's IPs.
func (s *Server) address(known *instance, text string, public bool) map[string]any {
	entry := map[string]any{
		"address": text, "gateway": nil, "subnet_mask": "255.255.255.0", "prefix": 24, "type": "ipv4", "public": public,
		"rdns": nil, "linode_id": known.ID, "region": known.Region, "vpc_nat_1_1": nil, "interface_id": nil, "reserved": false,
	}
	if public {
		entry["gateway"] = text[:strings.LastIndexByte(text, '.')+1] + "1"
		entry["rdns"] = strings.ReplaceAll(text, ".", "-") + ".ip.linodeusercontent.com"
	}
	return entry
}

func (s *Server) listAddresses(c *call) (any, *refusal) {
	known, refused := s.instance(c)
	if refused != nil {
		return nil, refused
	}
	public, private, vpc := []any{}, []any{}, []any{}
	for i, text := range known.IPv4 {
		if i == 0 {
			public = append(public, s.address(known, text, true))
		} else {
			private = append(private, s.address(known, text, false))
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

func (s *Server) listDisks(c *call) (any, *refusal) {
	known, refused := s.instance(c)
	if refused != nil {
		return nil, refused
	}
	return page(c, known.disks)
}

func (s *Server) listConfigs(c *call) (any, *refusal) {
	known, refused := s.instance(c)
	if refused != nil {
		return nil, refused
	}
	return page(c, known.configs)
}

func (s *Server) createConfig(c *call) (any, *refusal) {
	known, refused := s.instance(c)
	if refused != nil {
		return nil, refused
	}
	var asked struct {
		Label      string            `json:"label"`
		Devices    map[string]*Slot  `json:"devices"`
		Interfaces []ConfigInterface `json:"interfaces"`
	}
	if refused := c.decode(&asked); refused != nil {
		return nil, refused
	}
	if asked.Label == "" {
		return nil, refuse(http.StatusBadRequest, "label", "label is required")
	}
	made := s.config(asked.Label, asked.Devices, asked.Interfaces)
	made.Kernel = "linode/latest-64bit"
	known.configs = append(known.configs, made)
	return made, nil
}
