// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package linode

import (
	"maps"
	"net/http"
	"slices"
	"strings"
)

const username = "atoll"

func (s *Server) getProfile(*call) (any, *refusal) {
	return map[string]any{
		"username": username, "email": "atoll@example.com", "timezone": "UTC", "email_notifications": true, "referrals": map[string]any{
			"code": "", "url": "", "total": 0, "completed": 0, "pending": 0, "credit": 0,
		}, "ip_whitelist_enabled": false, "lish_auth_method": "keys_only", "authorized_keys": []string{}, "two_factor_auth": true,
		"restricted": false, "uid": 1, "authentication_type": "password", "verified_phone_number": nil,
	}, nil
}

// tag normalises tags and enters new ones in the account's list. They are
// case-insensitive: the account keeps the spelling that it saw first.
func (s *Server) tag(tags []string) []string {
	all := []string{}
	for _, tag := range tags {
		tag = strings.TrimSpace(tag)
		known := s.tags[strings.ToLower(tag)]
		if known == "" {
			known = tag
		}
		if tag != "" && !slices.Contains(all, known) {
			all = append(all, known)
			s.tags[strings.ToLower(tag)] = known
		}
	}
	slices.Sort(all)
	return all
}

type tagShown struct {
	Label string `json:"label"`
}

func (s *Server) listTags(c *call) (any, *refusal) {
	all := []tagShown{}
	for _, tag := range slices.Sorted(maps.Values(s.tags)) {
		all = append(all, tagShown{tag})
	}
	return page(c, all)
}

func (s *Server) createTag(c *call) (any, *refusal) {
	var asked struct {
		Label   string `json:"label"`
		Linodes []int  `json:"linodes"`
	}
	if refused := c.decode(&asked); refused != nil {
		return nil, refused
	}
	if len(asked.Label) < 3 || len(asked.Label) > 50 {
		return nil, refuse(http.StatusBadRequest, "label", "Length must be 3-50 characters")
	}
	s.tag([]string{asked.Label})
	for _, id := range asked.Linodes {
		if known := s.instances[id]; known != nil {
			known.Tags = s.tag(append(known.Tags, asked.Label))
		}
	}
	return tagShown{asked.Label}, nil
}
