// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package convergetest

import (
	"errors"
	"path"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
)

// Hostile are texts that a format without care takes for something else.
var Hostile = []string{
	"", "-rf", "a b", "a'b", `a"b`, "a`reboot`", "$(reboot)", "${IFS}", "a;reboot", "a|reboot", "a&reboot", "a>b", "a\\", "a\\nb", "#a", "a#b", ";a", "%i", "%n%%", "!include /etc/passwd",
	"a\nSubnet = 0.0.0.0/0", "a\n[Service]\nExecStartPre=/bin/true", "a\n!includedir /tmp", "a\r", "a\x00b", "a\tb", "a\u0085b", "a\u2028b", "a\u2029b", "\x1b[2J", "\xff", "..", "../../etc/passwd", "/etc/passwd",
	"' OR '1'='1", "a'; DROP USER root; -- ", "a\\'b", "{\"a\": 1}", "=", "a=b", "10.77.0.1/32\n", "10.77.0.1%eth0", "*", "~", "ä", "\u202e", "''", `"a" "b"`, `'a'#'b'`, `"`, "'",
}

// Seed hands all of them to a fuzz test of that many fields, each for each.
func Seed(f *testing.F, fields int) {
	f.Helper()
	for field := range fields {
		for _, text := range Hostile {
			f.Add(uint8(field), text)
		}
	}
}

// Field is one text of a declaration: its name, a value that is well, and the
// manifest that it makes with another.
type Field struct {
	Name, Plain string
	Manifest    func(text string) converge.Manifest
}

// word is what stands for itself in every format: in a shell, in a file of
// lines, in a unit.
var word = regexp.MustCompile(`\A[A-Za-z0-9_.:/@+-]+\z`)

// Holds checks that a text in a field is either refused, or stays where it was
// put: every path, and every line of every file, begins as it does with a text
// that is well, there are no more of them, and what a shell reads outside of
// quotes is the same.
func (f Field) Holds(t *testing.T, text string) {
	t.Helper()
	plain, hostile := f.Manifest(f.Plain), f.Manifest(text)
	if plain.Refusal != nil {
		t.Fatalf("%s: %q is refused: %v", f.Name, f.Plain, plain.Refusal)
	}
	if hostile.Refusal != nil {
		if !errors.Is(hostile.Refusal, converge.ErrHostile) {
			t.Errorf("%s: %q is refused by %v", f.Name, text, hostile.Refusal)
		}
		for _, r := range hostile.Refusal.Error() {
			if r < ' ' && r != '\n' {
				t.Errorf("%s: the refusal of %q repeats it: %q", f.Name, text, hostile.Refusal)
			}
		}
		return
	}
	want, got := textsOf(plain), textsOf(hostile)
	if len(want) != len(got) {
		t.Errorf("%s: with %q there are %d texts, want %d", f.Name, text, len(got), len(want))
		return
	}
	for i := range want {
		if problem := want[i].differs(got[i], f.Plain, text); problem != "" {
			t.Errorf("%s: with %q %s: %s\n%s\n--- as it has to be:\n%s", f.Name, text, want[i].field, problem, got[i].text, want[i].text)
		}
	}
}

// part is one text of a manifest, by the field that holds it.
type part struct{ field, text string }

// textsOf are all texts of a manifest that reach a host.
func textsOf(m converge.Manifest) []part {
	var parts []part
	var walk func(name string, value reflect.Value)
	walk = func(name string, value reflect.Value) {
		switch value.Kind() {
		case reflect.String:
			parts = append(parts, part{name, value.String()})
		case reflect.Interface, reflect.Pointer:
			if !value.IsNil() {
				walk(name, value.Elem())
			}
		case reflect.Struct:
			for i := range value.NumField() {
				if field := value.Type().Field(i); field.Name != "Line" { // for people
					walk(field.Name, value.Field(i))
				}
			}
		case reflect.Slice:
			if value.Type().Elem().Kind() == reflect.Uint8 {
				parts = append(parts, part{name, string(value.Bytes())})
				return
			}
			for i := range value.Len() {
				walk(name, value.Index(i))
			}
		}
	}
	for _, item := range m.Items {
		walk("", reflect.ValueOf(item))
	}
	return parts
}

// differs says what a hostile text has made of a part.
func (p part) differs(got part, plain, text string) string {
	// What stands for itself may stand anywhere.
	if word.MatchString(text) && strings.ReplaceAll(p.text, plain, text) == got.text {
		return ""
	}
	switch p.field {
	case "Script", "Done", "Run":
		if bare := Bare(got.text); bare != Bare(p.text) && strings.ReplaceAll(Bare(p.text), plain, text) != bare || !word.MatchString(text) && bare != Bare(p.text) {
			return "the shell reads it"
		}
	case "Content", "Source", "Preferences":
		before, after := strings.Split(p.text, "\n"), strings.FieldsFunc(got.text+"\x00", func(r rune) bool { return r == '\n' })
		if count := len(strings.FieldsFunc(p.text+"\x00", func(r rune) bool { return r == '\n' })); len(after) != count || strings.ContainsAny(got.text, "\r\u0085\u2028\u2029") {
			return "it has other lines"
		}
		lines := strings.Split(got.text, "\n")
		for i, line := range before {
			if head, _, found := strings.Cut(line, plain); i >= len(lines) || found && !strings.HasPrefix(lines[i], head) || !found && lines[i] != line {
				return "another line is changed"
			}
		}
	case "Path":
		if path.Clean(got.text) != got.text || path.Dir(got.text) != path.Dir(p.text) && !strings.Contains(path.Dir(p.text), plain) {
			return "the path leads elsewhere"
		}
	default:
		if got.text != p.text && converge.OneLine(p.field, got.text) != nil {
			return "it is not one line"
		}
	}
	return ""
}

// Bare is what a shell reads of a script outside of single quotes. It knows of
// quotes, comments, and commands within double quotes, and of nothing else.
func Bare(script string) string {
	var bare strings.Builder
	within := []byte{} // open double quotes and parentheses within them
	top := func() byte {
		if len(within) == 0 {
			return 0
		}
		return within[len(within)-1]
	}
	for i := 0; i < len(script); i++ {
		c := script[i]
		switch {
		case c == '\\' && i+1 < len(script):
			i++
			bare.WriteString(script[i-1 : i+1])
			continue
		case c == '\'' && top() != '"':
			end := strings.IndexByte(script[i+1:], '\'')
			if end < 0 {
				return bare.String() + "' without an end"
			}
			i += end + 1
			// The word goes on where a quote within it is written as '\''.
			for strings.HasPrefix(script[i+1:], `\''`) {
				i += len(`\''`)
				end = strings.IndexByte(script[i+1:], '\'')
				if end < 0 {
					return bare.String() + "' without an end"
				}
				i += end + 1
			}
			bare.WriteString("''")
			continue
		case c == '"' && top() == '"':
			within = within[:len(within)-1]
		case c == '"':
			within = append(within, '"')
		case c == '(' && (top() == '(' || top() == '"' && i > 0 && script[i-1] == '$'):
			within = append(within, '(')
		case c == ')' && top() == '(':
			within = within[:len(within)-1]
		case c == '#' && top() != '"' && (i == 0 || strings.IndexByte(" \n;", script[i-1]) >= 0):
			end := strings.IndexByte(script[i:], '\n')
			if end < 0 {
				return bare.String()
			}
			i += end - 1
			continue
		}
		bare.WriteByte(c)
	}
	return bare.String()
}
