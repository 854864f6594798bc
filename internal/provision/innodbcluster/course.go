// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package innodbcluster

import (
	"maps"
	"slices"

	"github.com/atollhq/terraform-provider-atoll/internal/provision"
)

// Step is one operation on an apply's way.
type Step struct {
	Operation provision.Operation
	// Online are the endpoints of the members that are ONLINE after it.
	Online []string
}

// Way is how an apply comes from former members, of which some endpoints are
// ONLINE, to those that are declared, of which anew are keys whose servers are created
// in it. A key is a name in Terraform: only an endpoint that is declared no more is a
// member that goes, or one whose server is created again. Terraform destroys
// its server before it updates the cluster, so it goes before the others come.
func Way(former, declared map[string]Member, anew, online []string) []provision.Operation {
	var leaves, joins []provision.Operation
	stays := map[string]bool{}
	for _, key := range slices.Sorted(maps.Keys(declared)) {
		endpoint := declared[key].Endpoint()
		stays[endpoint] = !slices.Contains(anew, key)
		if !stays[endpoint] || !slices.Contains(online, endpoint) {
			joins = append(joins, Join{Member: key})
		}
	}
	for _, key := range slices.Sorted(maps.Keys(former)) {
		if endpoint := former[key].Endpoint(); !stays[endpoint] && slices.Contains(online, endpoint) {
			leaves = append(leaves, Leave{endpoint})
		}
	}
	return append(leaves, joins...)
}

// Course says which members are ONLINE after each of the operations, as each
// ends well. members has the endpoint of each key that the operations name.
func Course(operations []provision.Operation, members map[string]Member, online []string) []Step {
	var course []Step
	now := map[string]bool{}
	for _, endpoint := range online {
		now[endpoint] = true
	}
	for _, operation := range operations {
		switch o := operation.(type) {
		case Leave:
			delete(now, o.Endpoint)
		case Bootstrap:
			now[members[o.Member].Endpoint()] = true
		case Reboot:
			now[members[o.Member].Endpoint()] = true
		case Join:
			now[members[o.Member].Endpoint()] = true
		case Replace:
			now[members[o.Member].Endpoint()] = true
		case Await:
			now[members[o.Member].Endpoint()] = true
		}
		course = append(course, Step{operation, slices.Sorted(maps.Keys(now))})
	}
	return course
}

// Thin is the step after which fewest members are ONLINE, where those are fewer
// than a majority of the declared ones plus one: then the loss of one more stops
// the site. before counts those that are ONLINE now: an apply is not blamed for
// what it finds, nor for a smaller cluster that is declared.
func Thin(course []Step, before, declared int) (thin Step, found bool) {
	needed := min(declared/2+2, declared, before)
	for _, step := range course {
		if len(step.Online) < needed && (!found || len(step.Online) < len(thin.Online)) {
			thin, found = step, true
		}
	}
	return thin, found
}

// Danger is what the thinnest step of an apply's course means to the site.
type Danger int

// The dangers. Of AllAnew and Forsaken a plan is refused.
const (
	// Safe: as many members stay as the apply found, or as are needed.
	Safe Danger = iota
	// Thinner: the loss of one more would stop the site.
	Thinner
	// Forsaken: no member that is ONLINE is declared, so the data would stay behind.
	Forsaken
	// AllAnew: the servers of all members that are ONLINE are created again. The last of
	// them is not destroyed as long as its cluster counts on others.
	AllAnew
	// OnlyAnew: the same of a cluster of one, which stands still meanwhile.
	OnlyAnew
)

// Judge says what a course of Way means. whole says that the endpoints of all declared
// members are known: one that is not may be that of a member.
func Judge(course []Step, former, declared map[string]Member, online []string, count int, whole bool) (Step, Danger) {
	thin, found := Thin(course, len(online), count)
	if !found {
		return thin, Safe
	}
	kept := slices.ContainsFunc(slices.Collect(maps.Values(declared)), func(member Member) bool { return slices.Contains(online, member.Endpoint()) })
	switch {
	case len(thin.Online) > 0:
		return thin, Thinner
	case kept && len(former) == 1:
		return thin, OnlyAnew
	case kept:
		return thin, AllAnew
	case whole:
		return thin, Forsaken
	}
	return thin, Thinner
}
