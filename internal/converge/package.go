// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package converge

import (
	_ "embed"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Package is a distribution package that has to be installed. Its services are
// not started by the installation: a Unit says when. A package is never
// removed: another resource, or the user, may need it.
type Package struct {
	// Name in the host's own distribution.
	Name string
	// Version is the one to install, as apt names it; "" takes the newest. One that
	// is installed is left as it is: when another comes is for the plugin to say.
	Version string
	// Refuse names packages that must not be installed beside it, with the
	// reason shown to the user ("mariadb-server" → "MariaDB has no Group Replication").
	Refuse map[string]string
	// Instead are scripts by the names of programs that the packages' own scripts call:
	// while they are installed these are called instead.
	Instead map[string]string
}

// packageState holds dpkg's abbreviations: "ii" is installed, "iF" and "iU" are
// half-way, "-" is a package that dpkg does not know.
type packageState struct {
	own string
	// refused are those of the packages that must not be there, by name.
	refused map[string]string
}

func (Package) kind() engine { return packageKind }

var packageKind = &kind[Package, packageState]{
	name: "package", function: "package", shell: packageShell,
	gather:    gatherPackages,
	arguments: func(p Package) []string { return append([]string{p.Name}, p.refuses()...) },
	read:      readPackage,
	refuse:    refusePackage,
	compare:   comparePackage,
}

// packageShell asks dpkg once for all packages. It ends with 1 when it does not
// know one of them, and with more when it does not work.
const packageShell = `
package() { # index names…
  printf %s "$1"; shift
  for name in "$@"; do
    case $dpkg in
    unasked) printf ' -' ;;
    failed) printf ' failed' ;;
    *"$nl$name "*) rest=${dpkg#*"$nl$name "}; rest=${rest%%"$nl"*}; printf ' %s' "${rest%% *}" ;;
    *) printf ' -' ;;
    esac
  done
  echo
}
packages() { # names…
  dpkg=unasked
  command -v dpkg-query >/dev/null || return
  dpkg=$(dpkg-query -W -f '${Package} ${db:Status-Abbrev}\n' -- "$@" 2>/dev/null)
  if [ $? -gt 1 ]; then dpkg=failed; else dpkg="$nl$dpkg$nl"; fi
}
`

func gatherPackages(all []Package) string {
	names := map[string]bool{}
	for _, one := range all {
		for _, name := range append(one.refuses(), one.Name) {
			names[quote(name)] = true
		}
	}
	return "packages " + strings.Join(slices.Sorted(maps.Keys(names)), " ") + "\n"
}

func (p Package) refuses() []string { return slices.Sorted(maps.Keys(p.Refuse)) }

func readPackage(p Package, words []string) (packageState, error) {
	refuses := p.refuses()
	if len(words) != 1+len(refuses) {
		return packageState{}, errNotWhole
	}
	for _, word := range words {
		if word != "-" && (len(word) < 2 || len(word) > 3) {
			return packageState{}, fmt.Errorf("dpkg gives no state of package %s, but %q", p.Name, word)
		}
	}
	state := packageState{own: words[0], refused: map[string]string{}}
	for i, name := range refuses {
		state.refused[name] = words[i+1]
	}
	return state, nil
}

func refusePackage(system System, p Package, state packageState) error {
	if !system.Apt {
		return noApt(system)
	}
	for _, name := range p.refuses() {
		if strings.HasPrefix(state.refused[name], "i") {
			return &UnsupportedError{fmt.Sprintf("package %s is installed beside %s: %s", name, p.Name, p.Refuse[name])}
		}
	}
	return nil
}

func noApt(system System) error {
	return &UnsupportedError{fmt.Sprintf("the machine runs %s, which has no apt; Atoll installs packages on Debian and Ubuntu only", system)}
}

func comparePackage(d *differ, p Package, state packageState) {
	switch {
	case strings.HasPrefix(state.own, "ii"), strings.HasPrefix(state.own, "hi"):
		return
	case state.own == "-" || state.own[1] == 'n' || state.own[1] == 'c':
		d.say(line("package", p.Name, CodeNotInstalled, "not installed"))
	default:
		d.say(line("package", p.Name, CodeHalfInstalled, "half installed"))
	}
	// All of them in one go: nothing comes between the packages of a plan.
	d.installs = append(d.installs, p)
	if last := len(d.steps) - 1; last >= 0 && d.steps[last].Effect.Kind == EffectInstall {
		d.steps[last] = installStep("", d.installs...)
		return
	}
	d.do(p.Install())
}

// asked is how apt is asked for it.
func (p Package) asked() string {
	if p.Version == "" {
		return p.Name
	}
	return p.Name + "=" + p.Version
}

// Install is the step that installs the package, also where another version of it is.
func (p Package) Install() Step { return installStep("", p) }

// Fetch is the step that only fetches what Install needs.
func (p Package) Fetch() Step {
	step := installStep("--download-only", p)
	step.Title, step.Effect.Kind = "fetch "+p.asked(), EffectFetch
	return step
}

// FetchLists is the step that fetches the lists of all sources of apt.
func FetchLists() Step {
	return Step{Title: "fetch the lists of packages", Effect: Effect{Kind: EffectFetch},
		Script: aptLock + "unlocked apt-get -q -o APT::Update::Error-Mode=any update || { printf '%s\n' \"$said\" | grep '^E:' >&2; exit 1; }"}
}

// aptLock are the functions of shell by which all work of apt's waits for that of others.
//
//go:embed aptlock.sh
var aptLock string

//go:embed apt.sh
var aptScript string

// installStep installs packages, or does only a part of that. Another family of
// distributions joins here and in packageShell.
func installStep(only string, packages ...Package) Step {
	var names, quoted []string
	var script strings.Builder
	instead := map[string]string{}
	for _, one := range packages {
		names, quoted = append(names, one.asked()), append(quoted, quote(one.asked()))
		maps.Copy(instead, one.Instead)
	}
	for _, program := range slices.Sorted(maps.Keys(instead)) {
		path := whileInstalling + "/" + program
		fmt.Fprintf(&script, "ours %[1]s\ninstall -d -m 0755 %[2]s\nprintf %%s %[3]s >%[1]s\nchmod 0755 %[1]s\n", quote(path), whileInstalling, quote(instead[program]))
	}
	fmt.Fprintf(&script, "only=%s instead=%s\nset -- %s\n%s%s", only, whileInstalling, strings.Join(quoted, " "), aptLock, aptScript)
	list := strings.Join(names, ", ")
	return Step{Title: "install " + list, Effect: Effect{EffectInstall, list}, Script: script.String()}
}

// whileInstalling is where programs stand in for others. An installation that was
// killed leaves them for the next one, which has its scripts to call; nothing else
// looks there.
const whileInstalling = "/var/lib/atoll/while-installing"
