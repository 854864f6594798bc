// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package converge

import (
	"fmt"
	"slices"
)

// AptSource is a place that apt takes packages from, and how much it prefers
// them. What is here is had before any package of the manifest is installed: the
// lists of a source are fetched before it is put in place, so one that cannot be
// had is in nobody's way, and one that stands has its lists.
type AptSource struct {
	// Name is part of the names of its files, so letters, digits, hyphens and
	// underscores: see AptSourcePath.
	Name string
	// Source is its file for sources.list.d, in the form of deb822. The key that
	// signs it has to be in there: see sources.list(5), Signed-By.
	Source []byte
	// Preferences is its file for preferences.d; nil for none.
	Preferences []byte
}

// aptSourceState is what stands in the place of its files.
type aptSourceState struct {
	source, preferences fileState
}

// AptSourcePath is where the source of a name stands.
func AptSourcePath(name string) string { return "/etc/apt/sources.list.d/atoll-" + name + ".sources" }

func aptPreferencesPath(name string) string { return "/etc/apt/preferences.d/atoll-" + name + ".pref" }

func (AptSource) kind() engine { return aptSourceKind }

var aptSourceKind = &kind[AptSource, aptSourceState]{
	name: "apt source", plural: "apt_sources", function: "aptsource", shell: fileShell + aptSourceShell,
	arguments: func(s AptSource) []string { return []string{AptSourcePath(s.Name), aptPreferencesPath(s.Name)} },
	read:      readAptSource,
	refuse: func(system System, _ AptSource, _ aptSourceState) error {
		if !system.Apt {
			return noApt(system)
		}
		return nil
	},
	compare: compareAptSource,
	owns:    func(s AptSource) string { return s.Name },
	takeBack: func(d *differ, name string) {
		d.do(removeStep(AptSourcePath(name)), removeStep(aptPreferencesPath(name)))
	},
}

const aptSourceShell = `
aptsource() { # index source preferences
  source=$(file "$1" "$2") preferences=$(file "$1" "$3")
  case $source in "$1 ! "*) echo "$source"; return ;; esac
  case $preferences in "$1 ! "*) echo "$preferences"; return ;; esac
  echo "$source /${preferences#"$1"}"
}
`

func readAptSource(_ AptSource, words []string) (state aptSourceState, err error) {
	between := slices.Index(words, "/")
	if between < 0 {
		return state, errNotWhole
	}
	if state.source, err = readFileState("regular", words[:between]); err != nil {
		return state, err
	}
	state.preferences, err = readFileState("regular", words[between+1:])
	return state, err
}

// compareAptSource fetches first: where that fails, nothing has changed. Then come
// the preferences, which say nothing without the source, and the source, which
// must not offer anything without them.
func compareAptSource(d *differ, wanted AptSource, state aptSourceState) {
	source := File{Path: AptSourcePath(wanted.Name), Mode: 0o644, Content: wanted.Source}
	if !state.source.holds(source.Content) {
		d.do(fetchStep(wanted))
	}
	preferences := File{Path: aptPreferencesPath(wanted.Name), Mode: 0o644, Content: wanted.Preferences}
	switch {
	case wanted.Preferences != nil:
		compareFile(d, preferences, state.preferences)
	case state.preferences.kind != "missing":
		d.add(removeStep(preferences.Path), line("file", preferences.Path, CodeStale, "no longer declared"))
	}
	compareFile(d, source, state.source)
}

// fetchStep fetches the lists of a source that is not in place yet, and leaves
// those of others alone. Before that, apt reads it beside the sources of others:
// two that name another key for the same repository end every work of apt. Those of
// ours may be on their way out and are not looked at, see package apt.
func fetchStep(wanted AptSource) Step {
	return Step{Title: "fetch the lists of apt source " + wanted.Name, Effect: Effect{EffectFetch, wanted.Name}, Payload: wanted.Source, Script: aptLock + fmt.Sprintf(`t=/run/atoll/new.sources
all=/run/atoll/sources.list.d
trap 'rm -rf "$t" "$all"' EXIT
head -c %[1]d >"$t"
[ "$(wc -c <"$t")" = %[1]d ] || { echo "the source did not arrive whole" >&2; exit 1; }
rm -rf "$all"
mkdir "$all"
for one in /etc/apt/sources.list.d/*; do
  case $one in */atoll-*.sources) ;; *) [ ! -f "$one" ] || cp -- "$one" "$all/" ;; esac
done
cp "$t" "$all/atoll-new.sources"
said=$(LC_ALL=C apt-get -o Dir::Etc::sourceparts="$all" indextargets 2>&1 >/dev/null) || {
  # apt quotes whole keys, says all twice, and names no file.
  found=$(for uri in $(sed -n 's/^URIs: //p' "$t"); do grep -lsF -- "${uri%%/}" /etc/apt/sources.list /etc/apt/sources.list.d/*; done | grep -v /atoll- | sort -u | paste -sd ' ' -)
  printf 'apt does not take it beside the sources that are there (%%s): remove what has the same repository there, or leave this source out of apt_sources. %%s\n' "${found:-see /etc/apt}" "$(printf '%%s\n' "$said" | sed -n '/^E:/p; / != /p' | awk '!said[$0]++')" >&2; exit 1; }
unlocked apt-get -q -o Dir::Etc::sourcelist="$t" -o Dir::Etc::sourceparts=/dev/null -o APT::Get::List-Cleanup=0 \
  -o APT::Update::Error-Mode=any update </dev/null || complain`, len(wanted.Source))}
}
