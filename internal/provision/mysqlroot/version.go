// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package mysqlroot

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
)

// Version of a MySQL server.
type Version struct{ Major, Minor, Patch int }

var versionPattern = regexp.MustCompile(`(\d+)\.(\d+)\.(\d+)`)

// ParseVersion finds the version in what mysqld or dpkg print ("9.7.4-2",
// "8.0.40-0ubuntu0.22.04.1"). The zero Version is one that is not known.
func ParseVersion(text string) Version {
	found := versionPattern.FindStringSubmatch(text)
	if found == nil {
		return Version{}
	}
	var v Version
	for i, part := range []*int{&v.Major, &v.Minor, &v.Patch} {
		*part, _ = strconv.Atoi(found[i+1])
	}
	return v
}

func (v Version) String() string { return fmt.Sprintf("%d.%d.%d", v.Major, v.Minor, v.Patch) }

// Known says whether there is a version at all.
func (v Version) Known() bool { return v != Version{} }

// Before says whether v is older than the given release.
func (v Version) Before(major, minor, patch int) bool {
	return v.compare(Version{major, minor, patch}) < 0
}

func (v Version) compare(other Version) int {
	return cmp.Or(cmp.Compare(v.Major, other.Major), cmp.Compare(v.Minor, other.Minor), cmp.Compare(v.Patch, other.Patch))
}

// ErrRouterOlder says that a router is of an older series than a server that it is to
// lead to.
var ErrRouterOlder = errors.New("MySQL Router refuses servers of a newer series than its own")

// OfOlderSeries says whether v is of a series, major and minor, before that of another
// version: MySQL Router leads to servers of its own series and of all before.
func (v Version) OfOlderSeries(other Version) bool {
	return cmp.Or(cmp.Compare(v.Major, other.Major), cmp.Compare(v.Minor, other.Minor)) < 0
}

// Supported refuses what the tables here do not cover. The MYSQL communication
// stack, which Atoll uses, exists from 8.0.27 on.
func (v Version) Supported() error {
	switch {
	case v.Before(8, 0, 27):
		return fmt.Errorf("version %s is too old: Atoll needs MySQL 8.0.27 or later (for group_replication_communication_stack = MYSQL)", v)
	case v.Major > 9:
		return fmt.Errorf("version %s is newer than this release of Atoll knows: use MySQL 8.0, 8.4 or 9.x", v)
	}
	return nil
}

// Compatible refuses versions that cannot live in one group: a group runs as
// its lowest version, and spans one step of the series 8.0, 8.4, 9.x at most.
func Compatible(versions map[string]string) error {
	lowest, highest := "", ""
	for _, key := range slices.Sorted(maps.Keys(versions)) {
		version := ParseVersion(versions[key])
		if lowest == "" || version.compare(ParseVersion(versions[lowest])) < 0 {
			lowest = key
		}
		if highest == "" || version.compare(ParseVersion(versions[highest])) > 0 {
			highest = key
		}
	}
	if lowest == "" {
		return nil
	}
	low, high := ParseVersion(versions[lowest]), ParseVersion(versions[highest])
	if low.Before(8, 1, 0) && !high.Before(9, 0, 0) {
		return fmt.Errorf("members' versions are too far apart: %s has %s and %s has %s; upgrade %[1]s to 8.4 first", lowest, low, highest, high)
	}
	return nil
}
