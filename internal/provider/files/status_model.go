// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package files

import (
	"strings"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
	modeltier "github.com/atollhq/terraform-provider-atoll/internal/model/tier"
	"github.com/atollhq/terraform-provider-atoll/internal/provider/base"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/filetier"
)

// statusModel is one atoll_file_tier_status.
type statusModel struct {
	Tier             types.Object               `tfsdk:"tier"`
	LeastFreePercent types.Int64                `tfsdk:"least_free_percent"`
	MostBehind       types.Int64                `tfsdk:"most_behind"`
	Healthy          types.Bool                 `tfsdk:"healthy"`
	Problems         []string                   `tfsdk:"problems"`
	Pairs            []pairStatusModel          `tfsdk:"pairs"`
	Archives         []archiveStatusModel       `tfsdk:"archives"`
	Nodes            map[string]nodeStatusModel `tfsdk:"nodes"`
}

type pairStatusModel struct {
	Dials      string      `tfsdk:"dials"`
	Serves     string      `tfsdk:"serves"`
	State      string      `tfsdk:"state"`
	InStep     bool        `tfsdk:"in_step"`
	Problem    string      `tfsdk:"problem"`
	Since      string      `tfsdk:"since"`
	LastInStep string      `tfsdk:"last_in_step"`
	Behind     *int64      `tfsdk:"behind"`
	Backlog    *int64      `tfsdk:"backlog"`
	Lag        *float64    `tfsdk:"lag"`
	LagAt      string      `tfsdk:"lag_at"`
	Skipped    []leftModel `tfsdk:"skipped"`
	Failed     []leftModel `tfsdk:"failed"`
	Moving     []leftModel `tfsdk:"moving"`
}

type archiveStatusModel struct {
	Dials      string      `tfsdk:"dials"`
	Serves     string      `tfsdk:"serves"`
	Told       bool        `tfsdk:"told"`
	Problem    string      `tfsdk:"problem"`
	Since      string      `tfsdk:"since"`
	LastInStep string      `tfsdk:"last_in_step"`
	Failed     []leftModel `tfsdk:"failed"`
}

type leftModel struct {
	Path   string `tfsdk:"path"`
	Reason string `tfsdk:"reason"`
}

type nodeStatusModel struct {
	Asked     bool   `tfsdk:"asked"`
	Problem   string `tfsdk:"problem"`
	TreeThere *bool  `tfsdk:"tree_there"`
	heldModel

	Archive *heldModel  `tfsdk:"archive"`
	Mover   *moverModel `tfsdk:"mover"`
	Scrub   *scrubModel `tfsdk:"scrub"`
}

type scrubModel struct {
	At      string        `tfsdk:"at"`
	Problem string        `tfsdk:"problem"`
	Days    int64         `tfsdk:"days"`
	Files   int64         `tfsdk:"files"`
	Bytes   int64         `tfsdk:"bytes"`
	Rotten  []leftModel   `tfsdk:"rotten"`
	Mended  []mendedModel `tfsdk:"mended"`
	Gone    []goneModel   `tfsdk:"gone"`
}

type mendedModel struct {
	Path string `tfsdk:"path"`
	At   string `tfsdk:"at"`
	From string `tfsdk:"from"`
	Kept string `tfsdk:"kept"`
}

type goneModel struct {
	Path string `tfsdk:"path"`
	At   string `tfsdk:"at"`
}

type moverModel struct {
	At        string            `tfsdk:"at"`
	Problem   string            `tfsdk:"problem"`
	Hot       int64             `tfsdk:"hot"`
	Archived  int64             `tfsdk:"archived"`
	Conflicts int64             `tfsdk:"conflicts"`
	Waiting   []waitingDayModel `tfsdk:"waiting"`
}

type waitingDayModel struct {
	Day  string `tfsdk:"day"`
	Next string `tfsdk:"next"`
	Why  string `tfsdk:"why"`
}

// tier is the declared one, as far as it takes to ask.
func (m statusModel) tier() filetier.Tier {
	given := tierModel{
		Hot: base.Member[types.String](m.Tier, "hot"), Cold: base.Member[types.String](m.Tier, "cold"), Hub: base.Member[types.String](m.Tier, "hub"),
		Pairs: base.Member[types.List](m.Tier, "pairs"), Nodes: base.Member[types.Map](m.Tier, "nodes"),
		HotDays: base.Member[types.Int64](m.Tier, "hot_days"), ScrubSchedule: base.Member[types.String](m.Tier, "scrub_schedule"),
	}
	given.Name = base.Member[types.String](m.Tier, "name")
	tier, _ := given.declared()
	return tier
}

func (m statusModel) limits() filetier.Limits {
	limits := filetier.Limits{FreePercent: leastFreePercent, Behind: time.Minute}
	if !m.LeastFreePercent.IsNull() {
		limits.FreePercent = m.LeastFreePercent.ValueInt64()
	}
	if !m.MostBehind.IsNull() {
		limits.Behind = time.Duration(m.MostBehind.ValueInt64()) * time.Second
	}
	return limits
}

