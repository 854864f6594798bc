// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package converge

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"path"
	"slices"

	"github.com/atollhq/terraform-provider-atoll/internal/remote/ahead"
)

// recordRoot is where a host keeps what belongs to whom.
const recordRoot = "/var/lib/atoll/owners"

// Record lists what one owner made on a host, so that what is dropped from its
// declaration is removed, and nothing else is. It is written before the first
// thing in it is made, and shortened after the last one is gone.
//
// On the host it is a JSON object with the owner and a list of names for each
// kind that owns things: "files", "links", "units", "directories", "apt_sources".
type Record struct {
	Owner string
	// all names by the plural of their kind.
	all map[string][]string
}

// Holds says whether the record lists an item. A nil record lists nothing.
func (r *Record) Holds(item Item) bool {
	_, plural := item.kind().label()
	return slices.Contains(r.names(plural), item.kind().owned(item))
}

// names of one kind; a nil record has none.
func (r *Record) names(plural string) []string {
	if r == nil {
		return nil
	}
	return r.all[plural]
}

// lists says whether any kind has a thing of that name.
func (r *Record) lists(name string) bool {
	for _, names := range r.all {
		if slices.Contains(names, name) {
			return true
		}
	}
	return false
}

// recordOf lists what a manifest's items make.
func recordOf(owner string, items []Item) Record {
	r := Record{Owner: owner, all: map[string][]string{}}
	for _, item := range items {
		if name := item.kind().owned(item); name != "" {
			_, plural := item.kind().label()
			r.all[plural] = append(r.all[plural], name)
		}
	}
	return r
}

// union holds everything of both.
func (r Record) union(other Record) Record {
	both := Record{Owner: r.Owner, all: map[string][]string{}}
	for _, one := range []Record{r, other} {
		for plural, names := range one.all {
			both.all[plural] = append(both.all[plural], names...)
		}
	}
	for plural, names := range both.all {
		slices.Sort(names)
		both.all[plural] = slices.Compact(names)
		if len(names) == 0 {
			delete(both.all, plural)
		}
	}
	return both
}

func (r Record) equal(other Record) bool {
	a, b := r.union(Record{}), other.union(Record{})
	return maps.EqualFunc(a.all, b.all, slices.Equal)
}

// MarshalJSON writes the owner and the lists side by side.
func (r Record) MarshalJSON() ([]byte, error) {
	document := map[string]any{"owner": r.Owner}
	for plural, names := range r.all {
		document[plural] = names
	}
	return json.Marshal(document)
}

// UnmarshalJSON refuses lists of a kind that this release does not know: it
// could not take them back.
func (r *Record) UnmarshalJSON(text []byte) error {
	var document map[string]json.RawMessage
	if err := json.Unmarshal(text, &document); err != nil {
		return err
	}
	if err := json.Unmarshal(document["owner"], &r.Owner); err != nil {
		return fmt.Errorf("it has no owner: %w", err)
	}
	delete(document, "owner")
	r.all = map[string][]string{}
	for _, kind := range kinds {
		_, plural := kind.label()
		if document[plural] == nil {
			continue
		}
		var names []string
		if err := json.Unmarshal(document[plural], &names); err != nil {
			return fmt.Errorf("its %s: %w", plural, err)
		}
		r.all[plural] = names
		delete(document, plural)
	}
	for plural := range document {
		return fmt.Errorf("it lists %s, which this release of the provider does not know: use the one that wrote it", plural)
	}
	return nil
}

// RecordPath is the file of an owner's record on its host.
func RecordPath(owner string) string { return recordPath(owner) }

// recordPath is the record's file: the owner's name with what a file name
// cannot hold escaped.
func recordPath(owner string) string {
	return path.Join(recordRoot, url.PathEscape(owner)+".json")
}

// recordStep writes the record of an owner.
func recordStep(record Record) Step {
	content, err := json.Marshal(record)
	if err != nil {
		panic(err) // a map of strings always encodes
	}
	step := fileStep(File{Path: recordPath(record.Owner), Mode: 0o644, Content: content})
	step.Title, step.Effect.Kind = "record what belongs to "+record.Owner, EffectRecord
	step.Script = "mkdir -p " + quote(recordRoot) + "\n" + step.Script
	return step
}

// forgetStep takes the record and the questions of an owner away, and with the last
// of them what says which version of the provider left them.
func forgetStep(owner string) Step {
	return Step{Title: "forget " + owner, Effect: Effect{EffectRecord, recordPath(owner)}, Script: "rm -f -- " + quote(recordPath(owner)) + " " + quote(ahead.File(owner)) + " " + quote(ahead.File(owner)) + `.*
[ "$(ls -A ` + ahead.Directory + ` 2>/dev/null)" != .version ] || rm -f ` + ahead.Directory + `/.version`}
}

// readRecord reads the host's record of an owner; there says whether it has one.
func readRecord(owner string, words []string) (record Record, there bool, err error) {
	if len(words) != 1 || words[0] == "missing" {
		if len(words) != 1 {
			err = errNotWhole
		}
		return record, false, err
	}
	text, err := decodeText(words[0])
	if err != nil {
		return record, false, err
	}
	if err := json.Unmarshal([]byte(text), &record); err != nil {
		return record, false, fmt.Errorf("the record %s cannot be read: %w", recordPath(owner), err)
	}
	if record.Owner != owner {
		return record, false, fmt.Errorf("the record %s is that of %q", recordPath(owner), record.Owner)
	}
	return record, true, nil
}

func without(a, b []string) []string {
	var rest []string
	for _, name := range a {
		if !slices.Contains(b, name) {
			rest = append(rest, name)
		}
	}
	return rest
}
