// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package linode

import (
	"fmt"
	"net/http"
	"slices"
)

// placementGroup is a placement group with its members.
type placementGroup struct{ Group }

func (g *placementGroup) drop(linodeID int) {
	g.Members = slices.DeleteFunc(g.Members, func(m GroupMember) bool { return m.LinodeID == linodeID })
}

func (s *Server) place(group *placementGroup, known *instance) {
	group.drop(known.ID)
	group.Members = append(group.Members, GroupMember{LinodeID: known.ID, IsCompliant: true})
	known.PlacementGroup = &InstanceGroup{ID: group.ID, Label: group.Label, Type: group.Type, Policy: group.Policy}
}

func (s *Server) listGroups(c *call) (any, *refusal) { return page(c, sorted(s.groups)) }

func (s *Server) createGroup(c *call) (any, *refusal) {
	var asked struct {
		Label  string `json:"label"`
		Region string `json:"region"`
		Type   string `json:"placement_group_type"`
		Policy string `json:"placement_group_policy"`
	}
	if refused := c.decode(&asked); refused != nil {
		return nil, refused
	}
	if find(regions, asked.Region) == nil {
		return nil, refuse(http.StatusBadRequest, "region", "region is not valid")
	}
	made := &placementGroup{Group{
		ID: s.nextID(), Label: asked.Label, Region: asked.Region, Type: asked.Type, Policy: asked.Policy, IsCompliant: true,
		Members: []GroupMember{}, Migrations: map[string][]struct{}{"inbound": {}, "outbound": {}},
	}}
	s.groups[made.ID] = made
	return made, nil
}

func (s *Server) group(c *call) (*placementGroup, *refusal) {
	if known := s.groups[c.id("groupId")]; known != nil {
		return known, nil
	}
	return nil, notFound()
}

func (s *Server) getGroup(c *call) (any, *refusal) {
	group, refused := s.group(c)
	if refused != nil {
		return nil, refused
	}
	return group, nil
}

func (s *Server) deleteGroup(c *call) (any, *refusal) {
	group, refused := s.group(c)
	if refused != nil {
		return nil, refused
	}
	if len(group.Members) > 0 {
		return nil, refuse(http.StatusBadRequest, "", "Placement Group still has Linodes")
	}
	delete(s.groups, group.ID)
	return struct{}{}, nil
}

func (s *Server) assignGroup(c *call) (any, *refusal)   { return s.regroup(c, true) }
func (s *Server) unassignGroup(c *call) (any, *refusal) { return s.regroup(c, false) }

func (s *Server) regroup(c *call, join bool) (any, *refusal) {
	group, refused := s.group(c)
	if refused != nil {
		return nil, refused
	}
	var asked struct {
		Linodes []int `json:"linodes"`
	}
	if refused := c.decode(&asked); refused != nil {
		return nil, refused
	}
	for _, id := range asked.Linodes {
		known := s.instances[id]
		switch {
		case known == nil || known.Region != group.Region:
			return nil, refuse(http.StatusBadRequest, "linodes", "Linode not found in the group's region")
		case join && known.PlacementGroup != nil && known.PlacementGroup.ID != group.ID:
			return nil, refuse(http.StatusBadRequest, "linodes", "Linode is already in a Placement Group")
		case join:
			s.place(group, known)
		default:
			group.drop(id)
			known.PlacementGroup = nil
		}
	}
	return group, nil
}

// volume is block storage. It moves no data: the hosts do not see it.
type volume struct{ Volume }

func (s *Server) listVolumes(c *call) (any, *refusal) { return page(c, sorted(s.volumes)) }

func (s *Server) createVolume(c *call) (any, *refusal) {
	var asked struct {
		Label    string   `json:"label"`
		Region   string   `json:"region"`
		Size     int      `json:"size"`
		LinodeID *int     `json:"linode_id"`
		Tags     []string `json:"tags"`
	}
	if refused := c.decode(&asked); refused != nil {
		return nil, refused
	}
	known := s.instances[valueOr(asked.LinodeID, 0)]
	if known != nil {
		asked.Region = known.Region
	}
	var wrong problems
	if find(regions, asked.Region) == nil {
		wrong.add("region", "region is not valid")
	}
	if asked.Size == 0 {
		asked.Size = 20 // the document's default
	}
	if asked.Size < 10 || asked.Size > 16384 {
		wrong.add("size", "Size must be 10-16384")
	}
	if refused := wrong.refusal(); refused != nil {
		return nil, refused
	}
	made := &volume{Volume{
		ID: s.nextID(), Label: asked.Label, Status: "active", Created: now(), Updated: now(), Size: asked.Size, Region: asked.Region,
		FilesystemPath: "/dev/disk/by-id/scsi-0Linode_Volume_" + asked.Label, Tags: s.tag(asked.Tags), HardwareType: "nvme", Encryption: "disabled",
	}}
	made.attach(known)
	s.volumes[made.ID] = made
	s.note("volume_create", &Entity{Label: made.Label, ID: made.ID, Type: "volume", URL: fmt.Sprintf("/v4/volumes/%d", made.ID)})
	return made, nil
}

func valueOr(pointer *int, fallback int) int {
	if pointer == nil {
		return fallback
	}
	return *pointer
}

func (v *volume) attach(known *instance) {
	v.LinodeID, v.LinodeLabel = nil, nil
	if known != nil {
		id, label := known.ID, known.Label
		v.LinodeID, v.LinodeLabel = &id, &label
	}
}

func (s *Server) volume(c *call) (*volume, *refusal) {
	if known := s.volumes[c.id("volumeId")]; known != nil {
		return known, nil
	}
	return nil, notFound()
}

func (s *Server) getVolume(c *call) (any, *refusal) {
	known, refused := s.volume(c)
	if refused != nil {
		return nil, refused
	}
	return known, nil
}

func (s *Server) deleteVolume(c *call) (any, *refusal) {
	known, refused := s.volume(c)
	if refused != nil {
		return nil, refused
	}
	if known.LinodeID != nil {
		return nil, refuse(http.StatusBadRequest, "", "Volume must be detached before it can be deleted")
	}
	delete(s.volumes, known.ID)
	return struct{}{}, nil
}

func (s *Server) attachVolume(c *call) (any, *refusal) {
	known, refused := s.volume(c)
	if refused != nil {
		return nil, refused
	}
	var asked struct {
		LinodeID int `json:"linode_id"`
	}
	if refused := c.decode(&asked); refused != nil {
		return nil, refused
	}
	target := s.instances[asked.LinodeID]
	if target == nil || target.Region != known.Region {
		return nil, refuse(http.StatusBadRequest, "linode_id", "Linode not found in the volume's region")
	}
	known.attach(target)
	return known, nil
}

func (s *Server) detachVolume(c *call) (any, *refusal) {
	known, refused := s.volume(c)
	if refused != nil {
		return nil, refused
	}
	known.attach(nil)
	return struct{}{}, nil
}
