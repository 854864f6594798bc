// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package files

import (
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/atollhq/terraform-provider-atoll/internal/provider/base"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/filetier"
)

func TestForms(t *testing.T) {
	for _, row := range []struct {
		form        base.Text
		good, wrong []string
	}{
		{schedule(), []string{"hourly", "daily", "weekly", "00:00", "23:59"}, []string{"", "24:00", "3:30", "03:60", "03:30:00", "daily\n", "*-*-* 03:30", "monthly-ish"}},
		{deletion(), []string{"a", "2026/01/02", "2026/01/02/a report.pdf", ".hidden", "a..b"},
			[]string{"", "/", "/etc", "a/", "a//b", "./a", "..", "../a", "a/../..", ".", ".tier", ".tier/name", ".tier-archive/replaced", "*.pdf", "a?", "[a]", `a\b`, "a\nb"}},
		{scrubSchedule(), []string{"never", "daily", "04:30"}, []string{"", "Never", "monthly", "never\n", "*:0/1"}},
		{treePath(), []string{"/srv/cold"}, []string{"", "/", "srv", "/srv/", "/etc/x", "/srv/a b"}},
	} {
		for _, value := range row.good {
			if err := row.form.Check(value); err != nil {
				t.Errorf("%q %v", value, err)
			}
		}
		for _, value := range row.wrong {
			if row.form.Check(value) == nil {
				t.Errorf("%q is taken", value)
			}
		}
	}
}

// What is not said of an archive is as it usually is, and 0 is not nothing.
func TestArchive(t *testing.T) {
	usual, known := (&tierModel{}).archive()
	if !known || usual.Calendar != "daily" || usual.ReserveMiB != 1024 || usual.BandwidthKiB != 0 {
		t.Errorf("%+v", usual)
	}
	own, known := (&tierModel{
		ColdSchedule: types.StringValue("03:30"), ColdReserveMiB: types.Int64Value(0), ColdBandwidthKiB: types.Int64Value(5),
		ColdDeletions: types.ListValueMust(types.StringType, []attr.Value{types.StringValue("a")}),
	}).archive()
	if !known || own.Calendar != "*-*-* 03:30:00" || own.ReserveMiB != 0 || own.BandwidthKiB != 5 || len(own.Deleted) != 1 {
		t.Errorf("%+v", own)
	}
	if _, known := (&tierModel{ColdReserveMiB: types.Int64Unknown()}).archive(); known {
		t.Error("what is not known yet is known")
	}
}

// An archive is read again unless somebody says that it is not.
func TestScrub(t *testing.T) {
	usual, known := (&tierModel{}).scrub()
	if !known || usual == nil || usual.Calendar != "*-*-* 04:30:00" || usual.Interval != 30*24*time.Hour {
		t.Errorf("%+v", usual)
	}
	own, _ := (&tierModel{ScrubSchedule: types.StringValue("weekly"), ScrubDays: types.Int64Value(7)}).scrub()
	if own == nil || own.Calendar != "weekly" || own.Interval != 7*24*time.Hour {
		t.Errorf("%+v", own)
	}
	if never, known := (&tierModel{ScrubSchedule: types.StringValue("never")}).scrub(); never != nil || !known {
		t.Errorf("%+v", never)
	}
	if _, known := (&tierModel{ScrubDays: types.Int64Unknown()}).scrub(); known {
		t.Error("what is not known yet is known")
	}
}

func TestLone(t *testing.T) {
	with := filetier.Tier{Nodes: map[string]filetier.Node{"a": {Cold: "/srv/cold"}}}
	without := filetier.Tier{Nodes: map[string]filetier.Node{"a": {Hot: "/srv/hot"}}}
	for _, row := range []struct {
		plan tierModel
		tier filetier.Tier
		want string
	}{
		{tierModel{}, without, ""},
		{tierModel{ColdSchedule: types.StringValue("daily")}, without, "cold_schedule"},
		{tierModel{ColdReserveMiB: types.Int64Value(0)}, without, "cold_reserve_mib"},
		{tierModel{ScrubDays: types.Int64Value(7)}, without, "scrub_days"},
		{tierModel{ScrubSchedule: types.StringValue("never")}, without, "scrub_schedule"},
		{tierModel{ColdSchedule: types.StringValue("daily")}, with, ""},
	} {
		if got := lone(&row.plan, row.tier); got != row.want {
			t.Errorf("%q, want %q", got, row.want)
		}
	}
}
