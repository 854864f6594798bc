// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package linode

import (
	"encoding/json"
	"fmt"
	"net/http"
)

// Generations of interfaces: those of a config, behind firewalls that stand
// before the Linode, and those of the Linode itself, each behind its own.
const (
	legacy      = "legacy_config"
	interfacing = "linode"
)

// Adapter is an interface of a Linode itself.
type Adapter struct {
	ID           int             `json:"id"`
	Version      int             `json:"version"`
	MAC          string          `json:"mac_address"`
	Created      string          `json:"created"`
	Updated      string          `json:"updated"`
	DefaultRoute map[string]bool `json:"default_route"`
	Public       *Public         `json:"public"`
	VPC          *InVPC          `json:"vpc"`
	VLAN         *struct{}       `json:"vlan"`
}

// Public is the public side of an interface.
type Public struct {
	IPv4 InterfaceAddresses `json:"ipv4"`
	IPv6 struct {
		SLAAC  []struct{} `json:"slaac"`
		Shared []struct{} `json:"shared"`
		Ranges []struct{} `json:"ranges"`
	} `json:"ipv6"`
}

// InVPC is an interface in a subnet.
type InVPC struct {
	VPCID    int                `json:"vpc_id"`
	SubnetID int                `json:"subnet_id"`
	IPv4     InterfaceAddresses `json:"ipv4"`
}

// InterfaceAddresses of one family.
type InterfaceAddresses struct {
	Addresses []InterfaceAddress `json:"addresses"`
	Shared    []struct{}         `json:"shared"`
	Ranges    []struct{}         `json:"ranges"`
}

// InterfaceAddress of an interface.
type InterfaceAddress struct {
	Address string `json:"address"`
	Primary bool   `json:"primary"`
}

// adapterAsked is one interface in a creation.
type adapterAsked struct {
	FirewallID   *int            `json:"firewall_id"`
	DefaultRoute map[string]bool `json:"default_route"`
	Public       *struct{}       `json:"public"`
	VPC          *struct {
		SubnetID int `json:"subnet_id"`
	} `json:"vpc"`
}

// generation decides by the account's setting what is asked for, and reads the
// interfaces accordingly.
func (s *Server) generation(asked *creation, wrong *problems) {
	allowed := generationsOf[s.settings.Interfaces]
	switch {
	case asked.Generation == "":
		asked.Generation = allowed[0]
	case len(allowed) == 1 && asked.Generation != allowed[0]:
		wrong.add("interface_generation", "The account's setting interfaces_for_new_linodes does not allow this")
	case asked.Generation != legacy && asked.Generation != interfacing:
		wrong.add("interface_generation", "Must be linode or legacy_config")
	}
	if len(asked.Given) == 0 {
		return
	}
	var target any = &asked.Interfaces
	if asked.Generation == interfacing {
		target = &asked.Adapters
	}
	if err := json.Unmarshal(asked.Given, target); err != nil {
		wrong.add("interfaces", "Invalid interfaces")
	}
}

// checkInterfaces names what is wrong with the interfaces of either kind.
func (s *Server) checkInterfaces(asked *creation, wrong *problems) {
	s.checkConfigInterfaces(asked.Interfaces, asked.Region, wrong)
	for _, adapter := range asked.Adapters {
		if adapter.VPC != nil {
			s.checkSubnet(adapter.VPC.SubnetID, asked.Region, "interfaces.vpc.subnet_id", wrong)
		}
		if id := valueOr(adapter.FirewallID, 0); id > 0 && s.firewalls[id] == nil {
			wrong.add("interfaces.firewall_id", "Firewall not found")
		}
	}
	if asked.Generation == interfacing && (asked.FirewallID != 0 || asked.PrivateIP) {
		wrong.add("interface_generation", "firewall_id and private_ip are not for Linodes with Linode interfaces")
	}
}

// plug gives a new Linode its interfaces, each behind its firewall.
func (s *Server) plug(made *instance, asked []adapterAsked) {
	if made.InterfaceGeneration == interfacing && len(asked) == 0 {
		asked = []adapterAsked{{Public: &struct{}{}}}
	}
	for _, one := range asked {
		id := s.nextID()
		adapter := Adapter{
			ID: id, Version: 1, MAC: fmt.Sprintf("22:00:00:00:%02x:%02x", id/256%256, id%256), Created: now(), Updated: now(), DefaultRoute: one.DefaultRoute,
		}
		if adapter.DefaultRoute == nil {
			adapter.DefaultRoute = map[string]bool{}
		}
		fallback := s.defaults.PublicInterface
		switch {
		case one.VPC != nil:
			home, subnet := s.subnet(one.VPC.SubnetID)
			adapter.VPC, fallback = &InVPC{VPCID: home.ID, SubnetID: subnet.ID, IPv4: addressesOf(s.freeIn(subnet))}, s.defaults.VPCInterface
		default:
			adapter.Public = &Public{IPv4: addressesOf(made.IPv4[0])}
			adapter.Public.IPv6.SLAAC, adapter.Public.IPv6.Shared, adapter.Public.IPv6.Ranges = []struct{}{}, []struct{}{}, []struct{}{}
		}
		made.interfaces = append(made.interfaces, adapter)
		if wall := s.wallFor(valueOr(one.FirewallID, 0), fallback); wall != nil {
			s.attach(wall, made.interfaceDevice(adapter))
		}
	}
}

func addressesOf(address string) InterfaceAddresses {
	return InterfaceAddresses{Addresses: []InterfaceAddress{{address, true}}, Shared: []struct{}{}, Ranges: []struct{}{}}
}

// device is the Linode as a firewall stands before it.
func (i *instance) device() DeviceEntity { return DeviceEntity{Entity: *i.entity()} }

func (i *instance) interfaceDevice(adapter Adapter) DeviceEntity {
	return DeviceEntity{Parent: i.entity(), Entity: Entity{
		Label: i.Label, ID: adapter.ID, Type: "linode_interface", URL: fmt.Sprintf("/v4/linode/instances/%d/interfaces/%d", i.ID, adapter.ID),
	}}
}

func (s *Server) listInterfaces(c *call) (any, *refusal) {
	known, refused := s.instance(c)
	if refused != nil {
		return nil, refused
	}
	if known.InterfaceGeneration != interfacing {
		return nil, refuse(http.StatusBadRequest, "", "This Linode has config interfaces")
	}
	return page(c, known.interfaces)
}

// interfaceOf finds an interface of any Linode.
func (s *Server) interfaceOf(id int) (*instance, *Adapter) {
	for _, known := range s.instances {
		for i := range known.interfaces {
			if known.interfaces[i].ID == id {
				return known, &known.interfaces[i]
			}
		}
	}
	return nil, nil
}
