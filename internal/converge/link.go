// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package converge

import "fmt"

// Link is a symbolic link.
type Link struct {
	Path, Target string
	// Restart and Reload name units to restart or reload when it was changed.
	Restart, Reload []string
}

// linkState is what stands at the path: kind is "link", "other" or "missing".
type linkState struct {
	kind, target string
}

func (Link) kind() engine { return linkKind }

var linkKind = &kind[Link, linkState]{
	name: "link", plural: "links", function: "link", shell: linkShell,
	arguments: func(l Link) []string { return []string{l.Path} },
	read:      readLink,
	compare:   compareLink,
	owns:      func(l Link) string { return l.Path },
	takeBack:  func(d *differ, path string) { d.do(removeStep(path)) },
}

const linkShell = `
link() { # index path
  if [ -L "$2" ]; then
    if target=$(readlink -n -- "$2" 2>&1); then echo "$1 link $(text "$target")"; else fail "$1" "$target"; fi
  elif [ -e "$2" ]; then echo "$1 other"
  else missing "$1" "$2" link; fi
}
`

func readLink(_ Link, words []string) (linkState, error) {
	switch {
	case len(words) == 1 && (words[0] == "missing" || words[0] == "other"):
		return linkState{kind: words[0]}, nil
	case len(words) == 2 && words[0] == "link":
		target, err := decodeText(words[1])
		return linkState{"link", target}, err
	}
	return linkState{}, errNotWhole
}

func compareLink(d *differ, wanted Link, state linkState) {
	var differs Line
	switch {
	case state.kind == "missing":
		differs = line("link", wanted.Path, CodeMissing, "missing")
	case state.kind != "link":
		differs = line("link", wanted.Path, CodeOtherKind, "is not a link")
	case state.target != wanted.Target:
		differs = line("link", wanted.Path, CodeTarget, "leads to %s, want %s", state.target, wanted.Target)
	default:
		return
	}
	d.add(linkStep(wanted), differs)
	d.trigger(wanted.Restart, wanted.Reload)
}

// linkStep replaces a link in one rename. Anything else in its place is left
// alone and reported: it may be the user's data.
func linkStep(link Link) Step {
	return Step{Title: "link " + link.Path, Effect: Effect{EffectWrite, link.Path}, Script: guarded(link.Path, fmt.Sprintf(`if [ -e %[1]s ] && [ ! -L %[1]s ]; then
  echo "there is something else in its place: move it away" >&2; exit 1
fi
ln -sfnT -- %[2]s %[3]s
mv -fT -- %[3]s %[1]s`, quote(link.Path), quote(link.Target), quote(temporary(link.Path))))}
}
