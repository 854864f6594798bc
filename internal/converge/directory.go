// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package converge

import (
	"fmt"
	"io/fs"
)

// Directory is a directory with owner and mode. It is never deleted with
// content in it.
type Directory struct {
	Path         string
	Owner, Group string // default root
	Mode         fs.FileMode
}

func (Directory) kind() engine { return directoryKind }

var directoryKind = &kind[Directory, fileState]{
	name: "directory", plural: "directories", function: "directory", shell: directoryShell,
	arguments: func(d Directory) []string { return []string{d.Path} },
	read:      func(_ Directory, words []string) (fileState, error) { return readFileState("directory", words) },
	compare:   compareDirectory,
	owns:      func(d Directory) string { return d.Path },
	takeBack: func(d *differ, path string) {
		d.do(Step{Title: "remove directory " + path, Effect: Effect{EffectRemove, path}, Script: "rmdir -- " + quote(path) + " 2>/dev/null || :"})
	},
}

const directoryShell = `
directory() { # index path
  if [ -d "$2" ]; then
    if about=$(stat -L -c '%a %U %G' -- "$2" 2>&1); then echo "$1 directory $about"; else fail "$1" "$about"; fi
  elif [ -e "$2" ] || [ -L "$2" ]; then echo "$1 other"
  else missing "$1" "$2" directory; fi
}
`

func compareDirectory(d *differ, wanted Directory, state fileState) {
	var code Code
	var text string
	switch state.kind {
	case "directory":
		code, text = state.differs(wanted.Mode, wanted.Owner, wanted.Group)
	case "missing":
		code, text = CodeMissing, "missing"
	default:
		code, text = CodeOtherKind, "is not a directory"
	}
	if code != "" {
		d.add(directoryStep(wanted), line("directory", wanted.Path, code, "%s", text))
	}
}

func directoryStep(wanted Directory) Step {
	return Step{Title: "make directory " + wanted.Path, Effect: Effect{EffectWrite, wanted.Path}, Script: guarded(wanted.Path, fmt.Sprintf("mkdir -p -- %[1]s\nchown -- %[2]s %[1]s\nchmod %[3]s %[1]s",
		quote(wanted.Path), quote(ownership(wanted.Owner, wanted.Group)), modeText(wanted.Mode)))}
}
