// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

// Package sitestatus asks a whole site how it is: each machine once, all at the
// same time, whatever stands on it. Nothing is changed and nothing compared with
// what is declared beyond who belongs to it.
package sitestatus

import (
	"context"
	"errors"
	"time"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/mysqlrouter"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/tinc"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// Site is who belongs to it, by names of the user's own.
type Site struct {
	// Machines by name.
	Machines map[string]remote.Target
	// Mesh with its peers; the zero Mesh has none.
	Mesh tinc.Mesh
	// Members are "address:port" of the database's members, by name.
	Members map[string]string
	// PeerAt and MemberAt have the machine's name for each peer and member.
	PeerAt, MemberAt map[string]string
}

// Answer is what one machine said.
type Answer struct {
	// Err says why it said nothing; then the rest is empty.
	Err error
	Machine
	// Ahead is how much its clock is ahead of ours, give or take Within: half of what
	// the answer took.
	Ahead, Within time.Duration
	// Owners are the records of what Atoll has there.
	Owners []string
	// Reach is whom it reaches over the mesh, by the names of peers.
	Reach tinc.Reach
	// Database is nil on a machine without a member; DatabaseErr is why a member's
	// server said nothing.
	Database    *Database
	DatabaseErr error
	// Routers are those of the machine; none on one without.
	Routers mysqlrouter.Running
}

// owner is under which the questions are put together; nothing is recorded.
const owner = "site-status"

// Ask asks one machine: one round trip beside the connection.
func (s Site) Ask(ctx context.Context, host remote.Host, name string) Answer {
	peer, isPeer := keyOf(s.PeerAt, name)
	_, isMember := keyOf(s.MemberAt, name)
	manifest := converge.Manifest{Owner: owner, Items: []converge.Item{machineQuestion(), converge.OwnersQuestion(), mysqlrouter.RunningQuestion()}}
	if isPeer {
		manifest.Items = append(manifest.Items, s.Mesh.ReachQuestion(peer))
	}
	if isMember {
		manifest.Items = append(manifest.Items, databaseQuestion())
	}
	observation, err := converge.Observe(ctx, host, manifest)
	if err != nil {
		return Answer{Err: err}
	}
	var answer Answer
	var problems [4]error
	answer.Machine, problems[0] = machineQuestion().Answer(observation)
	answer.Owners, problems[1] = converge.OwnersQuestion().Answer(observation)
	answer.Routers, problems[2] = mysqlrouter.RunningQuestion().Answer(observation)
	if isPeer {
		answer.Reach, problems[3] = s.Mesh.ReachQuestion(peer).Answer(observation)
	}
	if err := errors.Join(problems[:]...); err != nil {
		return Answer{Err: err}
	}
	if isMember {
		database, err := databaseQuestion().Answer(observation)
		answer.Database, answer.DatabaseErr = &database, err
	}
	answer.Ahead, answer.Within = answer.Now.Sub(observation.At), observation.Within
	return answer
}

// keyOf finds the peer or member that is on a machine.
func keyOf(at map[string]string, machine string) (key string, found bool) {
	for key, name := range at {
		if name == machine {
			return key, true
		}
	}
	return "", false
}
