// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package mysqld

import (
	"regexp"
	"strings"
	"testing"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
	"github.com/atollhq/terraform-provider-atoll/internal/converge/convergetest"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/mysqlroot"
)

// Whatever a text of a server holds, neither its unit, nor its settings file, nor
// a shell goes on in it.
func FuzzHostile(f *testing.F) {
	with := func(change func(*Config, string)) func(string) converge.Manifest {
		return func(text string) converge.Manifest {
			c := Config{Address: "10.77.0.11", Port: 3306, ServerID: 7, After: "tinc@site.service", MemoryBytes: 2 * gibibyte, Unguarded: true}
			change(&c, text)
			return c.Manifest()
		}
	}
	all := []convergetest.Field{
		{Name: "address", Plain: "10.77.0.99", Manifest: with(func(c *Config, text string) { c.Address = text })},
		{Name: "after", Plain: "zqunit.service", Manifest: with(func(c *Config, text string) { c.After = text })},
		{Name: "package", Plain: "zqpackage", Manifest: with(func(c *Config, text string) { c.Package = text })},
		{Name: "setting", Plain: "zqvalue", Manifest: with(func(c *Config, text string) { c.Own = map[string]string{"sql_mode": text} })},
		{Name: "name of a setting", Plain: "zqname", Manifest: with(func(c *Config, text string) { c.Own = map[string]string{text: "1"} })},
	}
	convergetest.Seed(f, len(all))
	f.Fuzz(func(t *testing.T, number uint8, text string) {
		field := all[int(number)%len(all)]
		if text == "" && (field.Name == "after" || field.Name == "package") {
			return // left out
		}
		field.Holds(t, text)
	})
}

// options reads the settings file as mysqld does: mysys/my_default.cc of MySQL
// 9.7 (remove_end_comment, search_default_file_with_ext).
func options(text string) (group string, found map[string]string) {
	found = map[string]string{}
	for line := range strings.SplitSeq(text, "\n") {
		line = strings.TrimLeft(line, " \t\r\v\f")
		if line == "" || line[0] == '#' || line[0] == ';' {
			continue
		}
		if line[0] == '!' || line[0] == '[' {
			group += line
			continue
		}
		line = strings.TrimRight(withoutComment(line), " \t\r\v\f")
		name, value, _ := strings.Cut(line, "=")
		value = strings.TrimLeft(value, " \t\r\v\f")
		if n := len(value); n > 1 && (value[0] == '"' || value[0] == '\'') && value[n-1] == value[0] {
			value = value[1 : n-1]
		}
		found[strings.TrimRight(name, " \t\r\v\f")] = unescaped(value)
	}
	return group, found
}

func withoutComment(line string) string {
	var quote byte
	escape := false
	for i := range len(line) {
		if c := line[i]; (c == '\'' || c == '"') && !escape {
			switch quote {
			case 0:
				quote = c
			case c:
				quote = 0
			}
		}
		if quote == 0 && line[i] == '#' {
			return line[:i]
		}
		escape = quote != 0 && line[i] == '\\' && !escape
	}
	return line
}

func unescaped(value string) string {
	var text strings.Builder
	for i := 0; i < len(value); i++ {
		if value[i] != '\\' || i == len(value)-1 {
			text.WriteByte(value[i])
			continue
		}
		i++
		switch c := value[i]; c {
		case 'n', 't', 'r', 'b', 's':
			text.WriteString(map[byte]string{'n': "\n", 't': "\t", 'r': "\r", 'b': "\b", 's': " "}[c])
		case '"', '\'', '\\':
			text.WriteByte(c)
		default:
			text.WriteString(value[i-1 : i+1])
		}
	}
	return text.String()
}

// mysqld reads each value as it was given, and we read our own file back.
func FuzzSettingsFile(f *testing.F) {
	convergetest.Seed(f, 1)
	f.Fuzz(func(t *testing.T, _ uint8, value string) {
		c := Config{Address: "10.77.0.11", Port: 3306, ServerID: 7, MemoryBytes: 2 * gibibyte, Own: map[string]string{"init_connect": value}}
		if c.forms() != nil {
			return
		}
		group, found := options(string(c.file()))
		if group != "[mysqld]" || len(found) != len(c.Settings()) {
			t.Fatalf("with %q there are the groups %s and %d settings, want %d:\n%s", value, group, len(found), len(c.Settings()), c.file())
		}
		want := value
		if quoted(value) {
			want = unescaped(value[1 : len(value)-1])
		}
		if found["init_connect"] != want {
			t.Errorf("mysqld reads %q, want %q:\n%s", found["init_connect"], want, c.file())
		}
		if back := parseFileValue(fileValue(value)); !quoted(value) && back != value {
			t.Errorf("%q comes back as %q", value, back)
		}
	})
}

// bareWord is what a statement may hold outside of quotes: a number, or a word.
var bareWord = regexp.MustCompile(`\A[A-Za-z0-9_.+-]+\z`)

// A value in a statement is a number, a word, or quoted to its end.
func FuzzStatement(f *testing.F) {
	convergetest.Seed(f, 2)
	f.Fuzz(func(t *testing.T, field uint8, text string) {
		written := literal(text)
		if field%2 == 1 {
			if written = mysqlroot.Identifier(text); strings.Contains(strings.ReplaceAll(written[1:len(written)-1], "``", ""), "`") {
				t.Errorf("the name %q is written %s", text, written)
			}
			return
		}
		if bareWord.MatchString(written) {
			return
		}
		inner := strings.NewReplacer(`\\`, "", `''`, "").Replace(written[1 : len(written)-1])
		if written[0] != '\'' || written[len(written)-1] != '\'' || strings.ContainsAny(inner, `'\`) {
			t.Errorf("%q is written %s", text, written)
		}
	})
}

// A mesh's name stays between its quotes: one rule is one rule.
func FuzzDoor(f *testing.F) {
	convergetest.Seed(f, 1)
	f.Fuzz(func(t *testing.T, _ uint8, name string) {
		c := Config{Address: "10.77.0.11", Port: 3306, Interface: name}
		if c.forms() != nil || name == "" {
			return
		}
		if rule := c.rule(); strings.Count(rule, `"`) != 4 || strings.ContainsAny(rule, "\n;{}#") {
			t.Errorf("%q makes the rule %s", name, rule)
		}
	})
}
