// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package converge

import (
	"context"
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

// Owners lists who has something on a host, by its records.
func Owners(ctx context.Context, host remote.Host) ([]string, error) {
	result, err := host.Run(ctx, remote.Command{Name: "reading the records", Reads: true, Script: "ls " + recordRoot + " 2>/dev/null || :"})
	if err != nil {
		return nil, err
	}
	var owners []string
	for line := range strings.Lines(string(result.Stdout)) {
		escaped, isRecord := strings.CutSuffix(strings.TrimSpace(line), ".json")
		if owner, err := url.PathUnescape(escaped); isRecord && err == nil {
			owners = append(owners, owner)
		}
	}
	return owners, nil
}

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
