// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package converge

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"slices"
	"strings"
)

// Plan is what Diff found: the drift and the steps that mend it. In sync both
// are empty.
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

// Diff compares what is wanted with what was seen. It is a function of its two
// arguments, without I/O, and speaks at plan time as at apply time.
func Diff(m Manifest, o Observation) Plan {
	d := &differ{manifest: m, observation: o, restart: map[string]bool{}, reload: map[string]bool{}}
	if err := supported(m, o); err != nil {
		return Plan{Drift: []Line{{Code: CodeUnsupported, Text: err.Error()}}, Refusal: err}
	}
	d.packages()
	d.users()
	d.directories()
	d.sysctls()
	d.files()
	d.links()
	d.actions()
	d.stale()
	d.units()
	return d.plan()
}

// differ collects drift and steps in the engine's order.
type differ struct {
	manifest    Manifest
	observation Observation
	drift       []Line
	steps       []Step
	// restart and reload hold the units that changes ask for.
	restart, reload map[string]bool
	unitsChanged    bool
}

func (d *differ) add(step Step, drift ...Line) {
	d.steps = append(d.steps, step)
	d.drift = append(d.drift, drift...)
}

// say adds a line of drift.
func (d *differ) say(kind, name string, code Code, text string) {
	d.drift = append(d.drift, line(kind, name, code, "%s", text))
}

func line(kind, name string, code Code, text string, values ...any) Line {
	return Line{Subject: kind + " " + name, Code: code, Text: fmt.Sprintf(text, values...)}
}

func (d *differ) trigger(restart, reload []string) {
	for _, unit := range restart {
		d.restart[unit] = true
	}
	for _, unit := range reload {
		d.reload[unit] = true
	}
}

func (d *differ) packages() {
	var missing []string
	for _, wanted := range d.manifest.Packages {
		seen := d.observation.Packages[wanted.Name]
		switch {
		case strings.HasPrefix(seen.Status, "ii"), strings.HasPrefix(seen.Status, "hi"):
			continue
		case seen.Status == "" || strings.HasSuffix(strings.TrimSpace(seen.Status), "n") || strings.HasSuffix(strings.TrimSpace(seen.Status), "c"):
			d.say("package", wanted.Name, CodeNotInstalled, "not installed")
		default:
			d.say("package", wanted.Name, CodeHalfInstalled, "half installed")
		}
		missing = append(missing, wanted.Name)
	}
	if len(missing) > 0 {
		d.steps = append(d.steps, installStep(missing))
	}
}

func (d *differ) users() {
	for i, wanted := range d.manifest.Users {
		seen := d.observation.Users[i]
		lacking := without(wanted.Groups, seen.Groups)
		switch {
		case !seen.Exists:
			d.add(userStep(wanted), line("user", wanted.Name, CodeMissing, "missing"))
		case len(lacking) > 0:
			d.add(userStep(wanted), line("user", wanted.Name, CodeNotInGroup, "not in group %s", strings.Join(lacking, ", ")))
		}
	}
}

func (d *differ) directories() {
	for i, wanted := range d.manifest.Directories {
		seen := d.observation.Directories[i]
		var code Code
		var text string
		switch seen.Kind {
		case "directory":
			code, text = attributes(seen, wanted.Mode, wanted.Owner, wanted.Group)
		case "missing":
			code, text = CodeMissing, "missing"
		default:
			code, text = CodeOtherKind, "is not a directory"
		}
		if code != "" {
			d.add(directoryStep(wanted), line("directory", wanted.Path, code, "%s", text))
		}
	}
}

func (d *differ) sysctls() {
	for i, wanted := range d.manifest.Sysctls {
		seen := d.observation.Sysctls[i]
		if seen != strings.Join(strings.Fields(wanted.Value), " ") {
			if seen == "" {
				seen = "not known to this kernel"
			}
			d.add(sysctlStep(wanted), line("sysctl", wanted.Key, CodeValue, "is %s, want %s", seen, wanted.Value))
		}
	}
}

func (d *differ) files() {
	for i, wanted := range d.manifest.allFiles() {
		seen := d.observation.Files[i]
		var code Code
		var text string
		sum := sha256.Sum256(wanted.Content)
		switch {
		case seen.Kind == "missing":
			code, text = CodeMissing, "missing"
		case seen.Kind != "regular":
			code, text = CodeOtherKind, "is not a regular file"
		case seen.SHA256 != hex.EncodeToString(sum[:]):
			code, text = CodeContent, "content differs"
		default:
			code, text = attributes(seen, wanted.Mode, wanted.Owner, wanted.Group)
			if code == "" {
				continue
			}
			// The content is right, so the file keeps its time stamp: tinc
			// drops every peer whose host file is newer than its last look.
			d.add(attributesStep(wanted), line("file", wanted.Path, code, "%s", text))
			continue
		}
		d.add(fileStep(wanted), line("file", wanted.Path, code, "%s", text))
		d.trigger(wanted.Restart, wanted.Reload)
		d.unitsChanged = d.unitsChanged || isUnitFile(wanted.Path)
	}
}

