// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package converge

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"path"
	"slices"
	"strings"

	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// recordRoot is where a host keeps what belongs to whom.
const recordRoot = "/var/lib/atoll/owners"

// Record lists what one owner made on a host, so that what is dropped from its
// declaration is removed, and nothing else is. It is written before the first
// thing in it is made, and shortened after the last one is gone.
type Record struct {
	Owner       string   `json:"owner"`
	Files       []string `json:"files,omitempty"`
	Links       []string `json:"links,omitempty"`
	Units       []string `json:"units,omitempty"`
	Directories []string `json:"directories,omitempty"`
}

// recordPath is the record's file: the owner's name with what a file name
// cannot hold escaped.
func recordPath(owner string) string {
	return path.Join(recordRoot, url.PathEscape(owner)+".json")
}

// Owners lists who has something on a host, by its records. A host whose records
// cannot be read is an error: what it carries is not known then.
func Owners(ctx context.Context, host remote.Host) ([]string, error) {
	return Ask(ctx, host, ownersQuestion())
}

// ownersQuestion asks for the names of the records. A host on which nothing was
// ever made has no directory for them.
func ownersQuestion() Question[[]string] {
	return Question[[]string]{
		Name: "the records of what belongs to whom",
		Script: AbsentFunction + `if [ -d ` + recordRoot + ` ]; then ls -- ` + recordRoot + ` || exit
elif ! absent ` + recordRoot + `; then stat -- ` + recordRoot + `; exit 1; fi
echo '` + WholeMark + `'`,
		Read: readOwners,
	}
}

func readOwners(output string) ([]string, error) {
	names, err := Whole(output)
	if err != nil {
		return nil, err
	}
	var owners []string
	for name := range strings.Lines(names) {
		escaped, isRecord := strings.CutSuffix(strings.TrimRight(name, "\n"), ".json")
		if !isRecord {
			continue
		}
		owner, err := url.PathUnescape(escaped)
		if err != nil {
			return nil, err
		}
		owners = append(owners, owner)
	}
	return owners, nil
}

// readRecord reads the host's record of an owner, nil when it has none.
func readRecord(owner, field string) (*Record, error) {
	if field == "none" {
		return nil, nil
	}
	text, err := decodeText(field)
	if err != nil {
		return nil, err
	}
	var record Record
	if err := json.Unmarshal([]byte(text), &record); err != nil {
		return nil, fmt.Errorf("the record %s is damaged: %w", recordPath(owner), err)
	}
	if record.Owner != owner {
		return nil, fmt.Errorf("the record %s is that of %q", recordPath(owner), record.Owner)
	}
	return &record, nil
}

// AbsentFunction is shell: it defines absent, which exits 0 only for a path that
// is known not to be there.
//
//go:embed absent.sh
var AbsentFunction string

// record lists what a manifest makes.
func (m Manifest) record() Record {
	r := Record{Owner: m.Owner}
	for _, file := range m.allFiles() {
		r.Files = append(r.Files, file.Path)
	}
	for _, link := range m.Links {
		r.Links = append(r.Links, link.Path)
	}
	for _, unit := range m.Units {
		r.Units = append(r.Units, unit.Name)
	}
	for _, directory := range m.Directories {
		r.Directories = append(r.Directories, directory.Path)
	}
	return r
}

// union holds everything of both; minus what only r has.
func (r Record) union(other Record) Record {
	return Record{
		Owner: r.Owner, Files: merge(r.Files, other.Files), Links: merge(r.Links, other.Links),
		Units: merge(r.Units, other.Units), Directories: merge(r.Directories, other.Directories),
	}
}

func (r Record) minus(other Record) Record {
	return Record{
		Owner: r.Owner, Files: without(r.Files, other.Files), Links: without(r.Links, other.Links),
		Units: without(r.Units, other.Units), Directories: without(r.Directories, other.Directories),
	}
}

func (r Record) empty() bool {
	return len(r.Files)+len(r.Links)+len(r.Units)+len(r.Directories) == 0
}

func (r Record) equal(other Record) bool {
	return r.minus(other).empty() && other.minus(r).empty()
}

func merge(a, b []string) []string {
	all := map[string]bool{}
	for _, name := range append(slices.Clone(a), b...) {
		all[name] = true
	}
	return slices.Sorted(maps.Keys(all))
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

// sysctlPath is the file that sets an owner's sysctls at boot.
func sysctlPath(owner string) string {
	return "/etc/sysctl.d/60-atoll-" + strings.NewReplacer("/", "-", " ", "-").Replace(owner) + ".conf"
}

// allFiles are the declared files and those that other declarations bring.
func (m Manifest) allFiles() []File {
	if len(m.Sysctls) == 0 {
		return m.Files
	}
	var content strings.Builder
	for _, sysctl := range m.Sysctls {
		fmt.Fprintf(&content, "%s = %s\n", sysctl.Key, sysctl.Value)
	}
	return append(slices.Clone(m.Files), File{Path: sysctlPath(m.Owner), Mode: 0o644, Content: []byte(content.String())})
}
