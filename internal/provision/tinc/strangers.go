// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package tinc

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strings"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// CodeStranger says that a peer's machine knows somebody who is no peer: his key
// opens the mesh.
const CodeStranger converge.Code = "mesh-stranger"

// strangerCheck finds host files of nobody that is declared, and removes them.
// What the mesh's own record lists is not among them: the engine takes it back.
func (m Mesh) strangerCheck() converge.Check[[]string] {
	unit := Unit(m.Name)
	return converge.Check[[]string]{
		Question: m.strangers(),
		Differs: func(files []string) []converge.Line {
			lines := make([]converge.Line, 0, len(files))
			for _, file := range files {
				lines = append(lines, converge.Line{Subject: "file " + file, Code: CodeStranger, Text: "is no declared peer's, and its key opens the mesh"})
			}
			return lines
		},
		Mend: func(files []string) []converge.Step {
			var steps []converge.Step
			for _, file := range files {
				steps = append(steps, converge.Step{
					Title: "remove " + file, Effect: converge.Effect{Kind: converge.EffectRemove, Name: file}, Script: "rm -f -- " + remote.Quote(file),
				})
			}
			return append(steps, converge.Step{
				Title: "reload " + unit, Effect: converge.Effect{Kind: converge.EffectReload, Name: unit}, Script: "systemctl try-reload-or-restart -- " + remote.Quote(unit),
			})
		},
	}
}

// strangers asks for the paths of such files. Their names may hold anything.
func (m Mesh) strangers() converge.Question[[]string] {
	hosts := directory(m.Name) + "/hosts"
	var known []string
	for _, peer := range m.Peers {
		known = append(known, remote.Quote(NodeName(peer.Name)))
	}
	slices.Sort(known)
	return converge.Question[[]string]{
		Name: "host files of no declared peer",
		Script: converge.ThereFunction + fmt.Sprintf(`hosts=%s record=%s
if there "$hosts"; then
  ls -A -- "$hosts/" >/dev/null || exit
  for file in "$hosts"/* "$hosts"/.[!.]*; do
    [ -e "$file" ] || [ -L "$file" ] || continue
    case ${file##*/} in %s) continue ;; .atoll.*|*.atoll) continue ;; esac
    ! grep -qsF "\"$file\"" "$record" || continue
    printf 'stranger .%%s\n' "$(printf %%s "$file" | base64 -w0)"
  done
fi
echo '%s'`, remote.Quote(hosts), remote.Quote(converge.RecordPath(m.Owner())), strings.Join(known, "|"), converge.WholeMark),
		Read: readStrangers,
	}
}

func readStrangers(output string) ([]string, error) {
	rows, err := converge.Whole(output)
	if err != nil {
		return nil, err
	}
	var files []string
	for line := range strings.Lines(rows) {
		encoded, told := strings.CutPrefix(strings.TrimRight(line, "\n"), "stranger .")
		file, err := base64.StdEncoding.DecodeString(encoded)
		if !told || err != nil || len(file) == 0 {
			return nil, fmt.Errorf("line %q makes no sense", line)
		}
		files = append(files, string(file))
	}
	return files, nil
}