func (d *differ) links() {
	for i, wanted := range d.manifest.Links {
		seen := d.observation.Links[i]
		var code Code
		var text string
		switch {
		case seen.Kind == "missing":
			code, text = CodeMissing, "missing"
		case seen.Kind != "is":
			code, text = CodeOtherKind, "is not a link"
		case seen.Target != wanted.Target:
			code, text = CodeTarget, fmt.Sprintf("leads to %s, want %s", seen.Target, wanted.Target)
		}
		if code != "" {
			d.add(linkStep(wanted), line("link", wanted.Path, code, "%s", text))
			d.trigger(wanted.Restart, wanted.Reload)
		}
	}
}

func (d *differ) actions() {
	for i, action := range d.manifest.Actions {
		if !d.observation.ActionsDone[i] {
			d.add(Step{Title: action.Name, Effect: Effect{EffectRun, action.Name}, Script: action.Run}, action.Line)
			d.trigger(action.Restart, action.Reload)
		}
	}
}

// stale removes what the record has and the manifest has not.
func (d *differ) stale() {
	if d.observation.Record == nil {
		return
	}
	gone := d.observation.Record.minus(d.manifest.record())
	for _, kind := range []struct {
		name  string
		paths []string
	}{{"unit", gone.Units}, {"file", gone.Files}, {"link", gone.Links}, {"directory", gone.Directories}} {
		for _, path := range kind.paths {
			d.say(kind.name, path, CodeStale, "no longer declared")
		}
	}
	d.steps = append(d.steps, removeSteps(gone)...)
	d.unitsChanged = d.unitsChanged || slices.ContainsFunc(gone.Files, isUnitFile)
}

// units ends the plan: reload of systemd, states, and what changes asked for.
func (d *differ) units() {
	for _, seen := range d.observation.Units {
		d.unitsChanged = d.unitsChanged || seen.NeedReload
	}
	if d.unitsChanged {
		d.steps = append(d.steps, rereadStep())
	}
	for i, wanted := range d.manifest.Units {
		d.unit(wanted, d.observation.Units[i])
	}
	for _, name := range sortedKeys(d.restart) {
		d.steps = append(d.steps, restartStep(name))
		delete(d.reload, name)
	}
	for _, name := range sortedKeys(d.reload) {
		d.steps = append(d.steps, reloadStep(name))
	}
}

func (d *differ) unit(wanted Unit, seen UnitSeen) {
	enabled := seen.UnitFileState == "enabled" || seen.UnitFileState == "static" || seen.UnitFileState == "generated" || seen.UnitFileState == "alias"
	if wanted.Enabled != nil && *wanted.Enabled != enabled {
		is := word(enabled, CodeEnabled, CodeDisabled)
		d.add(enableStep(wanted.Name, *wanted.Enabled), line("unit", wanted.Name, is, "%s, want %s", is, word(*wanted.Enabled, "enabled", "disabled")))
	}
	active := seen.ActiveState == "active" || seen.ActiveState == "reloading"
	if wanted.Active != nil && *wanted.Active != active {
		state := seen.ActiveState
		if state == "" {
			state = "unknown"
		}
		d.add(activeStep(wanted.Name, *wanted.Active), line("unit", wanted.Name, word(active, CodeActive, CodeInactive), "%s, want %s", state, word(*wanted.Active, "active", "inactive")))
		// A unit that starts now reads its new configuration anyway.
		delete(d.restart, wanted.Name)
		delete(d.reload, wanted.Name)
	}
}

// plan puts the record around the steps, so that a kill anywhere leaves nothing
// that no record knows of.
func (d *differ) plan() Plan {
	want := d.manifest.record()
	var had Record
	if d.observation.Record != nil {
		had = *d.observation.Record
	}
	if d.observation.Record != nil && len(d.steps) == 0 && had.equal(want) {
		return Plan{Drift: []Line{}}
	}
	steps := append([]Step{recordStep(want.union(had))}, d.steps...)
	if !want.union(had).equal(want) {
		steps = append(steps, recordStep(want))
	}
	if d.observation.Record == nil && len(d.drift) == 0 {
		d.say("record of", d.manifest.Owner, CodeMissing, "missing")
	}
	return Plan{Drift: append([]Line{}, d.drift...), Steps: steps}
}

// attributes compares mode and owner and gives what differs first, or "".
func attributes(seen FileSeen, mode fs.FileMode, owner, group string) (Code, string) {
	if want := modeText(mode); normalMode(seen.Mode) != want {
		return CodeMode, fmt.Sprintf("mode %s, want %s", normalMode(seen.Mode), want)
	}
	if want := orRoot(owner); seen.Owner != want {
		return CodeOwner, fmt.Sprintf("owner %s, want %s", seen.Owner, want)
	}
	if want := orRoot(group); seen.Group != want {
		return CodeGroup, fmt.Sprintf("group %s, want %s", seen.Group, want)
	}
	return "", ""
}

func orRoot(name string) string {
	if name == "" {
		return "root"
	}
	return name
}

func word[T ~string](yes bool, is, not T) T {
	if yes {
		return is
	}
	return not
}

func modeText(mode fs.FileMode) string { return fmt.Sprintf("%04o", uint32(mode.Perm())) }

// normalMode fills stat's octal up to four digits.
func normalMode(text string) string {
	for len(text) < 4 {
		text = "0" + text
	}
	return text
}

func isUnitFile(path string) bool { return strings.HasPrefix(path, "/etc/systemd/system/") }
