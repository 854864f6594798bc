// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package linode

import (
	"context"
	"net/http"
)

// resizeInstance shuts a running machine down by itself and boots it again
// without a linode_boot event, as the real API does.
func (s *Server) resizeInstance(c *call) (any, *refusal) {
	known, refused := s.idle(c)
	if refused != nil {
		return nil, refused
	}
	var asked struct {
		Type string `json:"type"`
		Auto *bool  `json:"allow_auto_disk_resize"`
	}
	if refused := c.decode(&asked); refused != nil {
		return nil, refused
	}
	size := find(types, asked.Type)
	if size == nil {
		return nil, refuse(http.StatusBadRequest, "type", "A valid plan type by that ID was not found")
	}
	if asked.Type == known.Type {
		return nil, refuse(http.StatusBadRequest, "type", "Linode is already this type")
	}
	used := 0
	for _, disk := range known.disks {
		used += disk.Size
	}
	if auto := asked.Auto == nil || *asked.Auto; used > size.Disk && (!auto || len(known.disks) > 2) {
		return nil, refuse(http.StatusBadRequest, "type", "The Linode has more disk space allocated than the new type allows")
	}
	running, name := known.Status == "running", known.machine
	after := known.Status
	s.start(known, &job{
		action: "linode_resize", seconds: resizeSeconds, status: "resizing", done: after, failed: after,
		do: func(ctx context.Context) error {
			if running {
				if err := s.options.Machines.Shutdown(ctx, name); err != nil {
					return err
				}
			}
			if err := s.options.Machines.Resize(ctx, name, size.Memory); err != nil || !running {
				return err
			}
			return s.options.Machines.Boot(ctx, name)
		},
	})
	s.resized(known, size)
	return struct{}{}, nil
}

// resized takes over the new size. The real API shows it at the event's end;
// nobody can see the difference while the instance is busy but in its answers.
func (s *Server) resized(known *instance, size *Type) {
	grown := size.Disk - known.Specs.Disk
	known.Type = size.ID
	known.Specs = Specs{Disk: size.Disk, Memory: size.Memory, VCPUs: size.VCPUs, Transfer: size.Transfer}
	if len(known.disks) > 0 {
		known.disks[0].Size += grown
	}
}
