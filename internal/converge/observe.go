// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package converge

import (
	"context"
	_ "embed"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

//go:embed observe.sh
var observeLibrary string

// Observation is what a host said about one manifest. Slices go with the
// manifest's, index by index.
type Observation struct {
	// OSID, OSLike and OSName are those of os-release(5).
	OSID, OSLike, OSName string
	Systemd, Apt         bool
	// Packages that dpkg knows, by name.
	Packages    map[string]PackageSeen
	Users       []UserSeen
	Directories []FileSeen
	Files       []FileSeen
	Links       []LinkSeen
	Sysctls     []string
	// ActionsDone says per action whether there is nothing to do.
	ActionsDone []bool
	Units       []UnitSeen
	Probes      map[string]Answer
	// replies by the name of the question, see Question.Answer; host is who gave them.
	replies map[string]reply
	host    string
	// Record is what the owner had made before; nil when the host has none.
	Record *Record
	// At is our own time, half-way between question and answer.
	At time.Time
}

// PackageSeen is a package as dpkg has it. Status is dpkg's abbreviation: "ii"
// is installed, "iF" and "iU" are half-way.
type PackageSeen struct{ Status, Version string }

// UserSeen is an account and the groups it is in.
type UserSeen struct {
	Exists bool
	Groups []string
}

// FileSeen is what stands at a path. Kind is "regular", "link", "directory",
// "other" or "missing"; the rest is set for regular files and directories.
type FileSeen struct {
	Kind, Mode, Owner, Group, SHA256 string
}

// LinkSeen is what stands at the path of a link.
type LinkSeen struct {
	Kind, Target string
}

// UnitSeen holds properties of a unit, see systemctl(1) and systemd.unit(5).
type UnitSeen struct {
	LoadState, ActiveState, UnitFileState string
	NeedReload                            bool
}

// Answer is the output of a probe.
type Answer struct {
	Output   string
	ExitCode int
}

// Recorded says whether the host has a record of the owner, so whether anything
// of it was ever made there.
func (o Observation) Recorded() bool { return o.Record != nil }

// Observe asks the host about everything in the manifest: one request, one
// round trip on a warm connection. It changes nothing.
func Observe(ctx context.Context, host remote.Host, m Manifest) (Observation, error) {
	before := time.Now()
	result, err := host.Run(ctx, remote.Command{Name: "observing " + m.Owner, Reads: true, Script: observeScript(m)})
	if err != nil {
		return Observation{}, err
	}
	after := time.Now()
	observation, err := parseObservation(m, string(result.Stdout))
	if err != nil {
		return Observation{}, fmt.Errorf("observing %s on %s: %w", m.Owner, host.Target().Host, err)
	}
	observation.host = host.Target().Host
	observation.At = before.Add(after.Sub(before) / 2)
	return observation, nil
}

// observeScript is the library and one call for each thing.
func observeScript(m Manifest) string {
	var script strings.Builder
	call := func(function string, index int, argument string) {
		fmt.Fprintf(&script, "%s %d %s\n", function, index, remote.Quote(argument))
	}
	script.WriteString(AbsentFunction)
	script.WriteString(observeLibrary)
	script.WriteString("system\n")
	fmt.Fprintf(&script, "record %s\n", remote.Quote(recordPath(m.Owner)))
	if names := packageNames(m); len(names) > 0 {
		fmt.Fprintf(&script, "packages %s\n", strings.Join(names, " "))
	}
	for i, user := range m.Users {
		call("user", i, user.Name)
	}
	for i, directory := range m.Directories {
		call("directory", i, directory.Path)
	}
	for i, file := range m.allFiles() {
		call("file", i, file.Path)
	}
	for i, link := range m.Links {
		call("link", i, link.Path)
	}
	for i, sysctl := range m.Sysctls {
		call("setting", i, sysctl.Key)
	}
	for i, action := range m.Actions {
		call("guard", i, action.Done)
	}
	for i, unit := range m.Units {
		call("unit", i, unit.Name)
	}
	for i, question := range m.Questions {
		call("question", i, question.script())
	}
	for i, probe := range m.Probes {
		call("probe", i, probe.Script)
	}
	script.WriteString("echo end\n")
	return script.String()
}

// packageNames lists wanted and refused packages, quoted.
func packageNames(m Manifest) []string {
	var names []string
	for _, wanted := range m.Packages {
		names = append(names, remote.Quote(wanted.Name))
		for refused := range wanted.Refuse {
			names = append(names, remote.Quote(refused))
		}
	}
	return names
}

// parseObservation reads the lines of observeScript. A line that is missing is
// an error: nothing may be taken for absent because an answer was cut short.
func parseObservation(m Manifest, text string) (Observation, error) {
	o := Observation{
		Packages: map[string]PackageSeen{}, Probes: map[string]Answer{}, replies: map[string]reply{},
		Users: make([]UserSeen, len(m.Users)), Directories: make([]FileSeen, len(m.Directories)),
		Files: make([]FileSeen, len(m.allFiles())), Links: make([]LinkSeen, len(m.Links)),
		Sysctls: make([]string, len(m.Sysctls)), ActionsDone: make([]bool, len(m.Actions)), Units: make([]UnitSeen, len(m.Units)),
	}
	answered, complete := 0, false
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		if len(fields) == 0 {
			continue
		}
		counts, err := o.take(m, fields)
		if err != nil {
			return o, fmt.Errorf("reading the answer: line %.80q: %w", strings.TrimSpace(line), err)
		}
		if counts {
			answered++
		}
		complete = fields[0] == "end"
	}
	want := 1 + len(o.Users) + len(o.Directories) + len(o.Files) + len(o.Links) + len(o.Sysctls) + len(o.ActionsDone) + len(o.Units) + len(m.Probes) + len(m.Questions)
	if !complete || answered != want {
		return o, fmt.Errorf("reading the answer: it is not whole (%d of %d things)", answered, want)
	}
	return o, nil
}

