// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package linode

import (
	"encoding/json"
	"fmt"
	"hash/crc32"
	"net/http"
	"regexp"
	"slices"

	"github.com/atollhq/terraform-provider-atoll/internal/lab/filter"
)

// firewall is a cloud firewall with its devices.
type firewall struct {
	Firewall
	devices []Device
	// filter is what the rules mean for packets.
	filter filter.Rules
}

// shown is the firewall as its answers have it.
func (f *firewall) shown() Firewall {
	copied := f.Firewall
	copied.Entities = []DeviceEntity{}
	for _, device := range f.devices {
		copied.Entities = append(copied.Entities, device.Entity)
	}
	return copied
}

// firewallLabel begins and ends with a letter or digit; no two of - _ . in a row
// is checked apart.
var firewallLabel = regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9_.-]{1,30}[a-zA-Z0-9]$`)

// set takes rules over and numbers them anew.
func (f *firewall) set(asked rulesAsked) {
	f.Rules = Rules{
		Inbound: asked.Inbound, InboundPolicy: asked.InboundPolicy, Outbound: asked.Outbound, OutboundPolicy: asked.OutboundPolicy,
		Version: f.Rules.Version + 1,
	}
	text, _ := json.Marshal(asked)
	f.Rules.Fingerprint = fmt.Sprintf("%08x", crc32.ChecksumIEEE(text))
	f.filter = filter.Rules{Inbound: chain(asked.Inbound, asked.InboundPolicy), Outbound: chain(asked.Outbound, asked.OutboundPolicy)}
	f.Updated = now()
}

func (s *Server) createFirewall(c *call) (any, *refusal) {
	var asked struct {
		Label   string     `json:"label"`
		Rules   rulesAsked `json:"rules"`
		Tags    []string   `json:"tags"`
		Devices struct {
			Linodes    []int `json:"linodes"`
			Interfaces []int `json:"linode_interfaces"`
		} `json:"devices"`
	}
	if refused := c.decode(&asked); refused != nil {
		return nil, refused
	}
	var wrong problems
	s.checkFirewallLabel(asked.Label, 0, &wrong)
	asked.Rules.check(&wrong)
	var entities []DeviceEntity
	for kind, ids := range map[string][]int{"linode": asked.Devices.Linodes, "linode_interface": asked.Devices.Interfaces} {
		for _, id := range ids {
			entity, refused := s.service(kind, id)
			switch {
			case refused != nil:
				wrong.add("devices."+kind+"s", refused.reasons[0].Reason)
			case s.guarded(entity, 0):
				wrong.add("devices."+kind+"s", oneOnly)
			}
			entities = append(entities, entity)
		}
	}
	if refused := wrong.refusal(); refused != nil {
		return nil, refused
	}
	made := &firewall{Firewall: Firewall{ID: s.nextID(), Label: asked.Label, Created: now(), Status: "enabled", Tags: s.tag(asked.Tags)}}
	made.set(asked.Rules)
	s.firewalls[made.ID] = made
	for _, entity := range entities {
		s.attach(made, entity)
	}
	s.note("firewall_create", made.entity())
	return made.shown(), nil
}

func (s *Server) checkFirewallLabel(label string, but int, wrong *problems) {
	if !firewallLabel.MatchString(label) || repeated(label) {
		wrong.add("label", "Label must be 3-32 characters of letters, numbers, single dashes, underscores and dots, and begin and end with a letter or number")
	}
	for id, other := range s.firewalls {
		if id != but && other.Label == label {
			wrong.add("label", "Label must be unique among your Cloud Firewalls")
		}
	}
}

func (f *firewall) entity() *Entity {
	return &Entity{Label: f.Label, ID: f.ID, Type: "firewall", URL: fmt.Sprintf("/v4/networking/firewalls/%d", f.ID)}
}

func (s *Server) firewall(c *call) (*firewall, *refusal) {
	if known := s.firewalls[c.id("firewallId")]; known != nil {
		return known, nil
	}
	return nil, notFound()
}

func (s *Server) listFirewalls(c *call) (any, *refusal) {
	all := []Firewall{}
	for _, wall := range sorted(s.firewalls) {
		all = append(all, wall.shown())
	}
	return page(c, all)
}

func (s *Server) getFirewall(c *call) (any, *refusal) {
	wall, refused := s.firewall(c)
	if refused != nil {
		return nil, refused
	}
	return wall.shown(), nil
}

func (s *Server) updateFirewall(c *call) (any, *refusal) {
	wall, refused := s.firewall(c)
	if refused != nil {
		return nil, refused
	}
	var asked struct {
		Label  *string   `json:"label"`
		Status *string   `json:"status"`
		Tags   *[]string `json:"tags"`
	}
	if refused := c.decode(&asked); refused != nil {
		return nil, refused
	}
	var wrong problems
	if asked.Label != nil {
		s.checkFirewallLabel(*asked.Label, wall.ID, &wrong)
	}
	if asked.Status != nil && *asked.Status != "enabled" && *asked.Status != "disabled" {
		wrong.add("status", "Status must be enabled or disabled")
	}
	if asked.Status != nil && *asked.Status == "disabled" && s.isDefault(wall.ID) {
		wrong.add("status", "A default firewall cannot be disabled")
	}
	if asked.Status != nil && *asked.Status == "enabled" && slices.ContainsFunc(wall.devices, func(d Device) bool { return s.guarded(d.Entity, wall.ID) }) {
		wrong.add("status", oneOnly)
	}
	if refused := wrong.refusal(); refused != nil {
		return nil, refused
	}
	if asked.Label != nil {
		wall.Label = *asked.Label
	}
	if asked.Status != nil {
		wall.Status = *asked.Status
	}
	if asked.Tags != nil {
		wall.Tags = s.tag(*asked.Tags)
	}
	wall.Updated = now()
	s.enforce()
	return wall.shown(), nil
}

func (s *Server) deleteFirewall(c *call) (any, *refusal) {
	wall, refused := s.firewall(c)
	if refused != nil {
		return nil, refused
	}
	if s.isDefault(wall.ID) {
		return nil, refuse(http.StatusBadRequest, "", "A default firewall cannot be deleted")
	}
	delete(s.firewalls, wall.ID)
	s.enforce()
	s.note("firewall_delete", wall.entity())
	return struct{}{}, nil
}

func (s *Server) getRules(c *call) (any, *refusal) {
	wall, refused := s.firewall(c)
	if refused != nil {
		return nil, refused
	}
	return wall.Rules, nil
}

func (s *Server) updateRules(c *call) (any, *refusal) {
	wall, refused := s.firewall(c)
	if refused != nil {
		return nil, refused
	}
	var asked rulesAsked
	if refused := c.decode(&asked); refused != nil {
		return nil, refused
	}
	var wrong problems
	asked.check(&wrong)
	if refused := wrong.refusal(); refused != nil {
		return nil, refused
	}
	wall.set(asked)
	s.enforce()
	return wall.Rules, nil
}
