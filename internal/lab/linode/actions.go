// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package linode

import (
	"context"
	"fmt"
	"net/http"
)

// What happens to an instance, and what it is called in the account's events.

func (s *Server) machine(known *instance) Machine {
	return Machine{
		Name: known.machine, Label: known.Label, Address: known.IPv4[0], Region: known.Region, MemoryMiB: known.Specs.Memory,
		UserData: known.userData, AuthorizedKeys: known.keys,
	}
}

func (s *Server) imageEntity(known *instance) *Entity {
	if known.Image == nil {
		return nil
	}
	return &Entity{Label: find(images, *known.Image).Label, ID: *known.Image, Type: "image", URL: "/v4/images/" + *known.Image}
}

func (s *Server) configEntity(known *instance) *Entity {
	if len(known.configs) == 0 {
		return nil
	}
	config := known.configs[0]
	return &Entity{Label: config.Label, ID: config.ID, Type: "linode_config", URL: fmt.Sprintf("/v4/linode/instances/%d/configs/%d", known.ID, config.ID)}
}

// provision makes the machine of a new instance and boots it, if it has an image.
func (s *Server) provision(known *instance, boots bool) {
	machine := s.machine(known)
	create := &job{
		action: "linode_create", secondary: s.imageEntity(known), seconds: createSeconds, status: "provisioning", done: "offline", failed: "offline",
	}
	if known.Image == nil {
		s.start(known, create)
		return
	}
	known.made = true
	create.do = func(ctx context.Context) error { return s.create(ctx, machine) }
	if !boots {
		s.start(known, create)
		return
	}
	s.start(known, create, s.bootJob(known))
}

// create makes a machine, behind the firewalls that its instance has by now.
func (s *Server) create(ctx context.Context, machine Machine) error {
	err := s.options.Machines.Create(ctx, machine)
	s.update(s.enforce)
	return err
}

func (s *Server) bootJob(known *instance) *job {
	name := known.machine
	return &job{
		action: "linode_boot", secondary: s.configEntity(known), seconds: bootSeconds, status: "booting", done: "running", failed: "offline",
		do: func(ctx context.Context) error { return s.options.Machines.Boot(ctx, name) },
	}
}

func (s *Server) shutdownJob(known *instance) *job {
	name := known.machine
	return &job{
		action: "linode_shutdown", seconds: shutdownSeconds, status: "shutting_down", done: "offline", failed: "running",
		do: func(ctx context.Context) error { return s.options.Machines.Shutdown(ctx, name) },
	}
}

// idle finds an instance that nothing happens to.
func (s *Server) idle(c *call) (*instance, *refusal) {
	known, refused := s.instance(c)
	if refused != nil {
		return nil, refused
	}
	if known.working || s.strikes(Busy) {
		return nil, busy()
	}
	return known, nil
}

func (s *Server) bootInstance(c *call) (any, *refusal) {
	known, refused := s.idle(c)
	if refused != nil {
		return nil, refused
	}
	if known.Status == "running" {
		return nil, refuse(http.StatusBadRequest, "", "Linode is already booted.")
	}
	if len(known.configs) == 0 {
		return nil, refuse(http.StatusBadRequest, "", "No configuration profiles found.")
	}
	s.start(known, s.bootJob(known))
	return struct{}{}, nil
}

func (s *Server) shutdownInstance(c *call) (any, *refusal) {
	known, refused := s.idle(c)
	if refused != nil {
		return nil, refused
	}
	s.start(known, s.shutdownJob(known))
	return struct{}{}, nil
}

func (s *Server) rebootInstance(c *call) (any, *refusal) {
	known, refused := s.idle(c)
	if refused != nil {
		return nil, refused
	}
	name := known.machine
	s.start(known, &job{
		action: "linode_reboot", secondary: s.configEntity(known), seconds: rebootSeconds, status: "rebooting", done: "running", failed: "offline",
		do: func(ctx context.Context) error {
			if err := s.options.Machines.Shutdown(ctx, name); err != nil {
				return err
			}
			return s.options.Machines.Boot(ctx, name)
		},
	})
	return struct{}{}, nil
}

// migrateInstance moves a machine to another host, and to another region where
// one is named; its address stays here. A running one is booted again without a
// linode_boot event.
func (s *Server) migrateInstance(c *call) (any, *refusal) {
	known, refused := s.idle(c)
	if refused != nil {
		return nil, refused
	}
	var asked struct {
		Region string `json:"region"`
	}
	if refused := c.decode(&asked); refused != nil {
		return nil, refused
	}
	if asked.Region != "" && find(regions, asked.Region) == nil {
		return nil, refuse(http.StatusBadRequest, "region", "region is not valid")
	}
	running, name, after := known.Status == "running", known.machine, known.Status
	s.start(known, &job{
		action: "linode_migrate", seconds: migrateSeconds, status: "migrating", done: after, failed: after,
		do: func(ctx context.Context) error {
			if asked.Region != "" {
				s.update(func() { known.Region = asked.Region })
			}
			if !running {
				return nil
			}
			if err := s.options.Machines.Shutdown(ctx, name); err != nil {
				return err
			}
			return s.options.Machines.Boot(ctx, name)
		},
	})
	return struct{}{}, nil
}

func (s *Server) rebuildInstance(c *call) (any, *refusal) {
	known, refused := s.idle(c)
	if refused != nil {
		return nil, refused
	}
	var asked creation
	if refused := c.decode(&asked); refused != nil {
		return nil, refused
	}
	var wrong problems
	userData := checkDisk(&asked, known.Region, &wrong)
	if asked.Image == "" {
		wrong.add("image", "image is required")
	}
	if refused := wrong.refusal(); refused != nil {
		return nil, refused
	}
	// A rebuild deletes all disks and configs. It knows no swap and no interfaces.
	asked.SwapSize, asked.Interfaces = nil, nil
	if asked.DiskEncryption != "" {
		known.DiskEncryption = asked.DiskEncryption
	}
	running := known.Status == "running"
	known.userData, known.keys, known.HasUserData = userData, asked.AuthorizedKeys, userData != nil
	s.furnish(known, &asked)
	known.Status, known.Updated = "rebuilding", now()
	machine, made := s.machine(known), known.made
	known.made = true
	rebuild := &job{
		action: "linode_rebuild", secondary: s.imageEntity(known), seconds: rebuildSeconds, status: "rebuilding", done: "offline", failed: "offline",
		do: func(ctx context.Context) error {
			if !made {
				return s.create(ctx, machine)
			}
			if running {
				if err := s.options.Machines.Shutdown(ctx, machine.Name); err != nil {
					return err
				}
			}
			return s.options.Machines.Rebuild(ctx, machine)
		},
	}
	answer := known.Instance
	if asked.Booted == nil || *asked.Booted {
		s.start(known, rebuild, s.bootJob(known))
	} else {
		s.start(known, rebuild)
	}
	return answer, nil
}
