// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package acceptance

import (
	"regexp"
	"strings"
	"testing"
)

// turn is a command of a guide and what it is said to print.
type turn struct {
	// host is where it is typed: nothing for the reader's own machine.
	host, command string
	// typed is what is entered at MySQL's own prompt after it.
	typed []string
	// printed are the lines that follow, where … stands for anything.
	printed []string
}

// prompts are those of the reader's machine, of one of the servers, and of MySQL.
var prompts = regexp.MustCompile(`^(?:(?:\w+@(\w+):~)?\$ |(mysql> ))(.*)$`)

// transcripts gives the console blocks of a guide, those in lists, too.
func transcripts(guide string) [][]turn {
	var all [][]turn
	for _, block := range consoles.FindAllStringSubmatch(guide, -1) {
		var turns []turn
		for line := range strings.Lines(strings.ReplaceAll("\n"+block[2], "\n"+block[1], "\n")) {
			line = strings.TrimRight(line, "\n")
			found := prompts.FindStringSubmatch(line)
			switch last := len(turns) - 1; {
			case found != nil && found[2] == "":
				turns = append(turns, turn{host: found[1], command: found[3]})
			case last < 0:
			case found != nil:
				turns[last].typed = append(turns[last].typed, found[3])
			// A command that goes on is indented; so is much of what Terraform prints.
			case len(turns[last].printed) == 0 && strings.Count(turns[last].command, "'")%2 == 1:
				turns[last].command += "\n" + line
			default:
				turns[last].printed = append(turns[last].printed, line)
			}
		}
		all = append(all, turns)
	}
	return all
}

var consoles = regexp.MustCompile("(?ms)^( *)```console\n(.*?)^ *```$")

// anything are the parts of a printed line that are another reader's: what … stands
// for, how long something took, and one secondary or the other.
var anything = regexp.MustCompile(`…|\b(\d+m)?\d+s\b|10\.77\.0\.1[23]\b`)

// shows says whether an output is what a guide says: the same lines, one after
// another, but where a line of … stands for any number of them. Blanks may differ.
func shows(output string, printed []string) bool {
	pattern := `(?s)(?:^|\n)`
	for number, line := range printed {
		if strings.TrimSpace(line) == "…" {
			pattern += `(?:[^\n]*\n)*?`
			continue
		}
		var parts []string
		for _, part := range anything.Split(strings.Join(strings.Fields(line), " "), -1) {
			parts = append(parts, regexp.QuoteMeta(part))
		}
		pattern += strings.Join(parts, `[^\n]*`)
		if number+1 < len(printed) {
			pattern += `\n`
		}
	}
	var lines []string
	for line := range strings.Lines(output) {
		lines = append(lines, strings.Join(strings.Fields(line), " "))
	}
	return regexp.MustCompile(pattern).MatchString(strings.Join(lines, "\n") + "\n")
}

func TestTranscripts(t *testing.T) {
	guide := "text\n\n```console\n$ terraform plan; echo $?\n…\n  - \"line\",\n…\n2\n$ jq '.a\n    | .b' <<<x\nb\n```\n\n   ```console\n   admin@sg1:~$ sudo mysql\n   mysql> SELECT 1;\n   1\n   ```\n"
	all := transcripts(guide)
	if len(all) != 2 || len(all[0]) != 2 || len(all[1]) != 1 {
		t.Fatalf("got %+v", all)
	}
	if one := all[0][1]; one.command != "jq '.a\n    | .b' <<<x" || strings.Join(one.printed, "|") != "b" {
		t.Errorf("got %+v", one)
	}
	if one := all[1][0]; one.host != "sg1" || one.command != "sudo mysql" || strings.Join(one.typed, "|") != "SELECT 1;" || strings.Join(one.printed, "|") != "1" {
		t.Errorf("got %+v", one)
	}
	printed := all[0][0].printed
	for output, want := range map[string]bool{
		"a\nb\n    - \"line\",\nc\n2\n": true,
		"  - \"line\",\n2\n":            true,
		"a\n  - \"line\",\n1\n":         false,
		"a\n  - \"lines\",\n2\n":        false,
		"":                              false,
	} {
		if got := shows(output, printed); got != want {
			t.Errorf("%q: %v", output, got)
		}
	}
	if !shows("done after 1m3s [id=main]\n", []string{"done after 26s […]"}) || shows("done after 1m3s\n", []string{"begun after 26s"}) {
		t.Error("what took another time is not the same")
	}
}
