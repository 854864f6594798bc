// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package provision

// Disk is a file system and what is left of it for all but root.
type Disk struct {
	Mount      string
	SizeKiB    int64
	FreeKiB    int64
	Inodes     int64
	FreeInodes int64
}

// Left says how much of room and inodes is left, the lesser of both, in percent.
// A file system that counts no inodes has as many as it likes.
func (d Disk) Left() int64 {
	left := int64(100)
	if d.SizeKiB > 0 {
		left = d.FreeKiB * 100 / d.SizeKiB
	}
	if d.Inodes > 0 {
		left = min(left, d.FreeInodes*100/d.Inodes)
	}
	return left
}
