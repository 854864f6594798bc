// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package linode

import (
	"net/http"
	"slices"

	"github.com/atollhq/terraform-provider-atoll/internal/lab/filter"
)

// drop forgets an instance that is gone.
func (f *firewall) drop(linodeID int) {
	f.devices = slices.DeleteFunc(f.devices, func(d Device) bool { return d.Entity.ID == linodeID })
}

func (f *firewall) has(linodeID int) bool {
	return slices.ContainsFunc(f.devices, func(d Device) bool { return d.Entity.ID == linodeID })
}

// enforce tells the floor which firewalls are in force before each machine. The
// real API refuses a second one that is enabled; here all of them hold.
func (s *Server) enforce() {
	if s.options.Machines == nil {
		return
	}
	for _, known := range s.instances {
		var walls []filter.Rules
		for _, wall := range sorted(s.firewalls) {
			if wall.Status == "enabled" && wall.has(known.ID) {
				walls = append(walls, wall.filter)
			}
		}
		s.options.Machines.Guard(known.machine, walls)
	}
}

func (s *Server) attach(wall *firewall, known *instance) Device {
	device := Device{ID: s.nextID(), Created: now(), Updated: now(), Entity: *known.entity()}
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
	known := s.instances[asked.ID]
	if known == nil || asked.Type != "linode" {
		return nil, refuse(http.StatusBadRequest, "id", "Linode not found")
	}
	if wall.has(known.ID) {
		return nil, refuse(http.StatusBadRequest, "id", "Device is already attached to this Firewall")
	}
	return s.attach(wall, known), nil
}

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
	return struct{}{}, nil
}

func (s *Server) listInstanceFirewalls(c *call) (any, *refusal) {
	known, refused := s.instance(c)
	if refused != nil {
		return nil, refused
	}
	all := []Firewall{}
	for _, wall := range sorted(s.firewalls) {
		if wall.has(known.ID) {
			all = append(all, wall.shown())
		}
	}
	return page(c, all)
}