// leastFreePercent is what should be left where a tree lies.
const leastFreePercent = 10

// read takes over what the nodes said.
func (m *statusModel) read(tier filetier.Tier, nodes map[string]filetier.NodeStatus) {
	m.Problems = converge.Texts(tier.Problems(nodes, m.limits()))
	m.Healthy = types.BoolValue(len(m.Problems) == 0)
	m.Pairs, m.Nodes = []pairStatusModel{}, map[string]nodeStatusModel{}
	for _, standing := range tier.Standings(nodes) {
		m.Pairs = append(m.Pairs, pairStatusOf(standing))
	}
	m.Archives = []archiveStatusModel{}
	for _, s := range tier.ArchiveStandings(nodes) {
		m.Archives = append(m.Archives, archiveStatusModel{
			Dials: s.Dials, Serves: s.Serves, Told: s.Told, Problem: s.Problem,
			Since: moment(s.Status.Since), LastInStep: moment(s.Status.InStep), Failed: leftOf(s.Status.Failed),
		})
	}
	for name, node := range nodes {
		m.Nodes[name] = nodeStatusOf(tier.Nodes[name], node)
	}
}

func pairStatusOf(s filetier.Standing) pairStatusModel {
	pair := pairStatusModel{
		Dials: s.Dials, Serves: s.Serves, State: string(s.State), InStep: s.State == filetier.InStep, Problem: s.Problem,
		Since: moment(s.Status.Since), LastInStep: moment(s.Status.InStep), Skipped: leftOf(s.Status.Skipped), Failed: leftOf(s.Status.Failed),
		Moving: leftOf(s.Status.Moving),
	}
	if s.State != filetier.Unknown && !s.Never {
		behind := int64(s.Behind.Seconds())
		pair.Behind = &behind
	}
	if backlog := s.Status.Backlog; backlog != nil && s.Known() {
		left := int64(*backlog)
		pair.Backlog = &left
	}
	if probe := s.Status.Probe; probe != nil {
		lag := float64(probe.Milliseconds) / 1000
		pair.Lag, pair.LagAt = &lag, moment(probe.At)
	}
	return pair
}

// moment writes a time down; "" for none.
func moment(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return at.UTC().Format(time.RFC3339)
}

func leftOf(all []modeltier.Left) []leftModel {
	found := []leftModel{}
	for _, one := range all {
		found = append(found, leftModel{strings.ToValidUTF8(one.Path, "?"), strings.ToValidUTF8(one.Reason, "?")})
	}
	return found
}

func nodeStatusOf(declared filetier.Node, node filetier.NodeStatus) nodeStatusModel {
	if node.Err != nil {
		return nodeStatusModel{Problem: converge.FirstLine(node.Err)}
	}
	found := nodeStatusModel{
		Asked: true, TreeThere: &node.Tree, heldModel: heldOf(node.Disk, node.Count, node.Now),
		Mover: moverOf(node.Mover), Scrub: scrubOf(node.Scrub),
	}
	switch {
	case node.Beside != nil:
		held := heldOf(node.Beside.Disk, node.Beside.Count, node.Now)
		found.Archive = &held
	case declared.Hot == "":
		found.Archive = &found.heldModel
	}
	return found
}

// scrubOf is what the scrub found; nil where it told nothing yet.
func scrubOf(status modeltier.ScrubStatus) *scrubModel {
	if status.At.IsZero() && len(status.Rotten) == 0 && len(status.Gone) == 0 {
		return nil
	}
	found := &scrubModel{
		At: moment(status.At), Problem: strings.ToValidUTF8(status.Error, "?"), Days: int64(status.Days), Files: int64(status.Files), Bytes: status.Bytes,
		Rotten: []leftModel{}, Mended: []mendedModel{}, Gone: []goneModel{},
	}
	for _, file := range status.Rotten {
		found.Rotten = append(found.Rotten, leftModel{filetier.PathOf(file.Path), strings.ToValidUTF8(file.Problem+": "+file.Why, "?")})
	}
	for _, file := range status.Mended {
		found.Mended = append(found.Mended, mendedModel{filetier.PathOf(file.Path), moment(file.At), file.From, filetier.PathOf(file.Kept)})
	}
	for _, file := range status.Gone {
		found.Gone = append(found.Gone, goneModel{filetier.PathOf(file.Path), moment(file.At)})
	}
	return found
}

// moverOf is where the mover left the days; nil where it told nothing yet.
func moverOf(status modeltier.MoverStatus) *moverModel {
	if status.At.IsZero() {
		return nil
	}
	found := &moverModel{
		At: moment(status.At), Problem: strings.ToValidUTF8(status.Error, "?"), Hot: int64(status.Hot), Archived: int64(status.Archived),
		Conflicts: int64(status.Conflicts), Waiting: []waitingDayModel{},
	}
	for _, day := range status.Waiting {
		found.Waiting = append(found.Waiting, waitingDayModel{day.Day, day.Next, strings.ToValidUTF8(day.Why, "?")})
	}
	return found
}
