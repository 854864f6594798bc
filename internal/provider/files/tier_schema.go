// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

// Package files holds the resource of the file tier.
package files

import (
	"errors"
	stdpath "path"
	"regexp"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework-validators/int64validator"
	"github.com/hashicorp/terraform-plugin-framework-validators/listvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/mapvalidator"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringdefault"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/atollhq/terraform-provider-atoll/internal/model/tier"
	"github.com/atollhq/terraform-provider-atoll/internal/provider/base"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/filetier"
)

// tierName asks for the name of a tier: it stands in the names of units and of an
// account, which have 32 characters.
func tierName() base.Text {
	return base.Matching(filetier.NameForm, "must start with a letter and have at most 20 lower-case letters, digits and hyphens: it also names units and an account on the machines")
}

// nodeName asks for the name of a node, which stands in the names of units, too.
func nodeName() base.Text {
	return base.Matching(filetier.NodeForm, "must have 1 to 32 letters, digits, hyphens and underscores, and start with a letter or digit")
}

// initialPolicy asks for what is to become of trees that differ.
func initialPolicy() base.Text {
	return base.Text{Must: "be merge or from: and a node", Check: func(value string) error {
		from, is := strings.CutPrefix(value, filetier.From)
		if value != filetier.Merge && (!is || from == "") {
			return errors.New("must be \"merge\", or \"from:\" and the name of a node, such as \"from:app1\"")
		}
		return nil
	}}
}

// pattern asks for a pattern as unison's ignore takes it.
func pattern() base.Text {
	return base.Text{Must: "be a pattern of unison's", Check: func(value string) error {
		if err := base.Line().Check(value); err != nil {
			return err
		}
		return filetier.CheckPattern(value)
	}}
}

// schedule asks for when archives are kept in step. Only what systemd surely takes
// is taken, since a machine is asked too late.
func schedule() base.Text {
	return base.Matching(regexp.MustCompile(`\A(hourly|daily|weekly|([01][0-9]|2[0-3]):[0-5][0-9])\z`),
		"must be hourly, daily, weekly, or a time of day by the machine's clock, such as 03:30")
}

// scrubSchedule asks for when archives are read again.
func scrubSchedule() base.Text {
	return base.Text{Must: "be a schedule or never", Check: func(value string) error {
		if value != neverScrub && schedule().Check(value) != nil {
			return errors.New("must be hourly, daily, weekly, a time of day by the machine's clock, such as 04:30, or never")
		}
		return nil
	}}
}

// deletion asks for a path in an archive.
func deletion() base.Text {
	return base.Text{Must: "be a path below cold", Check: func(value string) error {
		first, _, _ := strings.Cut(value, "/")
		switch {
		case value == "":
			return errors.New("must be a path below cold, such as 2026/01/02/report.pdf")
		case base.Line().Check(value) != nil:
			return base.Line().Check(value)
		case strings.HasPrefix(value, "/") || stdpath.Clean(value) != value || first == ".." || first == ".":
			return errors.New("must be a path below cold in its shortest form, without a slash at its beginning or end")
		case first == tier.Private || first == tier.Workshop || first == tier.Statements:
			return errors.New("names " + first + ", which is the tier's own")
		case !filetier.DeletedForm.MatchString(value):
			return errors.New("must be without *, ?, [, \\ and control characters: a pattern could mean more than was meant")
		}
		return nil
	}}
}

// dayLayout asks for how directories of days are named.
func dayLayout() base.Text {
	return base.Text{Must: "be a layout of days", Check: func(value string) error {
		if !filetier.LayoutForm.MatchString(value) {
			return errors.New("must have names of letters, digits, dots, hyphens and underscores between slashes, with %Y, %m, %d and %j in them, and none that begins with a dot")
		}
		_, err := tier.ParseLayout(value)
		return err
	}}
}

func whole(least, most int64, description string) schema.Int64Attribute {
	return schema.Int64Attribute{CustomType: base.Integer{}, Optional: true, Validators: []validator.Int64{int64validator.Between(least, most)}, Description: description}
}

