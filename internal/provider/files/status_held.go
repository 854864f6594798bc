// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package files

import (
	"time"

	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"

	modeltier "github.com/atollhq/terraform-provider-atoll/internal/model/tier"
	"github.com/atollhq/terraform-provider-atoll/internal/provider/base"
	"github.com/atollhq/terraform-provider-atoll/internal/provision"
)

// heldModel is what a tree, or an archive, holds, and the room where it lies.
type heldModel struct {
	SizeMiB     *int64  `tfsdk:"size_mib"`
	FreeMiB     *int64  `tfsdk:"free_mib"`
	FreeInodes  *int64  `tfsdk:"free_inodes"`
	FreePercent *int64  `tfsdk:"free_percent"`
	FullOn      *string `tfsdk:"full_on"`
	CountedAt   *string `tfsdk:"counted_at"`
	Whole       *bool   `tfsdk:"whole"`
	Files       *int64  `tfsdk:"files"`
	Bytes       *int64  `tfsdk:"bytes"`
	Days        *int64  `tfsdk:"days"`
	FirstDay    *string `tfsdk:"first_day"`
	LastDay     *string `tfsdk:"last_day"`
	Unread      *int64  `tfsdk:"unread"`
}

// heldAttributes are those of a tree, or of an archive.
func heldAttributes(tree, counted, limit string) map[string]schema.Attribute {
	return map[string]schema.Attribute{
		"size_mib":     base.TellsNumber("Size in MiB of the file system on which the " + tree + " lies; null where there is none."),
		"free_mib":     base.TellsNumber("Room in MiB that is left on it."),
		"free_inodes":  base.TellsNumber("Inodes that are left on it; null where they have no end."),
		"free_percent": base.TellsNumber("What is left of room and of inodes, the lesser of both, in percent."),
		"full_on": base.Tells("Day in UTC, such as 2026-12-24, on which it is full if it goes on filling as it did in the last one to seven days. " +
			"Null where less than a day is known, where it did not fill, and where that is more than a year away."),
		"counted_at": base.Tells("When the agent counted the " + tree + ", in UTC as RFC 3339, by its own clock: " + counted + ". Null before, then the rest is null, too."),
		"whole":      schema.BoolAttribute{Computed: true, Description: "Whether the " + limit + " sufficed to count all of it. If not, there is at least what was counted."},
		"files":      base.TellsNumber("Files in the " + tree + ", without what is ignored by the tier itself; what the patterns of ignore leave alone is counted."),
		"bytes":      base.TellsNumber("Length of all files together, of a file with several names as often."),
		"days":       base.TellsNumber("Directories of days in the " + tree + ", as in 2026/12/24; links to days are not counted."),
		"first_day":  base.Tells("The first of them; null where there is none."),
		"last_day":   base.Tells("The last of them; null where there is none."),
		"unread":     base.TellsNumber("Names and directories that could not be looked at."),
	}
}

// heldOf is what is known of a tree, or an archive: its room now, and the count.
func heldOf(disk provision.Disk, count modeltier.Count, now time.Time) heldModel {
	var found heldModel
	if disk.SizeKiB > 0 {
		size, free, left := disk.SizeKiB>>10, disk.FreeKiB>>10, disk.Left()
		found.SizeMiB, found.FreeMiB, found.FreePercent = &size, &free, &left
		if disk.Inodes > 0 {
			found.FreeInodes = &disk.FreeInodes
		}
		if full, is := modeltier.FullAt(count.Filling, uint64(disk.FreeKiB)<<10, now); is {
			day := full.UTC().Format(time.DateOnly)
			found.FullOn = &day
		}
	}
	if count.At.IsZero() {
		return found
	}
	at := moment(count.At)
	found.CountedAt, found.Whole, found.Files, found.Bytes, found.Days, found.Unread = &at, &count.Whole, &count.Files, &count.Bytes, &count.Days, &count.Unread
	if count.First != "" {
		found.FirstDay, found.LastDay = &count.First, &count.Last
	}
	return found
}
