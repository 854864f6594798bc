// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package tinc

import (
	"context"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// CodeStranger says that tinc reads a file on a peer's machine that nobody declared.
const CodeStranger converge.Code = "mesh-stranger"

// stranger is a file that tinc reads and nobody declared.
type stranger struct {
	kind strangerKind
	path string
}

// strangerKind is what such a file does; the text is the host's word for it.
type strangerKind string

const (
	// withKey is somebody who is no peer: his key opens the mesh.
	withKey strangerKind = "key"
	// withoutKey is a host file that lets nobody in.
	withoutKey strangerKind = "bare"
	// settings are read by tincd when it starts, beside the declared ones.
	settings strangerKind = "settings"
)

var strangerTexts = map[strangerKind]string{
	withKey:    "is no declared peer's, and its key opens the mesh",
	withoutKey: "is no declared peer's; it holds no key, so it opens nothing",
	settings:   "is not declared, and tinc takes settings from it when it starts",
}

// strangerCheck finds such files, and removes them. What the mesh's own record
// lists is not among them: the engine takes it back.
func (m Mesh) strangerCheck() converge.Check[[]stranger] {
	unit := Unit(m.Name)
	return converge.Check[[]stranger]{
		Question: m.strangers(),
		Differs: func(files []stranger) []converge.Line {
			lines := make([]converge.Line, 0, len(files))
			for _, file := range files {
				lines = append(lines, converge.Line{Subject: "file " + file.path, Code: CodeStranger, Text: strangerTexts[file.kind]})
			}
			return lines
		},
		Mend: func(files []stranger) []converge.Step {
			var steps []converge.Step
			end := converge.Step{Title: "reload " + unit, Effect: converge.Effect{Kind: converge.EffectReload, Name: unit}, Script: "systemctl try-reload-or-restart -- " + remote.Quote(unit)}
			for _, file := range files {
				steps = append(steps, converge.Step{
					Title: "remove " + file.path, Effect: converge.Effect{Kind: converge.EffectRemove, Name: file.path}, Script: "rm -f -- " + remote.Quote(file.path),
				})
				if file.kind == settings {
					end = converge.Step{Title: "restart " + unit, Effect: converge.Effect{Kind: converge.EffectRestart, Name: unit}, Script: "systemctl try-restart -- " + remote.Quote(unit)}
				}
			}
			return append(steps, end)
		},
	}
}

// Strangers tells of such files on a peer's machine, which Converge removes.
func (m Mesh) Strangers(ctx context.Context, host remote.Host) ([]converge.Line, error) {
	files, err := converge.Ask(ctx, host, m.strangers())
	if err != nil {
		return nil, err
	}
	return m.strangerCheck().Differs(files), nil
}

// strangers asks for the paths of such files. Their names may hold anything.
func (m Mesh) strangers() converge.Question[[]stranger] {
	var known []string
	for _, peer := range m.Peers {
		known = append(known, remote.Quote(NodeName(peer.Name)))
	}
	slices.Sort(known)
	return converge.Question[[]stranger]{
		Name: "files that tinc reads and nobody declared",
		Script: converge.ThereFunction + fmt.Sprintf(`at=%s record=%s
tell() { printf 'stranger %%s .%%s\n' "$1" "$(printf %%s "$2" | base64 -w0)"; }
if there "$at/hosts"; then
  ls -A -- "$at/hosts/" >/dev/null || exit
  for file in "$at"/hosts/* "$at"/hosts/.[!.]*; do
    [ -e "$file" ] || [ -L "$file" ] || continue
    case ${file##*/} in %s) continue ;; .atoll.*|*.atoll) continue ;; esac
    ! grep -qsF "\"$file\"" "$record" || continue
    if grep -qsiE 'BEGIN (RSA )?PUBLIC KEY|^ *(Ed25519)?PublicKey' "$file"; then tell key "$file"; else tell bare "$file"; fi
  done
fi
if there "$at/conf.d"; then
  ls -A -- "$at/conf.d/" >/dev/null || exit
  for file in "$at"/conf.d/*.conf "$at"/conf.d/.[!.]*.conf; do
    [ -e "$file" ] || [ -L "$file" ] || continue
    case ${file##*/} in links.conf|peers.conf|.atoll.*) continue ;; esac
    ! grep -qsF "\"$file\"" "$record" || continue
    tell settings "$file"
  done
fi
echo '%s'`, remote.Quote(directory(m.Name)), remote.Quote(converge.RecordPath(m.Owner())), strings.Join(known, "|"), converge.WholeMark),
		Read: readStrangers,
	}
}

func readStrangers(output string) ([]stranger, error) {
	rows, err := converge.Whole(output)
	if err != nil {
		return nil, err
	}
	var files []stranger
	for line := range strings.Lines(rows) {
		told, isTold := strings.CutPrefix(strings.TrimRight(line, "\n"), "stranger ")
		kind, encoded, whole := strings.Cut(told, " .")
		file, err := base64.StdEncoding.DecodeString(encoded)
		if _, known := strangerTexts[strangerKind(kind)]; !isTold || !whole || !known || err != nil || len(file) == 0 {
			return nil, fmt.Errorf("line %q makes no sense", line)
		}
		files = append(files, stranger{strangerKind(kind), string(file)})
	}
	return files, nil
}
