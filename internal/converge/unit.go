// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package converge

import (
	"fmt"
	"strings"
)

// Unit is a systemd unit and the state that it should have.
type Unit struct {
	Name string
	// Enabled and Active are what is wanted; a nil pointer leaves that side alone.
	Enabled, Active *bool
}

// unitState holds properties of a unit, see systemctl(1) and systemd.unit(5).
type unitState struct {
	activeState, fileState string
	needsReload            bool
}

func (Unit) kind() engine { return unitKind }

var unitKind = &kind[Unit, unitState]{
	name: "unit", plural: "units", function: "unit", shell: unitShell,
	arguments: func(u Unit) []string { return []string{u.Name} },
	read:      readUnit,
	compare:   compareUnit,
	owns:      func(u Unit) string { return u.Name },
	takeBack: func(d *differ, name string) {
		d.do(Step{Title: "stop and disable " + name, Effect: Effect{EffectStop, name}, Script: fmt.Sprintf(
			"if systemctl cat -- %[1]s >/dev/null 2>&1; then systemctl disable --quiet --now -- %[1]s; fi", quote(name))})
	},
}

// unitShell: systemd answers for a unit that it does not know, too. Where it
// does not run, nothing is asked; such a machine is refused as a whole.
const unitShell = `
unit() { # index name
  [ -d /run/systemd/system ] || { echo "$1 none"; return; }
  if said=$(systemctl show -p LoadState -p ActiveState -p UnitFileState -p NeedDaemonReload -- "$2" 2>&1); then echo "$1 is" $said
  else fail "$1" "$said"; fi
}
`

func readUnit(_ Unit, words []string) (unitState, error) {
	if len(words) == 1 && words[0] == "none" {
		return unitState{}, nil
	}
	properties := map[string]string{}
	for _, word := range words {
		if key, value, found := strings.Cut(word, "="); found {
			properties[key] = value
		}
	}
	_, told := properties["UnitFileState"]
	if words[0] != "is" || !told || properties["LoadState"] == "" || properties["ActiveState"] == "" || properties["NeedDaemonReload"] == "" {
		return unitState{}, errNotWhole
	}
	return unitState{properties["ActiveState"], properties["UnitFileState"], properties["NeedDaemonReload"] == "yes"}, nil
}

func compareUnit(d *differ, wanted Unit, state unitState) {
	if state.needsReload {
		d.unitFiles = true
	}
	d.reread()
	enabled := state.fileState == "enabled" || state.fileState == "static" || state.fileState == "generated" || state.fileState == "alias"
	if wanted.Enabled != nil && *wanted.Enabled != enabled {
		is := word(enabled, CodeEnabled, CodeDisabled)
		d.add(enableStep(wanted.Name, *wanted.Enabled), line("unit", wanted.Name, is, "%s, want %s", is, word(*wanted.Enabled, "enabled", "disabled")))
	}
	active := state.activeState == "active" || state.activeState == "reloading"
	if wanted.Active != nil && *wanted.Active != active {
		d.add(activeStep(wanted.Name, *wanted.Active),
			line("unit", wanted.Name, word(active, CodeActive, CodeInactive), "%s, want %s", state.activeState, word(*wanted.Active, "active", "inactive")))
		// A unit that starts now reads its new configuration anyway.
		delete(d.restart, wanted.Name)
		delete(d.reload, wanted.Name)
	}
}

func word[T ~string](yes bool, is, not T) T {
	if yes {
		return is
	}
	return not
}

func enableStep(unit string, enable bool) Step {
	verb := word(enable, "enable", "disable")
	return Step{Title: verb + " " + unit, Effect: Effect{EffectKind(verb), unit}, Script: "systemctl " + verb + " --quiet -- " + quote(unit)}
}

// activeStep starts or stops. When a start fails, what the unit said goes into the
// error: it holds the reason.
func activeStep(unit string, start bool) Step {
	if !start {
		return Step{Title: "stop " + unit, Effect: Effect{EffectStop, unit}, Script: "systemctl stop -- " + quote(unit)}
	}
	return Step{Title: "start " + unit, Effect: Effect{EffectStart, unit}, Script: fmt.Sprintf("systemctl reset-failed -- %s 2>/dev/null || :\n", quote(unit)) + StartScript(unit)}
}

// StartScript starts a unit, and ends with another exit code than 0 where it does not
// start. Then it says on standard error what the unit said since: the lines that call
// themselves errors or warnings, and where none does the last ones. What systemd says of
// a unit that it starts again and again would push the reason out of a few last lines.
func StartScript(unit string) string {
	return fmt.Sprintf(`began=$(date '+%%F %%T')
systemctl start -- %[1]s || {
  why=$(journalctl -q -n 500 -o cat --since "$began" -u %[1]s | grep -wE 'ERROR|WARNING|FATAL|CRITICAL' | tail -n 3)
  [ -n "$why" ] || why=$(journalctl -q -n 15 -o cat -u %[1]s)
  printf '%%s\n' "$why" >&2; exit 1
}`, quote(unit))
}

func restartStep(unit string) Step {
	return Step{Title: "restart " + unit, Effect: Effect{EffectRestart, unit}, Script: "systemctl try-restart -- " + quote(unit)}
}

func reloadStep(unit string) Step {
	return Step{Title: "reload " + unit, Effect: Effect{EffectReload, unit}, Script: "systemctl try-reload-or-restart -- " + quote(unit)}
}

func rereadStep() Step {
	return Step{Title: "reload systemd", Effect: Effect{Kind: EffectReread}, Script: "systemctl daemon-reload"}
}
