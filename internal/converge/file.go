// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package converge

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"path"
	"strings"
)

// File is a regular file, written to a temporary name and renamed, and only
// when it differs. Its content appears in no log, drift line or error.
type File struct {
	Path         string
	Owner, Group string // default root
	Mode         fs.FileMode
	Content      []byte
	// Restart and Reload name units that are restarted or reloaded when the
	// file was changed.
	Restart, Reload []string
}

// fileState is what stands at a path. kind is "regular", "directory", "link",
// "other" or "missing"; the rest is set for the first two.
type fileState struct {
	kind, mode, owner, group, sha256 string
}

func (File) kind() engine { return fileKind }

var fileKind = &kind[File, fileState]{
	name: "file", plural: "files", function: "file", shell: fileShell,
	arguments: func(f File) []string { return []string{f.Path} },
	read:      func(_ File, words []string) (fileState, error) { return readFileState("regular", words) },
	compare:   compareFile,
	owns:      func(f File) string { return f.Path },
	takeBack: func(d *differ, path string) {
		d.do(removeStep(path))
		d.unitFiles = d.unitFiles || isUnitFile(path)
	},
}

const fileShell = `
file() { # index path
  if [ -L "$2" ]; then echo "$1 link"
  elif [ -f "$2" ]; then
    if about=$(stat -c '%a %U %G' -- "$2" 2>&1) && sum=$(sha256sum <"$2"); then echo "$1 regular $about ${sum%% *}"
    else fail "$1" "$2 cannot be read: $about"; fi
  elif [ -e "$2" ]; then echo "$1 other"
  else missing "$1" "$2" file; fi
}
`

// readFileState reads "missing", "link", "other", or the kind with its mode,
// owner and group, and the sum of a regular file.
func readFileState(kind string, words []string) (fileState, error) {
	switch {
	case len(words) == 1 && (words[0] == "missing" || words[0] == "link" || words[0] == "other"):
		return fileState{kind: words[0]}, nil
	case len(words) == 4 && words[0] == "directory" && kind == "directory":
		return fileState{kind, words[1], words[2], words[3], ""}, nil
	case len(words) == 5 && words[0] == "regular" && kind == "regular" && len(words[4]) == 2*sha256.Size:
		return fileState{kind, words[1], words[2], words[3], words[4]}, nil
	}
	return fileState{}, errNotWhole
}

// holds says whether a regular file with that content stands there.
func (s fileState) holds(content []byte) bool {
	sum := sha256.Sum256(content)
	return s.kind == "regular" && s.sha256 == hex.EncodeToString(sum[:])
}

// differs compares mode and owner and gives what differs first, or "".
func (s fileState) differs(mode fs.FileMode, owner, group string) (Code, string) {
	is := s.mode
	for len(is) < 4 {
		is = "0" + is
	}
	if want := modeText(mode); is != want {
		return CodeMode, fmt.Sprintf("mode %s, want %s", is, want)
	}
	if want := cmp.Or(owner, "root"); s.owner != want {
		return CodeOwner, fmt.Sprintf("owner %s, want %s", s.owner, want)
	}
	if want := cmp.Or(group, "root"); s.group != want {
		return CodeGroup, fmt.Sprintf("group %s, want %s", s.group, want)
	}
	return "", ""
}

func compareFile(d *differ, wanted File, state fileState) {
	say := func(code Code, text string) Line { return line("file", wanted.Path, code, "%s", text) }
	switch code, text := state.differs(wanted.Mode, wanted.Owner, wanted.Group); {
	case state.kind == "missing":
		d.add(fileStep(wanted), say(CodeMissing, "missing"))
	case state.kind != "regular":
		d.add(fileStep(wanted), say(CodeOtherKind, "is not a regular file"))
	case !state.holds(wanted.Content):
		d.add(fileStep(wanted), say(CodeContent, "content differs"))
	case code != "":
		// The content is right, so the file keeps its time stamp: tinc drops
		// every peer whose host file is newer than its last look.
		d.add(attributesStep(wanted), say(code, text))
		return
	default:
		return
	}
	d.trigger(wanted.Restart, wanted.Reload)
	d.unitFiles = d.unitFiles || isUnitFile(wanted.Path)
}

// unitFiles is where the units lie that an administrator has made.
const unitFiles = "/etc/systemd/system/"

func isUnitFile(path string) bool { return strings.HasPrefix(path, unitFiles) }

func modeText(mode fs.FileMode) string { return fmt.Sprintf("%04o", uint32(mode.Perm())) }

func ownership(owner, group string) string {
	return cmp.Or(owner, "root") + ":" + cmp.Or(group, "root")
}

// WriteStep writes a file, as a step of a Reversible change.
func WriteStep(file File) Step { return fileStep(file) }

// fileStep writes a temporary name beside the target, checks that all of it
// arrived, and renames. A stale one of a killed run is overwritten.
func fileStep(file File) Step {
	sum := sha256.Sum256(file.Content)
	return writeStep(file, file.Content, "", hex.EncodeToString(sum[:]))
}

// writeStep writes a file of which the payload is the content, or becomes it by
// an unpacker in the pipe.
func writeStep(file File, payload []byte, unpack, sum string) Step {
	return Step{Title: "write " + file.Path, Effect: Effect{EffectWrite, file.Path}, Payload: payload, Script: guarded(file.Path, fmt.Sprintf(`t=%[1]s
trap 'rm -f "$t"' EXIT
(umask 077; head -c %[2]d%[8]s >"$t")
[ "$(sha256sum <"$t" | cut -c1-64)" = %[3]s ] || { echo "the content did not arrive whole" >&2; exit 1; }
chown %[4]s "$t"
chmod %[5]s "$t"
sync "$t"
mv -fT "$t" %[6]s
sync %[7]s
trap - EXIT`, quote(temporary(file.Path)), len(payload), sum,
		quote(ownership(file.Owner, file.Group)), modeText(file.Mode), quote(file.Path), quote(path.Dir(file.Path)), unpack))}
}

// temporary is the name beside a path under which its next content is made.
func temporary(target string) string { return path.Join(path.Dir(target), ".atoll."+path.Base(target)) }

func attributesStep(file File) Step {
	return Step{Title: "set owner and mode of " + file.Path, Effect: Effect{EffectWrite, file.Path}, Script: guarded(file.Path, fmt.Sprintf("chown -- %s %s\nchmod %s %s",
		quote(ownership(file.Owner, file.Group)), quote(file.Path), modeText(file.Mode), quote(file.Path)))}
}

func removeStep(path string) Step {
	return Step{Title: "remove " + path, Effect: Effect{EffectRemove, path}, Script: guarded(path, "rm -f -- "+quote(path)) + forgetFailure(path)}
}

// forgetFailure makes systemd forget that a unit has failed whose file goes: what
// failed stays loaded without its file, and the machine is called degraded for good.
func forgetFailure(path string) string {
	name, found := strings.CutPrefix(path, unitFiles)
	if !found || strings.Contains(name, "/") {
		return ""
	}
	// Of a template its instances have failed.
	return "\nsystemctl reset-failed -- " + quote(strings.Replace(name, "@.", "@*.", 1)) + " 2>/dev/null || :"
}
