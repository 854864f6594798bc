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

// firstScript runs a script, and beside it all that are kept. Each answer is a
// line of its own, in base64 so that nothing in it can be taken for ours, and
// written under a lock: lines of several writers to one pipe would mix. They are
// packed, since what exceeds TCP's first window (some 14 KB) costs a round trip.
func firstScript(script string) string {
	return fmt.Sprintf(`d=%s
for f in "$d"/*; do
  [ -f "$f" ] || continue
  (
    exec 9<"$d"
    sum=$(sha256sum <"$f" | cut -c1-64)
    answer=$({ timeout %d sh "$f" </dev/null 2>/dev/null 9<&-; printf '\n%%d' $?; } | gzip -1 | base64 -w0)
    flock 9
    printf 'kept %%s %%s\n' "$sum" "$answer"
  ) &
done
answer=$({ (eval %s) </dev/null; printf '\n%%d' $?; } | gzip -1 | base64 -w0)
wait
printf 'own %%s\n' "$answer"
`, remote.Quote(directory), patience, remote.Quote(script))
}

// keepScript writes a question down, when it differs, and asks it. A host on
// which it cannot be written is asked all the same.
func keepScript(question, script string) string {
	return fmt.Sprintf(`d=%s f=%s q=%s
printf %%s "$q" | cmp -s - "$f" || (
  umask 077
  mkdir -p "$d" && chmod 0700 "$d" && printf %%s "$q" >"$f.new" && mv -f "$f.new" "$f"
) 2>/dev/null
(eval "$q")`, remote.Quote(directory), remote.Quote(File(question)), remote.Quote(script))
}

// answer is the output of one script and its exit code.
type answer struct {
	output string
	code   int
}

// parseFirst reads the answers of firstScript: its own, and those that came
// ahead and whose scripts ended well. Without its own it is not whole.
func parseFirst(text string) (own answer, kept map[string]string, err error) {
	kept = map[string]string{}
	complete := false
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		switch {
		case len(fields) == 3 && fields[0] == "kept":
			if one, err := parseAnswer(fields[2]); err == nil && one.code == 0 {
				kept[fields[1]] = one.output
			}
		case len(fields) == 2 && fields[0] == "own" && strings.HasSuffix(line, "\n"):
			if own, err = parseAnswer(fields[1]); err != nil {
				return own, nil, err
			}
			complete = true
		}
	}
	if !complete {
		return own, nil, errors.New("reading the answer: it is not whole")
	}
	return own, kept, nil
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
