// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package filetier

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
	model "github.com/atollhq/terraform-provider-atoll/internal/model/tier"
	"github.com/atollhq/terraform-provider-atoll/internal/provision"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// NodeStatus is what one node's machine says of its part in a tier.
type NodeStatus struct {
	// Err says why it said nothing; then the rest is empty.
	Err error
	// Has says that the tier is on the machine, Tree that its tree, or where it has none
	// its archive, is there and carries the tier's mark.
	Has, Tree bool
	// Now is the machine's clock.
	Now time.Time
	// Disk is where that lies; without a mount where it is not there.
	Disk provision.Disk
	// Dials has what is told of the pair of hot trees with each node that it dials, and
	// Runs those for which the unit runs that tells it.
	Dials map[string]model.PairStatus
	Runs  []string
	// Archives has what is told of the archive with each node of its pairs; the zero
	// value before a run, and where the tier has none.
	Archives map[string]model.PairStatus
	// Mover is where the last run of the mover left the days; the zero value before one,
	// and where no days move.
	Mover model.MoverStatus
	// Scrub is what the scrub of the archive found; the zero value before a run, and
	// where nothing is scrubbed.
	Scrub model.ScrubStatus
	// Count is what the tree, or the archive in its place, holds; the zero value before
	// it was counted.
	Count model.Count
	// Beside is the archive of a node that has a tree as well; nil on any other.
	Beside *Beside
}

// Beside is what an archive holds that lies beside a tree, and where it lies.
type Beside struct {
	Disk  provision.Disk
	Count model.Count
	// Shares says that it lies on the file system of the tree.
	Shares bool
}

// Look asks one node's machine how its part of the tier is, and changes nothing.
func (t Tier) Look(ctx context.Context, host remote.Host, node string) NodeStatus {
	manifest := converge.Manifest{Owner: t.RecordOwner() + ".status", Items: []converge.Item{t.presence(node), t.room(node), counts(t.counted(node))}}
	if beside, is := t.countedBeside(node); is {
		manifest.Items = append(manifest.Items, t.roomBeside(node), counts(beside))
	}
	for _, peer := range t.hot().dialled(node) {
		manifest.Items = append(manifest.Items, t.status(peer))
	}
	for _, peer := range t.archived(node) {
		manifest.Items = append(manifest.Items, t.archiveStatus(peer))
	}
	if t.moves(node) {
		manifest.Items = append(manifest.Items, t.moverStatus())
	}
	if t.scrubs() {
		manifest.Items = append(manifest.Items, t.scrubStatus())
	}
	err := t.forms()
	var observation converge.Observation
	if err == nil {
		observation, err = converge.Observe(ctx, host, manifest)
	}
	if err != nil {
		return NodeStatus{Err: err}
	}
	found, err := t.presence(node).Answer(observation)
	if err != nil {
		return NodeStatus{Err: err}
	}
	var problems []error
	found.Disk, err = t.room(node).Answer(observation)
	problems = append(problems, err)
	found.Count, err = counts(t.counted(node)).Answer(observation)
	problems = append(problems, err)
	problems = append(problems, t.readBeside(node, observation, &found))
	if t.moves(node) {
		found.Mover, err = t.moverStatus().Answer(observation)
		problems = append(problems, err)
	}
	if t.scrubs() {
		found.Scrub, err = t.scrubStatus().Answer(observation)
		problems = append(problems, err)
	}
	found.Dials = map[string]model.PairStatus{}
	for _, peer := range t.hot().dialled(node) {
		found.Dials[peer], err = t.status(peer).Answer(observation)
		problems = append(problems, err)
	}
	found.Archives = map[string]model.PairStatus{}
	for _, peer := range t.archived(node) {
		found.Archives[peer], err = t.archiveStatus(peer).Answer(observation)
		problems = append(problems, err)
	}
	if err := errors.Join(problems...); err != nil {
		return NodeStatus{Err: err}
	}
	return found
}

// readBeside adds what is told of an archive beside a tree.
func (t Tier) readBeside(node string, observation converge.Observation, found *NodeStatus) error {
	beside, is := t.countedBeside(node)
	if !is {
		return nil
	}
	if found.Beside == nil {
		return errors.New("where the archive lies was not said")
	}
	disk, problem := t.roomBeside(node).Answer(observation)
	count, another := counts(beside).Answer(observation)
	found.Beside.Disk, found.Beside.Count = disk, count
	return errors.Join(problem, another)
}

// archived are the nodes with which a node keeps its archive in step.
func (t Tier) archived(node string) []string {
	if !t.cold() {
		return nil
	}
	return append(t.dialled(node), t.served(node)...)
}

