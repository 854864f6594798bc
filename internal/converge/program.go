// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package converge

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
)

// Program is a file of root's whose content goes by the machine's processor. It
// is written like a File; what goes over the wire is packed.
type Program struct {
	Path string
	Mode fs.FileMode
	// Builds by what a kernel calls the processor (uname -m).
	Builds map[string]Build
	// Restart names units that are restarted when it was changed.
	Restart []string
}

// Build is a program as it is carried: compressed by gzip.
type Build struct {
	Packed []byte
	// SHA256 of the program itself, in hexadecimal.
	SHA256 string
}

// NewBuild sums up what is carried.
func NewBuild(packed []byte) (Build, error) {
	reader, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return Build{}, fmt.Errorf("unable to unpack a program: %w", err)
	}
	sum := sha256.New()
	if _, err := io.Copy(sum, reader); err != nil {
		return Build{}, fmt.Errorf("unable to unpack a program: %w", err)
	}
	return Build{packed, hex.EncodeToString(sum.Sum(nil))}, reader.Close()
}

// programState is what stands at the path, and the machine's processor.
type programState struct {
	fileState
	machine string
}

func (Program) kind() engine { return programKind }

var programKind = &kind[Program, programState]{
	name: "file", plural: "programs", function: "program", shell: programShell,
	arguments: func(p Program) []string { return []string{p.Path} },
	read:      readProgram,
	refuse: func(_ System, p Program, state programState) error {
		if _, known := p.Builds[state.machine]; known {
			return nil
		}
		return &UnsupportedError{fmt.Sprintf("the machine has a processor of the kind %q, for which there is no %s: there is one for %s",
			state.machine, path.Base(p.Path), strings.Join(slices.Sorted(maps.Keys(p.Builds)), " and "))}
	},
	compare: compareProgram,
	owns:    func(p Program) string { return p.Path },
	takeBack: func(d *differ, path string) {
		d.do(removeStep(path))
	},
}

const programShell = fileShell + `
program() { # index path
  found=$(file "$1" "$2")
  case $found in "$1 !"*) echo "$found" ;; *) echo "$found $(uname -m)" ;; esac
}
`

func readProgram(_ Program, words []string) (programState, error) {
	if len(words) < 2 {
		return programState{}, errNotWhole
	}
	last := len(words) - 1
	state, err := readFileState("regular", words[:last])
	return programState{state, words[last]}, err
}

func compareProgram(d *differ, wanted Program, state programState) {
	build := wanted.Builds[state.machine]
	say := func(code Code, text string) Line { return line("file", wanted.Path, code, "%s", text) }
	switch code, text := state.differs(wanted.Mode, "", ""); {
	case state.kind == "missing":
		d.add(programStep(wanted, build), say(CodeMissing, "missing"))
	case state.kind != "regular":
		d.add(programStep(wanted, build), say(CodeOtherKind, "is not a regular file"))
	case state.sha256 != build.SHA256:
		d.add(programStep(wanted, build), say(CodeContent, "content differs"))
	case code != "":
		d.add(attributesStep(File{Path: wanted.Path, Mode: wanted.Mode}), say(code, text))
		return
	default:
		return
	}
	d.trigger(wanted.Restart, nil)
}

func programStep(p Program, build Build) Step {
	return writeStep(File{Path: p.Path, Mode: p.Mode}, build.Packed, " | gzip -dc", build.SHA256)
}
