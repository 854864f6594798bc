// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package ahead

import (
	"compress/gzip"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strconv"
	"strings"

	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// Directory is where a host keeps the questions, one a file, for root alone. A
// question holds no secret, but it says what stands on the machine.
const Directory = "/var/lib/atoll/questions"

// patience bounds a kept question, in seconds: who asked first waits for all.
// What takes longer is asked again by whom it concerns.
var patience = 10

// directory is another one in tests.
var directory = Directory

// File is where a host keeps the question of one asker.
func File(question string) string { return directory + "/" + url.PathEscape(question) }

// answerKept answers all questions that are kept in "$d". Each answer is a line of
// its own, in base64 so that nothing in it can be taken for ours, and written under
// a lock: lines of several writers to one pipe would mix. They are packed, since
// what exceeds TCP's first window (some 14 KB) costs a round trip.
const answerKept = `for one in "$d"/*; do
  [ -f "$one" ] || continue
  (
    exec 9<"$d"
    sum=$(sha256sum <"$one" | cut -c1-64)
    answer=$({ timeout %d sh "$one" </dev/null 2>/dev/null 9<&-; printf '\n%%d' $?; } | gzip -1 | base64 -w0)
    flock 9
    printf 'kept %%s %%s %%s\n' "$sum" "$answer" "${one##*/}"
  ) &
done
`

// Program is where a host has the program that answers all that is kept there, for
// somebody who may ask nothing else.
const Program = "/usr/local/lib/atoll/answers"

// Answers is the content of Program. It takes no arguments and reads no input.
func Answers() []byte {
	return []byte(`#!/bin/sh
# Kept by Atoll. It answers the questions that the last apply has left on this
# machine, which change nothing, and takes no others.
export LC_ALL=C PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
cd / && exec </dev/null
d=` + remote.Quote(directory) + "\n" + fmt.Sprintf(answerKept, patience) + `wait
echo whole
`)
}

// firstScript runs a script, and beside it all that are kept. A question of which
// none is kept is kept along with it. Where another version of the provider has
// left them, it says that all have to be kept anew.
func firstScript(question, script, version string) string {
	return fmt.Sprintf(`d=%s f=%s q=%s v=%s
old=$(cat "$d/.version" 2>/dev/null)
[ "$v" = "" ] || [ "$v" = "$old" ] || [ ! -d "$d" ] || echo renew
%sanswer=$({ (eval "$q") </dev/null; printf '\n%%d' $?; } | gzip -1 | base64 -w0)
wait
[ "$v" = "" ] || { [ "$v" = "$old" ] && [ -f "$f" ]; } || %s
printf 'own %%s\n' "$answer"
`, remote.Quote(directory), remote.Quote(File(question)), remote.Quote(script), remote.Quote(version), fmt.Sprintf(answerKept, patience), keep)
}

// keep writes question $q to file $f, with the version $v, on a machine on which
// something was applied.
const keep = `( umask 077; [ -d "${d%/*}" ] && mkdir -p "$d" && chmod 0700 "$d" && printf %s "$q" >"$f.new" && mv -f "$f.new" "$f" && printf %s "$v" >"$d/.version" ) 2>/dev/null`

// keepScript writes a question down, when it differs, and asks it. A host on
// which it cannot be written is asked all the same.
func keepScript(question, script, version string) string {
	return fmt.Sprintf(`d=%s f=%s q=%s v=%s
printf %%s "$q" | cmp -s - "$f" || %s
(eval "$q")`, remote.Quote(directory), remote.Quote(File(question)), remote.Quote(script), remote.Quote(version), keep)
}

// answer is the output of one script and its exit code.
type answer struct {
	output string
	code   int
}

// kept are the answers that came ahead.
type kept struct {
	// answers by the sum of the question's script.
	answers map[string]answer
	// askers are the files of all questions that the host keeps.
	askers map[string]bool
	// renew says that another version of the provider has left them.
	renew bool
}

// line reads one line of what is kept; false for what is none.
func (k *kept) line(fields []string) {
	switch {
	case len(fields) == 1 && fields[0] == "renew":
		k.renew = true
	case len(fields) == 4 && fields[0] == "kept":
		k.askers[fields[3]] = true
		if one, err := parseAnswer(fields[2]); err == nil {
			k.answers[fields[1]] = one
		}
	}
}

// parseFirst reads the answers of firstScript: its own, and those that came
// ahead. Without its own it is not whole.
func parseFirst(text string) (own answer, ahead kept, err error) {
	ahead = kept{answers: map[string]answer{}, askers: map[string]bool{}}
	complete := false
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		if len(fields) == 2 && fields[0] == "own" && strings.HasSuffix(line, "\n") {
			if own, err = parseAnswer(fields[1]); err != nil {
				return own, kept{}, err
			}
			complete = true
		}
		ahead.line(fields)
	}
	if !complete {
		return own, kept{}, errors.New("reading the answer: it is not whole")
	}
	return own, ahead, nil
}

// parseAnswers reads what Program says.
func parseAnswers(text string) (kept, error) {
	ahead, whole := kept{answers: map[string]answer{}, askers: map[string]bool{}}, false
	for line := range strings.Lines(text) {
		ahead.line(strings.Fields(line))
		whole = whole || line == "whole\n"
	}
	if !whole {
		return kept{}, errors.New("reading the answers: they are not whole")
	}
	return ahead, nil
}

// parseAnswer splits the output from the exit code in its last line.
func parseAnswer(encoded string) (answer, error) {
	unpacked, err := gzip.NewReader(base64.NewDecoder(base64.StdEncoding, strings.NewReader(encoded)))
	if err != nil {
		return answer{}, fmt.Errorf("reading the answer: %w", err)
	}
	text, err := io.ReadAll(unpacked)
	if err != nil {
		return answer{}, fmt.Errorf("reading the answer: %w", err)
	}
	cut := strings.LastIndexByte(string(text), '\n')
	if cut < 0 {
		return answer{}, errors.New("reading the answer: it has no exit code")
	}
	code, err := strconv.Atoi(string(text[cut+1:]))
	if err != nil {
		return answer{}, fmt.Errorf("reading the answer: %w", err)
	}
	return answer{string(text[:cut]), code}, nil
}