func nodeAttributes() map[string]schema.Attribute {
	return map[string]schema.Attribute{
		"ssh":     base.ConnectionWithin(),
		"address": base.ExportedText("IPv4 address of the machine inside the mesh, by which the other nodes dial it: the address of its atoll_mesh_peer. Where the tier has a mesh, an apply refuses one that the machine has not, before anything is touched. A change is in place."),
		"port":    base.ExportedNumber("TCP port of the machine's sshd, as the other nodes dial it. Default ssh.port, else 22. A change is in place."),
		"hot": base.ExportedText("Absolute path of the tree on this machine. Default the tier's hot. Where the tier has none, a node without one only keeps the archive: nothing is written into a tree there, and no day waits for it. " +
			"A tree is never moved: a change is refused, but for one that a node gets which had none."),
		"cold": base.ExportedText("Absolute path of the archive on this machine. Default the tier's cold. An archive is never moved: a change is refused."),
		"owner": base.Optional("Account on this machine that unison and rsync run as and that every file belongs to which they write there: a file that www-data wrote on one node is deploy's on a node where that is the owner, with the same content, time and mode. "+
			"Default the tier's owner. Root on one node and another account on another is refused. A change is in place: the pairs of this node start anew.", base.UserName()),
	}
}

// Schema describes a tree that is the same on several machines.
func (k *tierKind) Schema() schema.Schema {
	const restarts = " A change is in place: unison starts anew."
	hub := base.Optional("Name of the node that all others are paired with; not with pairs. Default the first by name that has a hot, and once chosen it stays while it is among nodes. "+
		"While the hub is down the others do not reach each other. A change is in place: nothing is copied that is there already.", nodeName())
	hub.Computed = true
	return schema.Schema{
		Description: "A tree of files that is the same on several machines: what is written on one is on the others within seconds, both ways, by unison over SSH inside the mesh. " +
			"Beside it, or alone, where it is declared, an archive of what is old: kept in step on a schedule by rsync, where nothing is deleted because another node does not have it. " +
			"Each pair of nodes has units of its own on both machines, with limits, run as the owner of the files; the SSH key is made on the machine and may start nothing but the other side. " +
			"Cut lines, reboots, kills and lost archives mend by themselves. A file that was changed on both sides is kept on both and reported. " +
			"Trees that are there already are taken over as they are; one with directories into which its owner cannot write, or files that it cannot read, is refused before anything is touched. " +
			"Destroying it stops the sync and keeps every file everywhere. The directory .tier in each tree goes, but for one with days on their way to the archive, where all of it stays: a tier of the same name goes on with them. Half-moved trees differ, of which its initial says what is to become.",
		Attributes: map[string]schema.Attribute{
			"name": base.Replacing("Name of the tier: a letter, and up to 19 lower-case letters, digits and hyphens. A change replaces the tier, and all files stay: the pairs end, and the trees meet anew under the new name. "+
				"So the plan refuses it where two nodes have a hot and initial does not say what is to become of trees that differ by then, as it does with -replace; and while days are on their way to the archive.", tierName()),
			"mesh": base.Optional("The atoll_mesh (its id) that the addresses belong to: the sync starts after it. An apply refuses one that is not on the machine of each node, before anything is touched; without it the addresses are taken as they are. A change is in place; the units are reloaded.", base.Line()),
			"hot": base.Optional("Absolute path of the tree on every node that names no other one; made where it is missing. Below it, .tier is the tier's own. Without it, a node that names none has only the archive, and needs a cold: "+
				"archives alone are kept in step, read again and told of as ever, and there is no unison, nor its units. A tree is never moved: a change is refused, but for one that a tier gets which had none.", treePath()),
			"cold": base.Optional("Absolute path of the archive on every node that names no other one; made where it is missing. Archives are kept in step on a schedule by rsync, pair by pair, both ways and adding only: "+
				"what one side lacks is carried, of two versions the one that was changed last stays, and what it takes the place of is kept in .tier-archive/replaced below it. A file that is deleted on one side comes back: see cold_deletions. "+
				"Modes are those of the node that is dialled. Below it, .tier, .tier-archive and .tier-nodes are the tier's own; sockets and devices are left alone. Where both have files, nothing is asked and nothing is lost. "+
				"Default no archive. An archive is never moved: another path is refused; without the attribute it stays as it is and is left alone.", treePath()),
			"cold_schedule": base.Optional("When archives are kept in step: hourly, daily, weekly, or a time of day by the machine's clock such as \"03:30\", up to five minutes later, and after a boot when it was missed. "+
				"A run that fails is tried again after 15 minutes. One that finds nothing to carry costs each node a look at its names, sizes and times, and next to nothing on the line. With a hub, a file is on all nodes after two runs. Default daily. A change is in place.", schedule()),
			"cold_bandwidth_kib": whole(1, 10485760, "Most that one pair carries between its archives, in KiB a second. Default no limit. A change is in place, from the next run on."),
			"cold_reserve_mib": whole(0, 1073741824, "Space that stays free on the file system of each archive, in MiB: with less, nothing more comes in there and no day moves there, status and plan say so, and what it holds still goes out. "+
				"Default 1024. A change is in place, from the next run on."),
			"cold_reserve_inodes": whole(0, 4294967296, "Inodes that stay free on the file system of each archive, as cold_reserve_mib says of space. Default 10000. A change is in place, from the next run on."),
			"hot_days": whole(1, 36500, "How many days a day stays in hot after its end, in UTC, before its directory moves to cold. Every hour each node copies what is old enough to its own archive, reads each copy again and says so; when all nodes have it, "+
				"each puts a relative link in the directory's place in one step, so every path opens at every instant; the directory goes when all have done so, the copy was read from the disk by a later run, grace_hours are over and unison has read the trees since, which the mover asks for and has within two hours. A node that is down holds the others up and nothing else; one that is taken out of nodes is waited for no more. "+
				"The file system of hot must be able to exchange two names (ext4, xfs, btrfs, tmpfs; a network file system and one of FUSE cannot), hot and cold must lie to each other in the same way on all nodes. "+
				"A node without a hot gets a day by the next run of the archive, and is not waited for. unison then neither removes nor replaces directories of days, or those of months and years above: what is in them is created, changed and deleted as ever until the day has moved. A file that is deleted after that, by its old path, comes back from the other archives: cold_deletions is the way. Needs hot and cold. Default nothing moves. "+
				"A change is in place; taken out, what has moved stays, and while days are on their way it is refused."),
			"layout": base.Optional("How the directories of days are named below hot, with %Y, %m, %d, %j (day of the year) and slashes: \"%Y/%m/%d\", \"%Y-%m-%d\", \"%Y/%j\"; or those of months or years, \"%Y/%m\", \"%Y\", which then move as one. "+
				"What is named otherwise never moves. Default \"%Y/%m/%d\". A change is in place: what has moved under another one stays where it is.", dayLayout()),
			"quiet_minutes": whole(0, 527040, "How long nothing in a day may have changed before it moves, in minutes: a day that is written or brought late waits. Default 60. A change is in place, from the next run on."),
			"grace_hours": whole(0, 8760, "How long the directory of a day that has moved is kept after that, in hours, for what still has it open or knows it by an old handle, such as a client of NFS; what is written into it meanwhile is carried to cold. "+
				"Until then the day takes its room twice. Default 24. A change is in place, from the next run on."),
			"scrub_schedule": base.Optional("When each node reads its archive again from the disk, to find files that rotted: hourly, daily, weekly, or a time of day by the machine's clock such as \"04:30\", up to half an hour later, and after a boot when it was missed; \"never\" for not at all. "+
				"A file rotted when its content is another while its time and size are as they were noted. It is fetched from a node that has it as it was, takes its place in one step, and the rotten one is kept in .tier-archive/replaced below cold; what no node has is left as it is, and status and plan say so. "+
				"Only what lies in directories of days, as layout names them, is read, as the last in line for disk and processor. Default \"04:30\". A change is in place.", scrubSchedule()),
			"scrub_days": whole(1, 3650, "How many days pass before the archived files of a day are read again; a run reads those that are due, the longest unread first, and one that was cut off is gone on with by the next. Default 30. A change is in place, from the next run on."),
			"cold_deletions": schema.ListAttribute{
				Optional: true, ElementType: types.StringType,
				Description: "Paths below cold that no archive is to have, files or whole directories, such as [\"2026/01/02/report.pdf\"]: an apply deletes them on every node, for good, with the links of days that moved, and no run carries them. " +
					"Once it is applied, a path may be taken out again, and then come back only when somebody writes it. Default none. A change is in place.",
				Validators: []validator.List{listvalidator.NoNullValues(), listvalidator.ValueStringsAre(deletion())},
			},
			"owner": schema.StringAttribute{
				Optional: true, Computed: true, Default: stringdefault.StaticString("root"), Validators: []validator.String{base.UserName()},
				Description: "Account, there on every node that names no other one, that unison and rsync run as and that every file belongs to which they write. It needs no shell and no password. " +
					"Default root, which carries owners and groups over by their names." + restarts,
			},
			"nodes": schema.MapNestedAttribute{
				Required: true,
				Description: "The machines by a name of your own. A node that is added gets the whole tree; one that is taken out keeps its files and is left alone from then on. " +
					"Both are in place and leave the other pairs as they are.",
				Validators: []validator.Map{
					mapvalidator.SizeAtLeast(1),
					mapvalidator.KeysAre(nodeName()),
					base.Whole{Of: "node: the ssh of an atoll_host or atoll_linode with its host_key, and the address of an atoll_mesh_peer", Needs: []string{"address", "ssh.host", "ssh.host_key"}},
				},
				NestedObject: schema.NestedAttributeObject{Attributes: nodeAttributes()},
			},
			"hub": hub,
			"pairs": schema.ListAttribute{
				Optional: true, ElementType: types.ListType{ElemType: types.StringType},
				Description: "Which nodes are kept in step with one another, such as [[\"hk1\", \"sg1\"], [\"sg1\", \"app1\"]], instead of all with the hub. " +
					"Some chain of pairs has to join all nodes, and one of nodes with a hot all that have one. The second of a pair dials the first. A change is in place: nothing is copied that is there already.",
				Validators: []validator.List{some{}, listvalidator.ValueListsAre(two{})},
			},
			"ignore": schema.ListAttribute{
				Optional: true, ElementType: types.StringType,
				Description: "What is left alone in hot, as unison's patterns: \"Name *.tmp\", \"Path cache\", \"BelowPath a/b\", \"Regex .*\\\\.bak\". Default nothing." + restarts,
				Validators:  []validator.List{listvalidator.NoNullValues(), listvalidator.ValueStringsAre(pattern())},
			},
			"conflicts": base.Choice(filetier.Keep, "What is done about a path that was changed on both sides before they met: keep leaves each side its own until a person makes them the same, times included (of a path that was new on both, deleting one is enough), "+
				"newer takes the one that was changed last and keeps the other beside it, with \"conflict\" and the date in its name; what one side deleted and the other changed stays as it was changed, whatever was later, with a copy beside it whose name says was_deleted. Default keep."+restarts, filetier.Keep, filetier.Newer),
			"xattrs": schema.BoolAttribute{
				Optional: true,
				Description: "Whether extended attributes, POSIX ACLs among them, are carried between hot trees as well; those of the kernel's namespaces security and trusted are not. Needs unison 2.53.3 or later on every node, as Debian 13 has; an older one is refused. " +
					"Archives, and days that move there, have them always. Default false." + restarts,
			},
			"initial": base.Optional("What is done when trees that both have files, and not the same, meet for the first time: \"merge\" keeps all files of both and treats a path that differs as conflicts says; "+
				"\"from:NODE\" takes that node's version of a path that differs, and keeps the other one beside it. Without it such an apply is refused before anything is touched. "+
				"Trees that are in step are not treated anew: a change on a tier that runs plans an update that touches no file, and holds for trees that meet for the first time later, as that of a node that is added.", initialPolicy()),
			"memory_mib": base.Number(1024, 64, 1048576, "Most memory that the unison of one pair, and the rsync of one pair of archives, may use on one machine, in MiB: about 0.7 kB a file of the hot tree, 1.4 kB when trees first meet that have the same files, and 5 KiB where one lacks what the other has. One that needs more is killed, and the pair says so. Default 1024."+restarts),
		},
	}
}
