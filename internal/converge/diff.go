// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package converge

import (
	"maps"
	"slices"
	"strings"
)

// Plan is what Diff found: the drift and the steps that mend it. In sync both
// are empty. Lines without steps are those of checks that their plugin mends.
type Plan struct {
	Drift []Line
	Steps []Step
	// Refusal says why the manifest cannot be had on this host at all; then
	// there are no steps.
	Refusal error
}

// Restarts says whether the plan restarts a unit that runs.
func (p Plan) Restarts(unit string) bool {
	return slices.ContainsFunc(p.Steps, func(step Step) bool { return step.Effect == Effect{EffectRestart, unit} })
}

// Diff compares what is wanted with what was observed of it. It is a function of
// its two arguments, without I/O, and speaks at plan time as at apply time.
func Diff(m Manifest, o Observation) Plan {
	d := &differ{restart: map[string]bool{}, reload: map[string]bool{}}
	if m.Refusal != nil {
		return refused(m.Refusal)
	}
	items := m.items()
	if err := o.refusal(m.Owner, items); err != nil {
		return refused(err)
	}
	want := recordOf(m.Owner, items)
	for _, kind := range kinds {
		switch kind {
		case packageKind:
			// A source that is declared no more goes before packages come from it,
			// and not before the new ones were to be had.
			d.takeBack(o.Record, want, aptSourceKind)
		case unitKind:
			// And the rest before units start or restart.
			d.takeBack(o.Record, want, kinds[1:]...)
		}
		for number, item := range items {
			if item.kind() == kind {
				kind.diff(d, item, o.states[number])
			}
		}
	}
	if d.refusal != nil {
		return refused(d.refusal)
	}
	d.restarts()
	return d.plan(want, o.Record)
}

// refused gives a refusal, whose error may have lines, as the one line that drift has.
func refused(err error) Plan {
	lines := strings.Split(err.Error(), "\n")
	for i, line := range lines {
		lines[i] = strings.TrimSpace(line)
	}
	return Plan{Drift: []Line{{Code: CodeUnsupported, Text: strings.Join(lines, " ")}}, Refusal: err}
}

// refusal says why an observation allows no plan for these items.
func (o Observation) refusal(owner string, items []Item) error {
	if o.owner != owner || len(o.items) != len(items) || len(o.states) != len(items) {
		return errMismatch
	}
	if err := o.System.supported(); err != nil {
		return err
	}
	for number, item := range items {
		if err := item.kind().refusal(o.System, item, o.states[number]); err != nil {
			return err
		}
	}
	return nil
}

// differ collects drift and steps in the engine's order.
type differ struct {
	drift   []Line
	steps   []Step
	refusal error
	// installs are the packages of the step that installs.
	installs []Package
	// restart and reload hold the units that changes ask for.
	restart, reload map[string]bool
	// unitFiles says that systemd has to read the files of its units again.
	unitFiles bool
}

func (d *differ) say(lines ...Line) { d.drift = append(d.drift, lines...) }
func (d *differ) do(steps ...Step)  { d.steps = append(d.steps, steps...) }

func (d *differ) add(step Step, line Line) {
	d.do(step)
	d.say(line)
}

func (d *differ) trigger(restart, reload []string) {
	for _, unit := range restart {
		d.restart[unit] = true
	}
	for _, unit := range reload {
		d.reload[unit] = true
	}
}

// takeBack removes what the record lists of some kinds and the declaration does
// not, the other way round: units stop before their files go, directories go
// last. What another kind now has under the same name stays.
func (d *differ) takeBack(had *Record, want Record, some ...engine) {
	for _, kind := range slices.Backward(some) {
		name, plural := kind.label()
		for _, gone := range slices.Backward(had.names(plural)) {
			if slices.Contains(want.names(plural), gone) {
				continue
			}
			d.say(Line{Subject: name + " " + gone, Code: CodeStale, Text: "no longer declared"})
			if !want.lists(gone) {
				kind.remove(d, gone)
			}
		}
	}
}

// reread lets systemd read changed files of units, once.
func (d *differ) reread() {
	if d.unitFiles {
		d.do(rereadStep())
		d.unitFiles = false
	}
}

// restarts ends the plan with what changes asked for.
func (d *differ) restarts() {
	d.reread()
	for _, name := range slices.Sorted(maps.Keys(d.restart)) {
		d.do(restartStep(name))
		delete(d.reload, name)
	}
	for _, name := range slices.Sorted(maps.Keys(d.reload)) {
		d.do(reloadStep(name))
	}
}

// plan puts the record around the steps, so that a kill anywhere leaves nothing
// that no record knows of.
func (d *differ) plan(want Record, recorded *Record) Plan {
	had := Record{Owner: want.Owner}
	if recorded != nil {
		had = *recorded
	}
	if recorded != nil && len(d.steps) == 0 && had.equal(want) {
		return Plan{Drift: append([]Line{}, d.drift...)}
	}
	both := want.union(had)
	steps := append([]Step{recordStep(both)}, d.steps...)
	if !both.equal(want) {
		steps = append(steps, recordStep(want))
	}
	if recorded == nil && len(d.drift) == 0 {
		d.say(Line{Subject: "record of " + want.Owner, Code: CodeMissing, Text: "missing"})
	}
	return Plan{Drift: append([]Line{}, d.drift...), Steps: steps}
}

// DiffRemoval is the plan that takes back all that a record lists.
func DiffRemoval(record *Record) Plan {
	if record == nil {
		return Plan{Drift: []Line{}}
	}
	d := &differ{}
	d.takeBack(record, Record{Owner: record.Owner}, kinds...)
	d.reread()
	d.do(forgetStep(record.Owner))
	return Plan{Drift: []Line{}, Steps: d.steps}
}
