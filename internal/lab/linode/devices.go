// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package linode

import (
	"net/http"
	"slices"

	"github.com/atollhq/terraform-provider-atoll/internal/lab/filter"
)

// is says whether a device is this Linode, or an interface of it.
func (d Device) is(known *instance) bool {
	return d.Entity.Type == "linode" && d.Entity.ID == known.ID || d.Entity.Parent != nil && d.Entity.Parent.ID == known.ID
}

// drop forgets an instance that is gone.
func (f *firewall) drop(known *instance) {
	f.devices = slices.DeleteFunc(f.devices, func(d Device) bool { return d.is(known) })
}

func (f *firewall) has(entity DeviceEntity) bool {
	return slices.ContainsFunc(f.devices, func(d Device) bool { return d.Entity.Type == entity.Type && d.Entity.ID == entity.ID })
}

// enforce tells the floor which firewall is in force before each machine: that of
// the Linode, or of its public interface.
func (s *Server) enforce() {
	if s.options.Machines == nil {
		return
	}
	for _, known := range s.instances {
		entity := known.device()
		for _, adapter := range known.interfaces {
			if adapter.Public != nil {
				entity = known.interfaceDevice(adapter)
			}
		}
		var walls []filter.Rules
		for _, wall := range sorted(s.firewalls) {
			if wall.Status == "enabled" && wall.has(entity) {
				walls = append(walls, wall.filter)
			}
		}
		s.options.Machines.Guard(known.machine, walls)
	}
}

// guarded says whether an enabled firewall stands before a service already: a
// service can have one.
func (s *Server) guarded(entity DeviceEntity, but int) bool {
	for _, wall := range s.firewalls {
		if wall.ID != but && wall.Status == "enabled" && wall.has(entity) {
			return true
		}
	}
	return false
}

func (s *Server) attach(wall *firewall, entity DeviceEntity) Device {
	device := Device{ID: s.nextID(), Created: now(), Updated: now(), Entity: entity}
	wall.devices = append(wall.devices, device)
	s.enforce()
	return device
}

func (s *Server) listDevices(c *call) (any, *refusal) {
	wall, refused := s.firewall(c)
	if refused != nil {
		return nil, refused
	}
	return page(c, wall.devices)
}

// service finds what a firewall is to stand before.
func (s *Server) service(kind string, id int) (DeviceEntity, *refusal) {
	switch kind {
	case "linode":
		known := s.instances[id]
		if known != nil && known.InterfaceGeneration != legacy {
			return DeviceEntity{}, refuse(http.StatusBadRequest, "id", "Firewalls of this Linode are assigned to its interfaces")
		}
		if known != nil {
			return known.device(), nil
		}
	case "linode_interface":
		if known, adapter := s.interfaceOf(id); known != nil {
			return known.interfaceDevice(*adapter), nil
		}
	}
	return DeviceEntity{}, refuse(http.StatusBadRequest, "id", "Service not found")
}

func (s *Server) createDevice(c *call) (any, *refusal) {
	wall, refused := s.firewall(c)
	if refused != nil {
		return nil, refused
	}
	var asked struct {
		ID   int    `json:"id"`
		Type string `json:"type"`
	}
	if refused := c.decode(&asked); refused != nil {
		return nil, refused
	}
	entity, refused := s.service(asked.Type, asked.ID)
	switch {
	case refused != nil:
		return nil, refused
	case wall.has(entity):
		return nil, refuse(http.StatusBadRequest, "id", "Device is already attached to this Firewall")
	case wall.Status == "enabled" && s.guarded(entity, wall.ID):
		return nil, refuse(http.StatusBadRequest, "id", oneOnly)
	}
	s.note("firewall_device_add", wall.entity())
	return s.attach(wall, entity), nil
}

// oneOnly is the emulator's own text; the document has the rule only.
const oneOnly = "Service already has an enabled Firewall assigned"

func (s *Server) device(c *call) (*firewall, int, *refusal) {
	wall, refused := s.firewall(c)
	if refused != nil {
		return nil, 0, refused
	}
	at := slices.IndexFunc(wall.devices, func(d Device) bool { return d.ID == c.id("deviceId") })
	if at < 0 {
		return nil, 0, notFound()
	}
	return wall, at, nil
}

func (s *Server) getDevice(c *call) (any, *refusal) {
	wall, at, refused := s.device(c)
	if refused != nil {
		return nil, refused
	}
	return wall.devices[at], nil
}

func (s *Server) deleteDevice(c *call) (any, *refusal) {
	wall, at, refused := s.device(c)
	if refused != nil {
		return nil, refused
	}
	wall.devices = slices.Delete(wall.devices, at, at+1)
	s.enforce()
	s.note("firewall_device_remove", wall.entity())
	return struct{}{}, nil
}

func (s *Server) listInstanceFirewalls(c *call) (any, *refusal) {
	known, refused := s.instance(c)
	if refused != nil {
		return nil, refused
	}
	return page(c, s.before(known))
}

// before are the firewalls before a Linode.
func (s *Server) before(known *instance) []Firewall {
	all := []Firewall{}
	for _, wall := range sorted(s.firewalls) {
		if wall.has(known.device()) {
			all = append(all, wall.shown())
		}
	}
	return all
}

// updateInstanceFirewalls replaces the firewalls of a Linode at once: there is no
// moment without one.
func (s *Server) updateInstanceFirewalls(c *call) (any, *refusal) {
	known, refused := s.instance(c)
	if refused != nil {
		return nil, refused
	}
	var asked struct {
		IDs []int `json:"firewall_ids"`
	}
	if refused := c.decode(&asked); refused != nil {
		return nil, refused
	}
	enabled := 0
	for _, id := range asked.IDs {
		wall := s.firewalls[id]
		if wall == nil {
			return nil, refuse(http.StatusBadRequest, "firewall_ids", "Firewall not found")
		}
		if wall.Status == "enabled" {
			enabled++
		}
	}
	switch {
	case known.InterfaceGeneration != legacy:
		return nil, refuse(http.StatusBadRequest, "firewall_ids", "Firewalls of this Linode are assigned to its interfaces")
	case enabled > 1:
		return nil, refuse(http.StatusBadRequest, "firewall_ids", oneOnly)
	}
	entity := known.device()
	for _, wall := range sorted(s.firewalls) {
		switch wanted := slices.Contains(asked.IDs, wall.ID); {
		case wanted && !wall.has(entity):
			wall.devices = append(wall.devices, Device{ID: s.nextID(), Created: now(), Updated: now(), Entity: entity})
			s.note("firewall_device_add", wall.entity())
		case !wanted && wall.has(entity):
			wall.drop(known)
			s.note("firewall_device_remove", wall.entity())
		}
	}
	s.enforce()
	return page(c, s.before(known))
}
