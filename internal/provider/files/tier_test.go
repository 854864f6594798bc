// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package files

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/atollhq/terraform-provider-atoll/internal/provider/base"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/filetier"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
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
		{treePath(), []string{"/srv", "/srv/cold", "/data", "/home/deploy/files", "/mnt/x", "/media/x", "/opt/x", "/usr/local/x", "/var/www", "/var/lib/files", "/var/lib/mysqld", "/srv/root", "/srv/.sshd", "/srv/" + strings.Repeat("a", 255)},
			[]string{"", "/", "srv", "/srv/", "/etc/x", "/srv/a b"}},
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

// A tier has a directory of its own: what belongs to the machine, to a login or to nobody for
// long is refused, and so is what no file system takes.
func TestTreePath(t *testing.T) {
	long := strings.Repeat("a", 256)
	for want, paths := range map[string][]string{
		"holds or is a part of /var/log, which belongs to the machine itself": {"/var/log", "/var/log/app"},
		"which belongs to the machine itself":                                 {"/etc/x", "/usr", "/usr/share", "/usr/lib/x", "/boot", "/dev/shm", "/sys", "/proc", "/run/x", "/lib64", "/var", "/var/lib", "/var/lib/mysql", "/var/lib/mysql/x", "/var/lib/apt", "/var/lib/systemd/x", "/var/lib/atoll/x", "/var/lib/dpkg"},
		"where the machine deletes what is old":                               {"/tmp", "/tmp/x", "/var/tmp/x"},
		"is the home of a login":                                              {"/root", "/root/files", "/home/deploy"},
		"holds the keys of a login as .ssh":                                   {"/home/deploy/.ssh", "/srv/.ssh/x"},
		"holds the keys of a login as .gnupg":                                 {"/home/deploy/.gnupg"},
		"such as /home/files, or /srv/files":                                  {"/home"},
		"is where several have directories of their own":                      {"/mnt", "/media", "/opt", "/usr/local"},
		"must have names of at most 255 bytes":                                {"/srv/" + long, "/" + long + "/x"},
		"must have at most 4095 bytes":                                        {"/srv" + strings.Repeat("/"+long[:200], 21)},
	} {
		for _, value := range paths {
			if err := treePath().Check(value); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%.80q: %v, want %q", value, err, want)
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

// nodesOf are nodes that have a hot of their own, or none: "" for none, "?" for one
// that is not known yet.
func nodesOf(hots map[string]string) types.Map {
	kinds := map[string]attr.Type{"hot": types.StringType}
	elements := map[string]attr.Value{}
	for name, hot := range hots {
		value := types.StringNull()
		switch hot {
		case "":
		case "?":
			value = types.StringUnknown()
		default:
			value = types.StringValue(hot)
		}
		elements[name] = types.ObjectValueMust(kinds, map[string]attr.Value{"hot": value})
	}
	return types.MapValueMust(types.ObjectType{AttrTypes: kinds}, elements)
}

// A hub has a hot tree where any node has one.
func TestHub(t *testing.T) {
	all := nodesOf(map[string]string{"a": "", "b": "", "c": ""})
	some := nodesOf(map[string]string{"a": "", "b": "/srv/files", "c": "/srv/files"})
	hot := types.StringValue("/srv/files")
	for _, row := range []struct {
		name        string
		config      tierModel
		plan, state *tierModel
		want        types.String
	}{
		{"the first", tierModel{}, &tierModel{Nodes: all, Hot: hot}, nil, types.StringValue("a")},
		{"the first of archives", tierModel{}, &tierModel{Nodes: all}, nil, types.StringValue("a")},
		{"the first that has a hot", tierModel{}, &tierModel{Nodes: some}, nil, types.StringValue("b")},
		{"the one that was", tierModel{}, &tierModel{Nodes: some}, &tierModel{Hub: types.StringValue("c")}, types.StringValue("c")},
		{"the one that was, and only keeps the archive", tierModel{}, &tierModel{Nodes: some}, &tierModel{Hub: types.StringValue("a")}, types.StringValue("b")},
		{"the one that was, of archives", tierModel{}, &tierModel{Nodes: all}, &tierModel{Hub: types.StringValue("c")}, types.StringValue("c")},
		{"what was written", tierModel{Hub: types.StringValue("a")}, &tierModel{Nodes: some}, nil, types.StringValue("a")},
		{"pairs", tierModel{}, &tierModel{Nodes: some, Pairs: types.ListValueMust(types.StringType, nil)}, nil, types.StringNull()},
		{"a hot that is not known yet", tierModel{}, &tierModel{Nodes: nodesOf(map[string]string{"a": "?", "b": "/srv/files"})}, nil, types.StringUnknown()},
		{"a hot that is not known yet, and another for all", tierModel{}, &tierModel{Nodes: nodesOf(map[string]string{"a": "?", "b": ""}), Hot: hot}, nil, types.StringValue("a")},
		{"a hot for all that is not known yet", tierModel{}, &tierModel{Nodes: some, Hot: types.StringUnknown()}, nil, types.StringUnknown()},
	} {
		if got := hub(&base.Change[tierModel]{Config: &row.config, Plan: row.plan, State: row.state}); !got.Equal(row.want) {
			t.Errorf("%s: %s, want %s", row.name, got, row.want)
		}
	}
}

func TestHotless(t *testing.T) {
	with := filetier.Tier{Nodes: map[string]filetier.Node{"a": {Cold: "/srv/cold"}, "b": {Cold: "/srv/cold", Hot: "/srv/hot"}}}
	without := filetier.Tier{Nodes: map[string]filetier.Node{"a": {Cold: "/srv/cold"}}}
	for _, row := range []struct {
		config tierModel
		tier   filetier.Tier
		want   string
	}{
		{tierModel{}, without, ""},
		{tierModel{Conflicts: types.StringValue("keep")}, without, "conflicts"},
		{tierModel{Initial: types.StringValue("merge")}, without, "initial"},
		{tierModel{Ignore: types.ListValueMust(types.StringType, nil)}, without, "ignore"},
		{tierModel{Conflicts: types.StringValue("keep"), Initial: types.StringValue("merge")}, with, ""},
	} {
		if got := hotless(&row.config, row.tier); got != row.want {
			t.Errorf("%q, want %q", got, row.want)
		}
	}
}

// A tree stays where it is; a node may get one that it had not. What the tier's own
// attribute does to several nodes is one error, where it is written.
func TestMovedTrees(t *testing.T) {
	nodes := func(hot, cold string, names ...string) filetier.Tier {
		tier := filetier.Tier{Nodes: map[string]filetier.Node{}}
		for _, name := range names {
			tier.Nodes[name] = filetier.Node{Target: remote.Target{Host: name + ".example"}, Hot: hot, Cold: cold}
		}
		return tier
	}
	const shared, own = "cold", ""
	for _, row := range []struct {
		was, is filetier.Tier
		shared  string
		at      path.Path
		want    string
	}{
		{nodes("/srv/hot", "/srv/cold", "a", "b"), nodes("/srv/hot", "/srv/cold", "a", "b"), shared, path.Empty(), ""},
		{nodes("/srv/hot", "/srv/cold", "a"), nodes("/srv/hot", "", "a"), own, path.Empty(), ""},
		{nodes("", "/srv/cold", "a"), nodes("/srv/hot", "/srv/cold", "a"), own, path.Empty(), ""},
		{nodes("/srv/hot", "/srv/cold", "a"), nodes("/srv/other", "/srv/cold", "a"), own, path.Root("nodes").AtMapKey("a"),
			`hot = "/srv/other" for node "a", and the tree is /srv/hot. Write hot = "/srv/hot" again. Where it is really to be so, take the node out of nodes, apply, move the directory, and add the node again.`},
		{nodes("/srv/hot", "/srv/cold", "a"), nodes("", "/srv/cold", "a"), own, path.Root("nodes").AtMapKey("a"), `hot is taken out for node "a", and the tree is /srv/hot. Write hot = "/srv/hot" again.`},
		{nodes("/srv/hot", "/srv/cold", "a"), nodes("", "/srv/cold", "a"), "hot", path.Root("hot"), `hot is taken out, and the tree is /srv/hot on a. Write hot = "/srv/hot" again.`},
		{nodes("", "/srv/cold", "a", "b", "c"), nodes("", "/srv/coldd", "a", "b", "c"), shared, path.Root("cold"),
			`cold = "/srv/coldd", and the archive is /srv/cold on a, b, c. Write cold = "/srv/cold" again. Where it is really to be so, destroy the tier, which keeps every file, move the directory on each machine, and declare it anew.`},
	} {
		var diags diag.Diagnostics
		for _, moved := range movedTrees(row.was, row.is, func(_, attribute string) bool { return attribute == row.shared }) {
			moved.refuse(&diags, &tierModel{})
		}
		if row.want == "" {
			if diags.HasError() {
				t.Errorf("%v to %v: %s", row.was, row.is, diags)
			}
			continue
		}
		title := map[bool]string{true: "An Archive Is", false: "A Tree Is"}[strings.HasPrefix(row.want, "cold")]
		if len(diags) != 1 || !strings.Contains(fmt.Sprint(diags), row.want) || !strings.HasPrefix(diags[0].Summary(), title) {
			t.Errorf("%v to %v: %s", row.was, row.is, diags)
		} else if at, is := diags[0].(diag.DiagnosticWithPath); !is || !at.Path().Equal(row.at) {
			t.Errorf("%v to %v: %s", row.was, row.is, diags)
		}
	}
}

// An error stands at the attribute that has to be another: the node's own where it has one.
func TestAt(t *testing.T) {
	model := &tierModel{Nodes: nodesOf(map[string]string{"a": "/srv/own", "b": ""})}
	for want, got := range map[string]path.Path{
		`nodes["a"].hot`: model.at("a", "hot"), "hot": model.at("b", "hot"), `nodes["b"]`: model.at("b", ""), "cold": model.at("a", "cold"), "initial": model.at("", "initial"), "hub": model.at("", "pairs"),
	} {
		if got.String() != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

// Pairs without one are refused with what to do, and what is left out or not known is not.
func TestNoPairs(t *testing.T) {
	of := types.ListType{ElemType: types.StringType}
	pair := types.ListValueMust(types.StringType, []attr.Value{types.StringValue("a"), types.StringValue("b")})
	for want, pairs := range map[string]types.List{
		"":   types.ListNull(of),
		" ":  types.ListUnknown(of),
		"  ": types.ListValueMust(of, []attr.Value{pair}),
		"pairs = [] keeps no two nodes in step: leave pairs out, and all nodes are kept in step with the hub, or": types.ListValueMust(of, []attr.Value{}),
	} {
		var resp validator.ListResponse
		some{}.ValidateList(t.Context(), validator.ListRequest{Path: path.Root("pairs"), ConfigValue: pairs}, &resp)
		want = strings.TrimSpace(want)
		if resp.Diagnostics.HasError() != (want != "") || !strings.Contains(fmt.Sprint(resp.Diagnostics), want) {
			t.Errorf("%s: %v", pairs, resp.Diagnostics)
		}
	}
}
