// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package linode

import (
	"net/http"
	"slices"
)

// Settings hold for the whole account.
type Settings struct {
	BackupsEnabled bool    `json:"backups_enabled"`
	Managed        bool    `json:"managed"`
	NetworkHelper  bool    `json:"network_helper"`
	Longview       *string `json:"longview_subscription"`
	ObjectStorage  string  `json:"object_storage"`
	// Interfaces is which generation new Linodes get, and may get.
	Interfaces        string `json:"interfaces_for_new_linodes"`
	MaintenancePolicy string `json:"maintenance_policy"`
}

// generationsOf an account's setting, the default first.
var generationsOf = map[string][]string{
	"legacy_config_only":                       {legacy},
	"legacy_config_default_but_linode_allowed": {legacy, interfacing},
	"linode_default_but_legacy_config_allowed": {interfacing, legacy},
	"linode_only": {interfacing},
}

var policies = []string{"linode/migrate", "linode/power_off_on"}

func defaultSettings() Settings {
	return Settings{NetworkHelper: true, ObjectStorage: "disabled", Interfaces: "legacy_config_default_but_linode_allowed", MaintenancePolicy: policies[0]}
}

// checkPolicy says what is wrong with a Linode's maintenance policy.
func checkPolicy(policy, place string, wrong *problems) {
	known := find(regions, place)
	if !slices.Contains(policies, policy) || known == nil || !known.can(maintenancePolicy) {
		wrong.add("maintenance_policy", "This maintenance policy is not available in the region")
	}
}

func (s *Server) getSettings(*call) (any, *refusal) { return s.settings, nil }

func (s *Server) updateSettings(c *call) (any, *refusal) {
	asked := s.settings // what is not given stays
	if refused := c.decode(&asked); refused != nil {
		return nil, refused
	}
	var wrong problems
	if asked.Interfaces == "" { // linodego writes null for what it does not change
		asked.Interfaces = s.settings.Interfaces
	}
	if generationsOf[asked.Interfaces] == nil {
		wrong.add("interfaces_for_new_linodes", "Not one of the choices")
	}
	if !slices.Contains(policies, asked.MaintenancePolicy) {
		wrong.add("maintenance_policy", "Not one of the choices")
	}
	if refused := wrong.refusal(); refused != nil {
		return nil, refused
	}
	s.settings = asked
	return s.settings, nil
}

// Defaults are the firewalls of what is made without one; nil is none.
type Defaults struct {
	Linode          *int `json:"linode"`
	NodeBalancer    *int `json:"nodebalancer"`
	PublicInterface *int `json:"public_interface"`
	VPCInterface    *int `json:"vpc_interface"`
}

func (s *Server) shownDefaults() any { return map[string]Defaults{"default_firewall_ids": s.defaults} }

func (s *Server) getDefaults(*call) (any, *refusal) { return s.shownDefaults(), nil }

func (s *Server) updateDefaults(c *call) (any, *refusal) {
	asked := struct {
		Defaults *Defaults `json:"default_firewall_ids"`
	}{}
	changed := s.defaults // what is not given stays
	asked.Defaults = &changed
	if refused := c.decode(&asked); refused != nil {
		return nil, refused
	}
	for _, id := range []*int{changed.Linode, changed.PublicInterface, changed.VPCInterface} {
		if id != nil && s.firewalls[*id] == nil {
			return nil, refuse(http.StatusBadRequest, "default_firewall_ids", "Firewall not found")
		}
	}
	s.defaults = changed
	return s.shownDefaults(), nil
}

// wallFor is the firewall that something new comes behind: the one that is asked
// for, none where that is negative, else the account's default.
func (s *Server) wallFor(asked int, fallback *int) *firewall {
	if asked == 0 {
		asked = valueOr(fallback, 0)
	}
	return s.firewalls[asked]
}

// isDefault says whether a firewall is one of the account's defaults.
func (s *Server) isDefault(id int) bool {
	return slices.ContainsFunc([]*int{s.defaults.Linode, s.defaults.PublicInterface, s.defaults.VPCInterface}, func(set *int) bool { return set != nil && *set == id })
}
