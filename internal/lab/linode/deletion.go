// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package linode

// deleteInstance also ends what is stuck. The answer is at once, the machine
// goes behind it, when what happens to it has ended, and stays behind its
// firewalls until then.
func (s *Server) deleteInstance(c *call) (any, *refusal) {
	known, refused := s.instance(c)
	if refused != nil {
		return nil, refused
	}
	delete(s.instances, known.ID)
	for _, wall := range s.firewalls {
		wall.drop(known)
	}
	for _, group := range s.groups {
		group.drop(known.ID)
	}
	for _, disk := range s.volumes {
		if disk.LinodeID != nil && *disk.LinodeID == known.ID {
			disk.LinodeID, disk.LinodeLabel = nil, nil
		}
	}
	event := s.enter("linode_delete", known.entity(), "scheduled")
	s.work.Go(func() { s.end(known, event) })
	return struct{}{}, nil
}

func (s *Server) end(known *instance, event *Event) {
	s.wait(deleteSeconds)
	stuck := false
	s.update(func() {
		event.Status = "started"
		stuck = known.Status == "provisioning" && known.working
		for _, other := range s.events {
			if stuck && other.Status == "scheduled" && other.Entity != nil && other.Entity.ID == known.ID {
				other.Status = "failed"
			}
		}
	})
	for working := !stuck; working; {
		s.update(func() { working = known.working && s.ctx.Err() == nil })
		if working {
			s.wait(1)
		}
	}
	var err error
	if known.made && !stuck && s.options.Machines != nil {
		err = s.options.Machines.Remove(s.ctx, known.machine)
	}
	s.update(func() {
		event.Status, event.PercentComplete = "finished", 100
		if err != nil {
			event.Status, event.Message = "failed", err.Error()
		}
	})
}
