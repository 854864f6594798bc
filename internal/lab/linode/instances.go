// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package linode

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
)

// instance is a Linode with what its answers do not show.
type instance struct {
	Instance
	machine string
	// working is true while an event of it runs: everything else is "busy".
	working  bool
	userData []byte
	keys     []string
	disks    []Disk
	configs  []Config
	// interfaces of the Linode itself, where its generation is linode.
	interfaces []Adapter
	// reverse DNS by address, where it was set.
	reverse map[string]string
	// made says that there is a machine behind it.
	made bool
}

// sorted gives the values of a table by id.
func sorted[T any](table map[int]T) []T {
	all := make([]T, 0, len(table))
	for _, id := range slices.Sorted(maps.Keys(table)) {
		all = append(all, table[id])
	}
	return all
}

func (s *Server) listInstances(c *call) (any, *refusal) {
	all := []Instance{}
	for _, known := range sorted(s.instances) {
		all = append(all, known.Instance)
	}
	return page(c, all)
}

func (s *Server) instance(c *call) (*instance, *refusal) {
	if known := s.instances[c.id("linodeId")]; known != nil {
		return known, nil
	}
	return nil, notFound()
}

func (s *Server) getInstance(c *call) (any, *refusal) {
	known, refused := s.instance(c)
	if refused != nil {
		return nil, refused
	}
	return known.Instance, nil
}

func (s *Server) updateInstance(c *call) (any, *refusal) {
	known, refused := s.instance(c)
	if refused != nil {
		return nil, refused
	}
	var asked struct {
		Label    *string   `json:"label"`
		Tags     *[]string `json:"tags"`
		Watchdog *bool     `json:"watchdog_enabled"`
		Alerts   *Alerts   `json:"alerts"`
		Policy   *string   `json:"maintenance_policy"`
	}
	alerts := known.Alerts // what is not given stays
	asked.Alerts = &alerts
	if refused := c.decode(&asked); refused != nil {
		return nil, refused
	}
	var wrong problems
	if asked.Label != nil {
		checkLabel(*asked.Label, &wrong)
		if s.labelTaken(*asked.Label, known.ID) {
			wrong.add("label", "Label must be unique among your Linodes")
		}
	}
	if asked.Policy != nil {
		checkPolicy(*asked.Policy, known.Region, &wrong)
	}
	if refused := wrong.refusal(); refused != nil {
		return nil, refused
	}
	if asked.Policy != nil {
		known.MaintenancePolicy = *asked.Policy
	}
	if asked.Label != nil {
		known.Label = *asked.Label
	}
	if asked.Tags != nil {
		known.Tags = s.tag(*asked.Tags)
	}
	if asked.Watchdog != nil {
		known.WatchdogEnabled = *asked.Watchdog
	}
	known.Alerts, known.Updated = alerts, now()
	s.note("linode_update", known.entity())
	return known.Instance, nil
}

func (i *instance) entity() *Entity {
	return &Entity{Label: i.Label, ID: i.ID, Type: "linode", URL: fmt.Sprintf("/v4/linode/instances/%d", i.ID)}
}

func (s *Server) enableBackups(c *call) (any, *refusal) { return s.setBackups(c, true) }

func (s *Server) cancelBackups(c *call) (any, *refusal) { return s.setBackups(c, false) }

func (s *Server) setBackups(c *call, enabled bool) (any, *refusal) {
	known, refused := s.instance(c)
	if refused != nil {
		return nil, refused
	}
	if !enabled && s.settings.BackupsEnabled {
		return nil, refuse(http.StatusBadRequest, "", "Backups cannot be cancelled while they are on for the whole account")
	}
	known.Backups.Enabled = enabled
	s.note(map[bool]string{true: "backups_enable", false: "backups_cancel"}[enabled], known.entity())
	return struct{}{}, nil
}
