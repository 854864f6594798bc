// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package converge

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// Observation is what a host said about one manifest.
type Observation struct {
	System System
	// Record is what the owner had made before; nil when the host has none.
	Record *Record
	// At is our own time, half-way between question and answer, and Within how far
	// either of them is from that.
	At     time.Time
	Within time.Duration

	host  string
	owner string
	// items of the manifest and what was found of each, number by number.
	items  []Item
	states []any
}

// Recorded says whether the host has a record of the owner, so whether anything
// of it was ever made there.
func (o Observation) Recorded() bool { return o.Record != nil }

// Observe asks the host about everything in the manifest: one request, one
// round trip on a warm connection. It changes nothing.
func Observe(ctx context.Context, host remote.Host, m Manifest) (Observation, error) {
	if m.Refusal != nil {
		return Observation{}, fmt.Errorf("%s: %w", m.Owner, m.Refusal)
	}
	before := time.Now()
	result, err := host.Run(ctx, remote.Command{Name: "observing " + m.Owner, Question: m.Owner, Reads: true, Script: observeScript(m)})
	if err != nil {
		return Observation{}, err
	}
	after := time.Now()
	if !result.Asked.IsZero() {
		before, after = result.Asked, result.Came
	}
	observation, err := readObservation(m, string(result.Stdout))
	if err != nil {
		return Observation{}, fmt.Errorf("observing %s on %s: %w", m.Owner, host.Target().Host, err)
	}
	observation.host = host.Target().Host
	observation.Within = after.Sub(before) / 2
	observation.At = before.Add(observation.Within)
	return observation, nil
}

// ThereFunction is shell: it defines absent, which exits 0 only for a path that
// is known not to be there, and there, which says whether a path is and ends the
// script where that cannot be known. An error is no such knowledge, and what
// another process puts there between two looks is there.
const ThereFunction = `absent() { # path
  case $(LC_ALL=C stat -- "$1" 2>&1) in *': No such file or directory'|*': Not a directory') ;; *) return 1 ;; esac
}
there() { # path
  if [ -e "$1" ]; then return 0; fi
  if absent "$1"; then return 1; fi
  if [ -e "$1" ]; then return 0; fi
  if LC_ALL=C stat -- "$1" >/dev/null; then echo "$1 is a link that leads nowhere" >&2; fi
  exit 1
}
`

//go:embed observe.sh
var observeLibrary string

// observeScript is the library, the functions of the kinds that are there, and
// one call for each item.
func observeScript(m Manifest) string {
	var script, calls strings.Builder
	script.WriteString(ThereFunction + observeLibrary)
	defined := map[string]bool{}
	items := m.items()
	for _, kind := range kinds {
		var asked []numbered
		for number, item := range items {
			if item.kind() == kind {
				asked = append(asked, numbered{number, item})
			}
		}
		if len(asked) == 0 {
			continue
		}
		if functions := kind.functions(); !defined[functions] {
			defined[functions] = true
			script.WriteString(functions)
		}
		kind.script(&calls, asked)
	}
	fmt.Fprintf(&script, "system\nrecord record %s\n", quote(recordPath(m.Owner)))
	return script.String() + calls.String() + "echo end\n"
}

// readObservation reads the rows of observeScript. Each has to be there, once
// and as it should: nothing may be taken for absent because an answer was cut
// short.
func readObservation(m Manifest, text string) (Observation, error) {
	o := Observation{owner: m.Owner, items: m.items()}
	rows := map[string][]string{}
	last := ""
	for line := range strings.Lines(text) {
		words := strings.Fields(line)
		if len(words) == 0 {
			continue
		}
		if _, twice := rows[words[0]]; twice {
			return o, fmt.Errorf("reading the answer: %s is there twice", words[0])
		}
		rows[words[0]], last = words[1:], words[0]
	}
	if last != "end" || len(rows["end"]) > 0 || len(rows) != len(o.items)+3 {
		return o, fmt.Errorf("reading the answer: %w (%d rows for %d items)", errNotWhole, len(rows), len(o.items))
	}
	var problem error
	if o.System, problem = readRow(rows, "system", readSystem); problem != nil {
		return o, problem
	}
	if o.Record, problem = readRow(rows, "record", func(words []string) (*Record, error) {
		record, there, err := readRecord(m.Owner, words)
		if !there {
			return o.Record, err
		}
		return &record, err
	}); problem != nil {
		return o, problem
	}
	for number, item := range o.items {
		state, err := readRow(rows, strconv.Itoa(number), func(words []string) (any, error) { return item.kind().answer(item, words) })
		if cameWhole(err) {
			return o, err // and says what was asked
		}
		if err != nil {
			name, _ := item.kind().label()
			return o, fmt.Errorf("%s %s: %w", name, item.kind().owned(item), err)
		}
		o.states = append(o.states, state)
	}
	return o, nil
}

// readRow hands the words of one row to its reader, unless they say why there
// are none.
func readRow[T any](rows map[string][]string, name string, read func(words []string) (T, error)) (T, error) {
	var none T
	words, there := rows[name]
	switch {
	case !there || len(words) == 0:
		return none, fmt.Errorf("reading the answer: %w: nothing is said about %s", errNotWhole, name)
	case words[0] == "!" && len(words) == 2:
		reason, err := decodeText(words[1])
		return none, errors.Join(errors.New(strings.TrimSpace(reason)), err)
	}
	value, err := read(words)
	if err != nil && !cameWhole(err) {
		return none, fmt.Errorf("reading the answer %.80q: %w", strings.Join(words, " "), err)
	}
	return value, err
}