// presence asks for what is on the machine, all but what the agent wrote down.
func (t Tier) presence(node string) converge.Question[NodeStatus] {
	var runs strings.Builder
	if beside, is := t.countedBeside(node); is {
		fmt.Fprintf(&runs, "cold=%s\nif [ -d \"$cold\" ] && [ \"$(stat -c %%d -- \"$tree\")\" = \"$(stat -c %%d -- \"$cold\")\" ]; then echo 'archive shares'; else echo 'archive apart'; fi\n", remote.Quote(beside.tree))
	}
	for _, peer := range t.hot().dialled(node) {
		fmt.Fprintf(&runs, "if systemctl is-active --quiet -- %s; then echo %s; fi\n", remote.Quote(t.unit(peer)+".service"), remote.Quote("runs "+peer))
	}
	return converge.Question[NodeStatus]{
		Name: "what is there of the file tier " + t.Name, Read: readPresence,
		Script: fmt.Sprintf(`set -e
home=%s tree=%s
echo "now $(date +%%s) s"
if [ -d "$home/pairs" ]; then echo 'has it'; fi
if [ -e "$tree/%s" ]; then echo 'tree is there'; fi
%secho '%s'`, remote.Quote(t.home()), remote.Quote(t.Nodes[node].tree()), model.Private, runs.String(), converge.WholeMark),
	}
}

func readPresence(output string) (NodeStatus, error) {
	rows, err := converge.Whole(output)
	if err != nil {
		return NodeStatus{}, err
	}
	var found NodeStatus
	for line := range strings.Lines(rows) {
		words := strings.Fields(line)
		switch {
		case len(words) == 3 && words[0] == "now" && words[2] == "s":
			seconds, err := strconv.ParseInt(words[1], 10, 64)
			if err != nil {
				return NodeStatus{}, err
			}
			found.Now = time.Unix(seconds, 0).UTC()
		case slices.Equal(words, []string{"has", "it"}):
			found.Has = true
		case slices.Equal(words, []string{"tree", "is", "there"}):
			found.Tree = true
		case len(words) == 2 && words[0] == "archive" && (words[1] == "shares" || words[1] == "apart"):
			found.Beside = &Beside{Shares: words[1] == "shares"}
		case len(words) == 2 && words[0] == "runs" && NodeForm.MatchString(words[1]):
			found.Runs = append(found.Runs, words[1])
		default:
			return NodeStatus{}, fmt.Errorf("line %q makes no sense", strings.TrimSpace(line))
		}
	}
	if found.Now.IsZero() {
		return NodeStatus{}, errors.New("the clock is missing")
	}
	return found, nil
}

// room asks for the file system on which the tree, or the archive in its place, lies;
// none where it is not there.
func (t Tier) room(node string) converge.Question[provision.Disk] {
	return roomOf("the room where the tree lies", t.Nodes[node].tree())
}

// roomBeside asks for that of an archive beside a tree.
func (t Tier) roomBeside(node string) converge.Question[provision.Disk] {
	return roomOf("the room where the archive lies", t.Nodes[node].Cold)
}

// roomApart asks for that of an archive which does not lie on the file system of the
// tree; none where it does, or either is not there.
func (t Tier) roomApart(node string) converge.Question[provision.Disk] {
	return converge.Question[provision.Disk]{
		Name: "the room where the archive lies, apart from the tree", Read: readRoom,
		Script: converge.ThereFunction + fmt.Sprintf(`hot=%s cold=%s
if there "$hot" && there "$cold"; then
  on=$(stat -c %%d -- "$hot") && beside=$(stat -c %%d -- "$cold") || exit
  if [ "$on" != "$beside" ]; then stat -f -c 'room %%S %%b %%a %%c %%d' -- "$cold" || exit; fi
fi
echo '%s'`, remote.Quote(t.Nodes[node].Hot), remote.Quote(t.Nodes[node].Cold), converge.WholeMark),
	}
}

func roomOf(name, tree string) converge.Question[provision.Disk] {
	return converge.Question[provision.Disk]{
		Name: name, Read: readRoom,
		Script: converge.ThereFunction + fmt.Sprintf(`tree=%s
if there "$tree"; then stat -f -c 'room %%S %%b %%a %%c %%d' -- "$tree" || exit; fi
echo '%s'`, remote.Quote(tree), converge.WholeMark),
	}
}

func readRoom(output string) (provision.Disk, error) {
	rows, err := converge.Whole(output)
	words := strings.Fields(rows)
	if err != nil || len(words) == 0 {
		return provision.Disk{}, err
	}
	var numbers [5]int64
	if len(words) != 1+len(numbers) || words[0] != "room" {
		return provision.Disk{}, fmt.Errorf("%q makes no sense", rows)
	}
	for i := range numbers {
		if numbers[i], err = strconv.ParseInt(words[1+i], 10, 64); err != nil {
			return provision.Disk{}, err
		}
	}
	size := numbers[0]
	return provision.Disk{SizeKiB: kibibytes(size, numbers[1]), FreeKiB: kibibytes(size, numbers[2]), Inodes: numbers[3], FreeInodes: numbers[4]}, nil
}

// kibibytes are those of blocks of a size.
func kibibytes(size, blocks int64) int64 { return int64(float64(size) / 1024 * float64(blocks)) }

// counts asks for what the agent counted.
func counts(c counting) converge.Question[model.Count] {
	return told[model.Count]("what "+c.tree+" was counted to hold", c.file())
}
