// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package linode

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
)

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
	var wrong problems
	s.checkConfigInterfaces(asked.Interfaces, known.Region, &wrong)
	if refused := wrong.refusal(); refused != nil {
		return nil, refused
	}
	made := s.config(asked.Label, asked.Devices, asked.Interfaces)
	made.Kernel = "linode/latest-64bit"
	// As recorded, of an account whose Network Helper is off; that of an image's own
	// config is on.
	made.Helpers["network"] = false
	known.configs = append(known.configs, made)
	s.noteConfig("linode_config_create", known, made)
	return made, nil
}

func (s *Server) noteConfig(action string, known *instance, config Config) {
	s.note(action, known.entity())
	s.events[len(s.events)-1].SecondaryEntity = &Entity{
		Label: config.Label, ID: config.ID, Type: "linode_config", URL: fmt.Sprintf("/v4/linode/instances/%d/configs/%d", known.ID, config.ID),
	}
}

// oneConfig finds the config of a path.
func (s *Server) oneConfig(c *call) (*instance, *Config, *refusal) {
	known, refused := s.instance(c)
	if refused != nil {
		return nil, nil, refused
	}
	at := slices.IndexFunc(known.configs, func(config Config) bool { return config.ID == c.id("configId") })
	if at < 0 {
		return nil, nil, notFound()
	}
	return known, &known.configs[at], nil
}

func (s *Server) getConfig(c *call) (any, *refusal) {
	_, config, refused := s.oneConfig(c)
	if refused != nil {
		return nil, refused
	}
	return *config, nil
}

// updateConfig replaces the interfaces where the list is given; the machine uses
// them from its next boot on.
func (s *Server) updateConfig(c *call) (any, *refusal) {
	known, config, refused := s.oneConfig(c)
	if refused != nil {
		return nil, refused
	}
	asked := struct {
		Label      *string            `json:"label"`
		Comments   *string            `json:"comments"`
		Kernel     *string            `json:"kernel"`
		RootDevice *string            `json:"root_device"`
		RunLevel   *string            `json:"run_level"`
		VirtMode   *string            `json:"virt_mode"`
		Memory     *int               `json:"memory_limit"`
		Helpers    map[string]bool    `json:"helpers"`
		Devices    map[string]*Slot   `json:"devices"`
		Interfaces *[]ConfigInterface `json:"interfaces"`
	}{}
	if refused := c.decode(&asked); refused != nil {
		return nil, refused
	}
	var wrong problems
	if asked.Interfaces != nil {
		s.checkConfigInterfaces(*asked.Interfaces, known.Region, &wrong)
	}
	if refused := wrong.refusal(); refused != nil {
		return nil, refused
	}
	for target, value := range map[*string]*string{
		&config.Label: asked.Label, &config.Comments: asked.Comments, &config.Kernel: asked.Kernel, &config.RootDevice: asked.RootDevice,
		&config.RunLevel: asked.RunLevel, &config.VirtMode: asked.VirtMode,
	} {
		if value != nil {
			*target = *value
		}
	}
	config.MemoryLimit = valueOr(asked.Memory, config.MemoryLimit)
	maps.Copy(config.Helpers, asked.Helpers)
	if asked.Devices != nil {
		config.Devices = slotsOf(asked.Devices)
	}
	if asked.Interfaces != nil {
		config.Interfaces = s.configInterfaces(*asked.Interfaces)
	}
	config.Updated = now()
	s.noteConfig("linode_config_update", known, *config)
	return *config, nil
}

func slotsOf(devices map[string]*Slot) map[string]*Slot {
	slots := map[string]*Slot{}
	for _, name := range []string{"sda", "sdb", "sdc", "sdd", "sde", "sdf", "sdg", "sdh"} {
		slots[name] = devices[name]
	}
	return slots
}

// checkConfigInterfaces names what is wrong with the interfaces of a config.
func (s *Server) checkConfigInterfaces(asked []ConfigInterface, place string, wrong *problems) {
	for _, adapter := range asked {
		if adapter.Purpose == "vpc" {
			s.checkSubnet(valueOr(adapter.SubnetID, 0), place, "interfaces.subnet_id", wrong)
		}
	}
}

func (s *Server) config(label string, devices map[string]*Slot, interfaces []ConfigInterface) Config {
	return Config{
		ID: s.nextID(), Label: label, Kernel: "linode/grub2", RootDevice: "/dev/sda", RunLevel: "default", VirtMode: "paravirt", Created: now(), Updated: now(),
		Helpers: map[string]bool{"updatedb_disabled": true, "distro": true, "modules_dep": true, "network": true, "devtmpfs_automount": true},
		Devices: slotsOf(devices), Interfaces: s.configInterfaces(interfaces),
	}
}

// configInterfaces completes what was asked for.
func (s *Server) configInterfaces(asked []ConfigInterface) []ConfigInterface {
	adapters := []ConfigInterface{}
	for _, adapter := range asked {
		adapter.ID, adapter.Active, adapter.IPRanges = s.nextID(), true, []string{}
		if adapter.Purpose == "vpc" {
			home, subnet := s.subnet(valueOr(adapter.SubnetID, 0))
			adapter.VPCID = &home.ID
			if adapter.IPv4.VPC == nil || *adapter.IPv4.VPC == "" {
				address := s.freeIn(subnet)
				adapter.IPv4.VPC = &address
			}
		}
		adapters = append(adapters, adapter)
	}
	return adapters
}
