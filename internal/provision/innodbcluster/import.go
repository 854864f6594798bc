// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package innodbcluster

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/mysqld"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/mysqlroot"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/preflight"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// sourceFile is what a server verifies a source by while it clones it.
const sourceFile = "/etc/mysql/atoll/source.pem"

// LookAtSource says at plan time why the declared source cannot be cloned, and what
// has to be done until an apply. It is asked from the machine of a member, whose server
// need not be there yet.
func LookAtSource(ctx context.Context, c Cluster, key string, host remote.Host, seen Observation) (later, err error) {
	source := c.Options.ImportFrom
	found, err := askSource(ctx, host, *source)
	if err != nil {
		return nil, err
	}
	to := recipient{key: key}
	if _, loaded := seen.Variables["group_replication_group_name"]; loaded && seen.Answers {
		to, err = askRecipient(ctx, key, host)
	} else {
		to.room, err = askRoom(ctx, host)
	}
	if err != nil {
		return nil, err
	}
	later = source.refuses(found, to)
	found.SuperReadOnly, found.Facts.Channels = 1, nil
	if err := source.refuses(found, to); err != nil {
		return nil, err
	}
	return later, nil
}

// askRoom asks how large a copy a machine holds, whose server need not be there.
func askRoom(ctx context.Context, host remote.Host) (*uint64, error) {
	facts, err := converge.Ask(ctx, host, preflight.Question())
	if err != nil {
		return nil, err
	}
	room := facts.Room()
	return &room, nil
}

func askRecipient(ctx context.Context, key string, host remote.Host) (recipient, error) {
	session, err := connect(key, host)
	if err != nil {
		return recipient{}, err
	}
	defer session.Close()
	text, err := session.Text(ctx, "asking for the plugins", "SELECT JSON_OBJECT('version', @@version, 'plugins', "+pluginsOf+")")
	if err != nil {
		return recipient{}, err
	}
	var said struct {
		Version string
		Plugins []string
	}
	if err := json.Unmarshal([]byte(text), &said); err != nil {
		return recipient{}, fmt.Errorf("%w: %w", mysqlroot.ErrNotWhole, err)
	}
	to := recipient{key: key, version: said.Version, plugins: said.Plugins}
	if slices.Contains(said.Plugins, "clone") {
		// One that a kill of the server ended has an error beside it.
		copying, err := session.Text(ctx, "asking for a clone at work", "SELECT COUNT(*) FROM performance_schema.clone_status WHERE state = 'In Progress' AND error_no = 0")
		if err != nil || copying != "0" {
			return to, err
		}
	}
	to.room, err = askRoom(ctx, host)
	return to, err
}

// imports begins the group with a copy of what a source has. Ended anywhere before the
// group is there, the next apply looks again: a copy that is not whole is made anew.
func (r *run) imports(ctx context.Context, o Import) error {
	source, host := *r.cluster.Options.ImportFrom, r.hosts[o.Member]
	to, err := askRecipient(ctx, o.Member, host)
	if err != nil {
		return err
	}
	drained := func() (sourceFacts, error) {
		found, err := askSource(ctx, host, source)
		if err != nil {
			return found, err
		}
		return found, source.refuses(found, to)
	}
	found, err := drained()
	if err != nil {
		return err
	}
	whole, err := r.awaitCopy(ctx, o.Member)
	if err != nil {
		return err
	}
	if whole {
		if r.seen[o.Member] = observe(ctx, host); r.seen[o.Member].Err != nil {
			return r.seen[o.Member].Err
		}
	}
	if r.seen[o.Member].Cloned != o.Source || r.wholeCopy(ctx, o.Member, found) != nil {
		if err := r.copySource(ctx, o.Member, source); err != nil {
			return err
		}
	}
	// What was written meanwhile, by whoever opened the source again, is missing.
	if found, err = drained(); err != nil {
		return err
	}
	if err := r.wholeCopy(ctx, o.Member, found); err != nil {
		return err
	}
	if r.seen[o.Member] = observe(ctx, host); r.seen[o.Member].Err != nil {
		return r.seen[o.Member].Err
	}
	return r.bootstrap(ctx, o.Member, r.cluster.keys())
}

// awaitCopy waits for a clone that is at work: a server goes on with it when the apply
// that began it was ended. whole says that there was one and that all came; what else
// became of it is looked at afterwards.
func (r *run) awaitCopy(ctx context.Context, key string) (whole bool, err error) {
	member, err := r.server(key)
	if err != nil {
		return false, err
	}
	atWork, err := member.Text(ctx, "asking for a clone at work", "SELECT COUNT(*) FROM performance_schema.clone_status WHERE state = 'In Progress'")
	if err != nil || atWork == "0" {
		return false, err
	}
	err = r.cloned(ctx, key, "1970-01-01", nil)
	if errors.Is(err, ErrClone) {
		return false, nil
	}
	return err == nil, err
}

// wholeCopy is an error where a member lacks a transaction of the source's.
func (r *run) wholeCopy(ctx context.Context, key string, found sourceFacts) error {
	member, err := r.reconnect(key)
	if err != nil {
		return err
	}
	lacks, err := member.Text(ctx, "comparing it with the source", "SELECT REPLACE(GTID_SUBTRACT(?, @@global.gtid_executed), '\n', '')", found.Executed)
	if err == nil && lacks != "" {
		err = fmt.Errorf("member %s: %w: the source has transactions that the copy has not: %s. Drain the source (SET PERSIST super_read_only = ON) and apply again", key, ErrClone, lacks)
	}
	return err
}

// copySource clones a source onto a member that has no data, or an earlier copy.
func (r *run) copySource(ctx context.Context, key string, source Source) error {
	from := origin{name: "the source " + source.Endpoint(), address: source.Address, port: source.Port, user: source.User, password: source.Password}
	if source.CA != "" {
		from.ca = sourceFile
		if err := converge.Apply(ctx, r.hosts[key], converge.Manifest{Owner: mysqld.Owner}, []converge.Step{
			converge.WriteStep(converge.File{Path: sourceFile, Mode: 0o644, Content: []byte(source.CA)}),
		}); err != nil {
			return err
		}
	}
	return r.copyOf(ctx, key, from)
}
