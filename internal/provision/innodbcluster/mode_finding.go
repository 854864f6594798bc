// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package innodbcluster

import (
	"fmt"
	"slices"
	"strings"

	"github.com/atollhq/terraform-provider-atoll/internal/provision"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/group"
)

// fullStop finds what all members have to have alike, so that it changes only
// with all of them stopped. Nothing else is done meanwhile: a member that went out
// could not come back.
func (d *diagnosing) fullStop() bool {
	var names []string
	keys := d.cluster.keys()
	if at := slices.Index(keys, d.Primary); at >= 0 {
		keys = append(slices.Delete(keys, at, at+1), d.Primary) // last, so that it has all
	}
	for _, key := range keys {
		seen := d.seen[key]
		if !seen.group().Own().Online() {
			continue
		}
		for _, want := range d.cluster.variables(key, "") {
			if is := seen.effective(want.name); want.takes == fullStop && is != "" && want.differs(is) {
				names = append(names, want.name)
				var mend provision.Operation
				if d.cluster.Options.AllowFullStop {
					mend = Halt{key}
				}
				d.find(mend, key, CodeFullStop, "variable %s: is %s, want %s, and for that the whole group is stopped and started again, about half a minute without a database", want.name, is, want.value)
			}
		}
	}
	slices.Sort(names)
	switch {
	case len(names) == 0:
	case !d.cluster.Options.AllowFullStop:
		d.refuse(fmt.Errorf("%w: %s. Set allow_full_stop = true and apply at a time at which nobody needs the database: all data stay", ErrFullStop, strings.Join(slices.Compact(names), ", ")))
	default:
		d.refuse(d.strangers())
	}
	return len(names) > 0
}

// strangers refuses to stop a group that has members of which only it knows.
func (d *diagnosing) strangers() error {
	for _, member := range d.view {
		if d.cluster.keyOf(member.Endpoint()) == "" {
			return fmt.Errorf("%w, and %s is in it and not declared. Take it out in an apply of its own first", ErrFullStop, member.Endpoint())
		}
	}
	return nil
}

// mode finds a group in which every member takes writes and one should, or the
// other way round. A member that is out cannot come back by the settings of ours,
// so that goes first.
func (d *diagnosing) mode(authority Observation) bool {
	want := d.cluster.Options.MultiPrimary
	is := authority.Variables["group_replication_single_primary_mode"] == "OFF"
	if is == want {
		return false
	}
	var mend provision.Operation
	switch {
	case slices.ContainsFunc(d.view, func(m group.Member) bool { return !m.Online() }): // which the switch waits for
	case want:
		mend = MultiPrimary{d.Primary}
	default:
		mend = SinglePrimary{d.Primary}
	}
	d.find(mend, "group", CodePrimary, "runs in %s mode, want %s", modeName(is), modeName(want))
	return true
}

func modeName(multiPrimary bool) string {
	if multiPrimary {
		return "multi-primary"
	}
	return "single-primary"
}

// rowMode is the metadata's word for it.
func (c Cluster) rowMode() string {
	if c.Options.MultiPrimary {
		return "mm"
	}
	return "pm"
}

// role finds another member taking writes than the declared one. That is put
// right when nothing else is to be done.
func (d *diagnosing) role() {
	wanted := d.cluster.Options.Primary
	if wanted == "" || d.cluster.Options.MultiPrimary || d.electing || d.Primary == wanted || d.Members[wanted].State != "ONLINE" {
		return
	}
	var mend provision.Operation = Promote{wanted}
	if operations, _ := d.Operations(); len(operations) > 0 {
		mend = nil
	}
	d.find(mend, "primary", CodePrimary, "is %s, want %s", d.Primary, wanted)
}

// hidden finds members that routers use and should not, or the other way round, and
// those that keep their sessions then and should not.
func (d *diagnosing) hidden(authority Observation) {
	options := d.cluster.Options
	if options.Hidden == nil && options.Draining == nil {
		return
	}
	for _, row := range authority.Instances {
		key := d.cluster.keyOf(row.Address)
		drains := slices.Contains(options.Draining, key)
		want, is := drains || slices.Contains(options.Hidden, key), row.Attributes.Tags.Hidden == true
		keeps := row.Attributes.Tags.Disconnect == false
		if options.Hidden == nil && !drains && !keeps {
			want = is // others hid it
		}
		mend := Hide{Member: key, Hidden: want, Draining: drains}
		switch {
		case key == "":
		case want && !is:
			d.find(mend, key, CodeMetadata, "is used by routers, want hidden from them")
		case is && !want:
			d.find(mend, key, CodeMetadata, "is hidden from routers, want used by them")
		case want && options.Draining != nil && drains && !keeps:
			d.find(mend, key, CodeMetadata, "loses its sessions while it is hidden, want that it keeps them")
		case want && options.Draining != nil && !drains && keeps:
			d.find(mend, key, CodeMetadata, "keeps its sessions while it is hidden, want that it loses them")
		}
	}
}