// take reads one line. counts says whether it answers for one thing.
func (o *Observation) take(m Manifest, fields []string) (counts bool, err error) {
	switch fields[0] {
	case "systemd":
		o.Systemd = true
	case "apt":
		o.Apt = true
	case "end":
	case "system":
		lines := strings.SplitN(decode(field(fields, 1))+"\n\n\n", "\n", 4)
		o.OSID, o.OSLike, o.OSName = lines[0], lines[1], lines[2]
	case "record":
		o.Record, err = readRecord(m.Owner, field(fields, 1))
		return true, err
	case "package":
		o.Packages[field(fields, 1)] = PackageSeen{field(fields, 2), field(fields, 3)}
	default:
		return true, o.takeIndexed(m, fields)
	}
	return false, err
}

func (o *Observation) takeIndexed(m Manifest, fields []string) error {
	index, err := strconv.Atoi(field(fields, 1))
	if err != nil || index < 0 {
		return fmt.Errorf("index %q is not a number", field(fields, 1))
	}
	lengths := map[string]int{
		"user": len(o.Users), "directory": len(o.Directories), "file": len(o.Files), "link": len(o.Links),
		"sysctl": len(o.Sysctls), "guard": len(o.ActionsDone), "unit": len(o.Units), "probe": len(m.Probes), "question": len(m.Questions),
	}
	length, known := lengths[fields[0]]
	if !known || index >= length {
		return fmt.Errorf("nobody asked for %s %d", fields[0], index)
	}
	rest := fields[2:]
	var problem error
	switch fields[0] {
	case "user":
		o.Users[index] = UserSeen{field(rest, 0) != "missing", strings.Fields(decode(field(rest, 0)))}
	case "directory":
		o.Directories[index] = fileSeen(append([]string{"directory"}, rest...))
	case "file":
		o.Files[index] = fileSeen(rest)
	case "link":
		o.Links[index] = LinkSeen{field(rest, 0), decode(field(rest, 1))}
	case "sysctl":
		o.Sysctls[index] = strings.TrimSpace(decode(field(rest, 0)))
	case "guard":
		o.ActionsDone[index] = field(rest, 0) == "0"
	case "unit":
		o.Units[index] = unitSeen(rest)
	case "question":
		o.replies[m.Questions[index].name()], problem = readReply(rest)
	case "probe":
		o.Probes[m.Probes[index].Name] = answer(decode(field(rest, 0)))
	}
	return problem
}

// fileSeen reads "regular MODE OWNER GROUP SHA256", "directory MODE OWNER
// GROUP", "directory missing", or a kind alone.
func fileSeen(fields []string) FileSeen {
	if len(fields) >= 4 {
		return FileSeen{fields[0], fields[1], fields[2], fields[3], field(fields, 4)}
	}
	if len(fields) == 0 {
		return FileSeen{}
	}
	return FileSeen{Kind: fields[len(fields)-1]}
}

func unitSeen(properties []string) UnitSeen {
	var seen UnitSeen
	for _, property := range properties {
		key, value, _ := strings.Cut(property, "=")
		switch key {
		case "LoadState":
			seen.LoadState = value
		case "ActiveState":
			seen.ActiveState = value
		case "UnitFileState":
			seen.UnitFileState = value
		case "NeedDaemonReload":
			seen.NeedReload = value == "yes"
		}
	}
	return seen
}

// answer splits a probe's output from the exit code in its last line.
func answer(text string) Answer {
	cut := strings.LastIndexByte(text, '\n')
	if cut < 0 {
		return Answer{Output: text, ExitCode: -1}
	}
	code, err := strconv.Atoi(text[cut+1:])
	if err != nil {
		code = -1
	}
	return Answer{Output: text[:cut], ExitCode: code}
}

func field(fields []string, index int) string {
	if index < len(fields) {
		return fields[index]
	}
	return ""
}

// decode gives "" for what is not base64, such as the word missing.
func decode(text string) string {
	decoded, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return ""
	}
	return string(decoded)
}
