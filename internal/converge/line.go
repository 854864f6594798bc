// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package converge

import "slices"

// Line says one thing that differs. People read its text, code switches on its
// code: no code searches words, in which a name that a user chose may stand.
type Line struct {
	// Subject is the thing, by its kind and name ("file /etc/hosts"). Without
	// one the text stands alone.
	Subject string
	Code    Code
	// Text says what about it differs ("content differs").
	Text string
}

// Code is what a line says, for code. Each kind of thing has those below that
// fit it; a plugin defines further ones for what only it knows.
type Code string

// The codes of the engine's own kinds, and those that several plugins share.
const (
	// CodeMissing: the thing is not there.
	CodeMissing Code = "missing"
	// CodeNotInstalled and CodeHalfInstalled are said of packages.
	CodeNotInstalled  Code = "not-installed"
	CodeHalfInstalled Code = "half-installed"
	// CodeNotInGroup: the account lacks a group.
	CodeNotInGroup Code = "not-in-group"
	// CodeOtherKind: something else stands in its place.
	CodeOtherKind Code = "other-kind"
	// CodeMode, CodeOwner, CodeGroup and CodeContent are said of files and directories.
	CodeMode    Code = "mode"
	CodeOwner   Code = "owner"
	CodeGroup   Code = "group"
	CodeContent Code = "content"
	// CodeTarget: the link leads elsewhere.
	CodeTarget Code = "target"
	// CodeValue: a setting, variable or property has another value.
	CodeValue Code = "value"
	// CodeInactive, CodeActive, CodeDisabled and CodeEnabled name the state that
	// a unit is in and should not be.
	CodeInactive Code = "inactive"
	CodeActive   Code = "active"
	CodeDisabled Code = "disabled"
	CodeEnabled  Code = "enabled"
	// CodeUndone: an action has something to do.
	CodeUndone Code = "undone"
	// CodeStale: it is there, recorded as ours, and declared no more.
	CodeStale Code = "stale"
	// CodeUndeclared: it is there, and was never declared.
	CodeUndeclared Code = "undeclared"
	// CodeUnsupported: the machine cannot be brought to the declaration at all.
	CodeUnsupported Code = "unsupported"
	// CodeUnreachable: the machine does not answer.
	CodeUnreachable Code = "unreachable"
	// CodeSilent: the machine answers, the software on it does not.
	CodeSilent Code = "silent"
	// CodeLost: the machine is declared lost.
	CodeLost Code = "lost"
)

// String is the line as a plan shows it.
func (l Line) String() string {
	if l.Subject == "" {
		return l.Text
	}
	return l.Subject + ": " + l.Text
}

// At puts the member of a relation that the line is about before it.
func (l Line) At(member string) Line {
	l.Subject, l.Text = member, l.String()
	return l
}

// Texts are the lines as a plan shows them.
func Texts(lines []Line) []string {
	texts := make([]string, len(lines))
	for i, line := range lines {
		texts[i] = line.String()
	}
	return texts
}

// Coded says whether one of the lines has one of the codes.
func Coded(lines []Line, codes ...Code) bool {
	return slices.ContainsFunc(lines, func(line Line) bool { return slices.Contains(codes, line.Code) })
}
