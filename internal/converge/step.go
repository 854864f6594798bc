// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package converge

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// Step is one thing to do on a host. Steps of a plan run in order, the first
// that fails ends it.
type Step struct {
	// Title says what it does, in a few words.
	Title string
	// Effect says so to code.
	Effect Effect
	// Script runs in a subshell under set -e.
	Script string
	// Payload is what the script reads from standard input, to the byte.
	Payload []byte
}

func quote(text string) string { return remote.Quote(text) }

func sortedKeys(set map[string]bool) []string { return slices.Sorted(maps.Keys(set)) }

// recordStep writes the record of an owner.
func recordStep(record Record) Step {
	content, err := json.Marshal(record)
	if err != nil {
		panic(err) // a struct of strings always encodes
	}
	step := fileStepTitled("record what belongs to "+record.Owner, File{Path: recordPath(record.Owner), Mode: 0o644, Content: content}, true)
	step.Effect.Kind = EffectRecord
	return step
}

func fileStep(file File) Step { return fileStepTitled("write "+file.Path, file, false) }

// fileStepTitled writes a temporary name beside the target, checks that all of
// it arrived, and renames. A stale one of a killed run is overwritten.
func fileStepTitled(title string, file File, makeDirectory bool) Step {
	sum := sha256.Sum256(file.Content)
	temporary := path.Join(path.Dir(file.Path), ".atoll."+path.Base(file.Path))
	prepare := ""
	if makeDirectory {
		prepare = "mkdir -p " + quote(path.Dir(file.Path)) + "\n"
	}
	script := fmt.Sprintf(`%[1]st=%[2]s
trap 'rm -f "$t"' EXIT
(umask 077; head -c %[3]d >"$t")
[ "$(sha256sum <"$t" | cut -c1-64)" = %[4]s ] || { echo "the content did not arrive whole" >&2; exit 1; }
chown %[5]s "$t"
chmod %[6]s "$t"
sync "$t"
mv -fT "$t" %[7]s
sync %[8]s
trap - EXIT`, prepare, quote(temporary), len(file.Content), hex.EncodeToString(sum[:]),
		quote(orRoot(file.Owner)+":"+orRoot(file.Group)), modeText(file.Mode), quote(file.Path), quote(path.Dir(file.Path)))
	return Step{Title: title, Effect: Effect{EffectWrite, file.Path}, Script: script, Payload: file.Content}
}

func attributesStep(file File) Step {
	return Step{Title: "set owner and mode of " + file.Path, Effect: Effect{EffectWrite, file.Path}, Script: fmt.Sprintf("chown -- %s %s\nchmod %s %s",
		quote(orRoot(file.Owner)+":"+orRoot(file.Group)), quote(file.Path), modeText(file.Mode), quote(file.Path))}
}

func directoryStep(directory Directory) Step {
	return Step{Title: "make directory " + directory.Path, Effect: Effect{EffectWrite, directory.Path}, Script: fmt.Sprintf("mkdir -p -- %[1]s\nchown -- %[2]s %[1]s\nchmod %[3]s %[1]s",
		quote(directory.Path), quote(orRoot(directory.Owner)+":"+orRoot(directory.Group)), modeText(directory.Mode))}
}

// linkStep replaces a link in one rename. Anything else in its place is left
// alone and reported: it may be the user's data.
func linkStep(link Link) Step {
	temporary := path.Join(path.Dir(link.Path), ".atoll."+path.Base(link.Path))
	return Step{Title: "link " + link.Path, Effect: Effect{EffectWrite, link.Path}, Script: fmt.Sprintf(`if [ -e %[1]s ] && [ ! -L %[1]s ]; then
  echo "there is something else in its place: move it away" >&2; exit 1
fi
ln -sfnT -- %[2]s %[3]s
mv -fT -- %[3]s %[1]s`, quote(link.Path), quote(link.Target), quote(temporary))}
}

func userStep(user User) Step {
	home, shell := user.Home, user.Shell
	if home == "" {
		home = "/nonexistent"
	}
	if shell == "" {
		shell = "/usr/sbin/nologin"
	}
	script := fmt.Sprintf("id -u %[1]s >/dev/null 2>&1 || useradd --system --user-group --no-create-home --home-dir %[2]s --shell %[3]s %[1]s\n",
		quote(user.Name), quote(home), quote(shell))
	for _, group := range user.Groups {
		script += fmt.Sprintf("usermod -a -G %s %s\n", quote(group), quote(user.Name))
	}
	return Step{Title: "make user " + user.Name, Effect: Effect{EffectAccount, user.Name}, Script: script}
}

func sysctlStep(sysctl Sysctl) Step {
	file := "/proc/sys/" + strings.ReplaceAll(sysctl.Key, ".", "/")
	return Step{Title: "set " + sysctl.Key, Effect: Effect{EffectSet, sysctl.Key}, Script: fmt.Sprintf("printf '%%s\\n' %s >%s", quote(sysctl.Value), quote(file))}
}

func enableStep(unit string, enable bool) Step {
	verb := word(enable, "enable", "disable")
	return Step{Title: verb + " " + unit, Effect: Effect{EffectKind(verb), unit}, Script: "systemctl " + verb + " --quiet -- " + quote(unit)}
}

// activeStep starts or stops. When a start fails, what the unit said last goes
// into the error: it holds the reason.
func activeStep(unit string, start bool) Step {
	if !start {
		return Step{Title: "stop " + unit, Effect: Effect{EffectStop, unit}, Script: "systemctl stop -- " + quote(unit)}
	}
	return Step{Title: "start " + unit, Effect: Effect{EffectStart, unit}, Script: fmt.Sprintf(`systemctl reset-failed -- %[1]s 2>/dev/null || :
systemctl start -- %[1]s || { journalctl -q -n 15 -o cat -u %[1]s >&2; exit 1; }`, quote(unit))}
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

// removeSteps takes things back: units stop before their files go, directories
// go only when nothing is left in them.
func removeSteps(gone Record) []Step {
	var steps []Step
	for _, unit := range gone.Units {
		steps = append(steps, Step{Title: "stop and disable " + unit, Effect: Effect{EffectStop, unit}, Script: fmt.Sprintf(
			"if systemctl cat -- %[1]s >/dev/null 2>&1; then systemctl disable --quiet --now -- %[1]s; fi", quote(unit))})
	}
	for _, file := range append(slices.Clone(gone.Files), gone.Links...) {
		steps = append(steps, Step{Title: "remove " + file, Effect: Effect{EffectRemove, file}, Script: "rm -f -- " + quote(file)})
	}
	for _, directory := range slices.Backward(gone.Directories) {
		steps = append(steps, Step{Title: "remove directory " + directory, Effect: Effect{EffectRemove, directory}, Script: "rmdir -- " + quote(directory) + " 2>/dev/null || :"})
	}
	return steps
}

// DiffRemoval is the plan that takes back all that a record lists.
func DiffRemoval(record *Record) Plan {
	if record == nil {
		return Plan{Drift: []Line{}}
	}
	steps := removeSteps(*record)
	if slices.ContainsFunc(record.Files, isUnitFile) {
		steps = append(steps, rereadStep())
	}
	steps = append(steps, Step{Title: "forget " + record.Owner, Effect: Effect{EffectRecord, recordPath(record.Owner)}, Script: "rm -f -- " + quote(recordPath(record.Owner))})
	return Plan{Drift: []Line{}, Steps: steps}
}
