// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package lab

import (
	"slices"
	"time"
)

// Config is what a lab is brought up with.
type Config struct {
	Name  string     `json:"name"`
	Root  RootKind   `json:"root"`
	Hosts []HostSpec `json:"hosts"`
	// DiskMiB is the size of each host's disk. The image is sparse.
	DiskMiB int64 `json:"disk_mib"`
	// OneWay, when set, is the delay of every link, one way, instead of the
	// delays of the default site.
	OneWay time.Duration `json:"one_way"`
}

// kind of a host's root. One from the hoster's API needs cloud-init.
func (c Config) kind(spec HostSpec) RootKind {
	switch {
	case spec.Root != "":
		return spec.Root
	case spec.Cloud != nil && c.Root == Stock:
		return Bare
	}
	return c.Root
}

// kinds of roots that the lab boots from.
func (c Config) kinds() []RootKind {
	all := []RootKind{c.Root}
	for _, spec := range c.Hosts {
		all = append(all, c.kind(spec))
	}
	slices.Sort(all)
	return slices.Compact(all)
}
