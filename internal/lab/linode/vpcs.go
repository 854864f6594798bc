// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package linode

import (
	"fmt"
	"net/http"
	"net/netip"
	"slices"
)

// VPC is a private network of a region.
type VPC struct {
	ID          int      `json:"id"`
	Label       string   `json:"label"`
	Description string   `json:"description"`
	Region      string   `json:"region"`
	Created     string   `json:"created"`
	Updated     string   `json:"updated"`
	Subnets     []Subnet `json:"subnets"`
}

// Subnet of a VPC.
type Subnet struct {
	ID      int            `json:"id"`
	Label   string         `json:"label"`
	IPv4    string         `json:"ipv4"`
	Created string         `json:"created"`
	Updated string         `json:"updated"`
	Linodes []SubnetLinode `json:"linodes"`
}

// SubnetLinode is a Linode in a subnet.
type SubnetLinode struct {
	ID         int               `json:"id"`
	Interfaces []SubnetInterface `json:"interfaces"`
}

// SubnetInterface is how a Linode is in a subnet.
type SubnetInterface struct {
	ID     int  `json:"id"`
	Active bool `json:"active"`
}

type subnetAsked struct {
	Label string `json:"label"`
	IPv4  string `json:"ipv4"`
}

// subnet finds a subnet with its VPC.
func (s *Server) subnet(id int) (*VPC, *Subnet) {
	for _, home := range s.vpcs {
		for i := range home.Subnets {
			if home.Subnets[i].ID == id {
				return home, &home.Subnets[i]
			}
		}
	}
	return nil, nil
}

// checkSubnet says what keeps a Linode of a region out of a subnet.
func (s *Server) checkSubnet(id int, place, field string, wrong *problems) {
	known := find(regions, place)
	switch home, _ := s.subnet(id); {
	case home == nil:
		wrong.add(field, "Subnet not found")
	case known == nil || !known.can(vpcs) || home.Region != place:
		wrong.add(field, "The subnet is not in the region of the Linode")
	}
}

// members are the Linodes in a subnet, with their addresses.
func (s *Server) members(id int) (members []SubnetLinode, taken []string) {
	members = []SubnetLinode{}
	for _, known := range sorted(s.instances) {
		entry := SubnetLinode{ID: known.ID}
		for _, config := range known.configs {
			for _, adapter := range config.Interfaces {
				if adapter.SubnetID != nil && *adapter.SubnetID == id {
					entry.Interfaces = append(entry.Interfaces, SubnetInterface{adapter.ID, adapter.Active})
					taken = append(taken, *adapter.IPv4.VPC)
				}
			}
		}
		for _, adapter := range known.interfaces {
			if adapter.VPC != nil && adapter.VPC.SubnetID == id {
				entry.Interfaces = append(entry.Interfaces, SubnetInterface{adapter.ID, true})
				taken = append(taken, adapter.VPC.IPv4.Addresses[0].Address)
			}
		}
		if entry.Interfaces != nil {
			members = append(members, entry)
		}
	}
	return members, taken
}

// freeIn finds an address; the first two of a subnet are Linode's own.
func (s *Server) freeIn(subnet *Subnet) string {
	_, taken := s.members(subnet.ID)
	network, _ := netip.ParsePrefix(subnet.IPv4)
	address := network.Addr().Next().Next()
	for slices.Contains(taken, address.String()) {
		address = address.Next()
	}
	return address.String()
}

// shownVPC is a VPC as its answers have it.
func (s *Server) shownVPC(known *VPC) VPC {
	copied := *known
	copied.Subnets = []Subnet{}
	for _, subnet := range known.Subnets {
		subnet.Linodes, _ = s.members(subnet.ID)
		copied.Subnets = append(copied.Subnets, subnet)
	}
	return copied
}

func (s *Server) listVPCs(c *call) (any, *refusal) {
	all := []VPC{}
	for _, known := range sorted(s.vpcs) {
		all = append(all, s.shownVPC(known))
	}
	return page(c, all)
}

func (s *Server) createVPC(c *call) (any, *refusal) {
	var asked struct {
		Label       string        `json:"label"`
		Description string        `json:"description"`
		Region      string        `json:"region"`
		Subnets     []subnetAsked `json:"subnets"`
	}
	if refused := c.decode(&asked); refused != nil {
		return nil, refused
	}
	var wrong problems
	if place := find(regions, asked.Region); place == nil || !place.can(vpcs) {
		wrong.add("region", "VPCs are not available in this region")
	}
	for _, subnet := range asked.Subnets {
		subnet.check(&wrong)
	}
	if refused := wrong.refusal(); refused != nil {
		return nil, refused
	}
	made := &VPC{ID: s.nextID(), Label: asked.Label, Description: asked.Description, Region: asked.Region, Created: now(), Updated: now()}
	for _, subnet := range asked.Subnets {
		made.Subnets = append(made.Subnets, s.newSubnet(subnet))
	}
	s.vpcs[made.ID] = made
	s.note("vpc_create", &Entity{Label: made.Label, ID: made.ID, Type: "vpc", URL: fmt.Sprintf("/v4/vpcs/%d", made.ID)})
	return s.shownVPC(made), nil
}

func (asked subnetAsked) check(wrong *problems) {
	if network, err := netip.ParsePrefix(asked.IPv4); err != nil || !network.Addr().IsPrivate() || network != network.Masked() || network.Bits() > 29 {
		wrong.add("ipv4", "Must be a private IPv4 network")
	}
}

func (s *Server) newSubnet(asked subnetAsked) Subnet {
	return Subnet{ID: s.nextID(), Label: asked.Label, IPv4: asked.IPv4, Created: now(), Updated: now(), Linodes: []SubnetLinode{}}
}

func (s *Server) vpc(c *call) (*VPC, *refusal) {
	if known := s.vpcs[c.id("vpcId")]; known != nil {
		return known, nil
	}
	return nil, notFound()
}

func (s *Server) getVPC(c *call) (any, *refusal) {
	known, refused := s.vpc(c)
	if refused != nil {
		return nil, refused
	}
	return s.shownVPC(known), nil
}

func (s *Server) deleteVPC(c *call) (any, *refusal) {
	known, refused := s.vpc(c)
	if refused != nil {
		return nil, refused
	}
	for _, subnet := range known.Subnets {
		if members, _ := s.members(subnet.ID); len(members) > 0 {
			return nil, refuse(http.StatusBadRequest, "", "VPC still has Linodes")
		}
	}
	delete(s.vpcs, known.ID)
	return struct{}{}, nil
}

func (s *Server) listSubnets(c *call) (any, *refusal) {
	known, refused := s.vpc(c)
	if refused != nil {
		return nil, refused
	}
	return page(c, s.shownVPC(known).Subnets)
}

func (s *Server) createSubnet(c *call) (any, *refusal) {
	known, refused := s.vpc(c)
	if refused != nil {
		return nil, refused
	}
	var asked subnetAsked
	if refused := c.decode(&asked); refused != nil {
		return nil, refused
	}
	var wrong problems
	asked.check(&wrong)
	if refused := wrong.refusal(); refused != nil {
		return nil, refused
	}
	made := s.newSubnet(asked)
	known.Subnets = append(known.Subnets, made)
	return made, nil
}

func (s *Server) getSubnet(c *call) (any, *refusal) {
	home, subnet := s.subnet(c.id("vpcSubnetId"))
	if home == nil || home.ID != c.id("vpcId") {
		return nil, notFound()
	}
	shown := *subnet
	shown.Linodes, _ = s.members(shown.ID)
	return shown, nil
}
