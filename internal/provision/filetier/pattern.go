// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package filetier

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// CheckPattern says what unison would not take of a pattern of ignore. It refuses only what
// unison 2.52 or 2.53 surely refuses: that is found on a machine, after all else was made.
func CheckPattern(pattern string) error {
	word, rest, _ := strings.Cut(pattern, " ")
	rest, _, _ = strings.Cut(rest, " -> ")
	rest = strings.TrimSpace(rest)
	switch {
	case !slices.Contains([]string{"Name", "Path", "BelowPath", "Regex"}, word) || rest == "" || strings.HasPrefix(rest, "-> "):
		return errors.New("must be one of unison's patterns: Name, Path, BelowPath or Regex and what follows it, such as \"Name *.tmp\" or \"Path cache\"")
	case word == "Regex":
		return checkExpression(rest)
	case word != "Name" && strings.HasPrefix(rest, "/"):
		return errors.New("must not begin with a slash: a path is one below hot, such as \"Path cache\"")
	}
	return checkGlob(rest)
}

// repeats is how often something is to be repeated, as it stands behind it.
var repeats = regexp.MustCompile(`\A\{[0-9]+(,[0-9]*)?\}`)

// checkExpression finds what is wrong with a regular expression of unison's.
func checkExpression(text string) error {
	const repeatable, repeated, nothing = 0, 1, 2
	depth, before := 0, nothing
	for i := 0; i < len(text); i++ {
		c, after := text[i], repeatable
		switch c {
		case '\\':
			if i++; i == len(text) || !strings.ContainsRune(`|()*+?[.^${\`, rune(text[i])) {
				return errors.New(`must have a \ only before one of | ( ) * + ? [ . ^ $ { \, which then means that character itself; unison knows no \w and the like`)
			}
		case '[':
			length := bracket(text[i:], false)
			switch {
			case length == 0:
				return unclosed("[", "]")
			case strings.Contains(text[i:i+length], "[:"):
				return errors.New("must not have classes such as [:digit:], which unison does not know: write [0-9] instead")
			}
			i += length - 1
		case '(':
			depth, after = depth+1, nothing
		case ')':
			if depth--; depth < 0 {
				return errors.New(`has ) without its (, and unison takes no such pattern. For the character itself write \)`)
			}
		case '|':
			after = nothing
		case '*', '+', '?', '{':
			how := string(c)
			if c == '{' {
				how = repeats.FindString(text[i:])
			}
			switch {
			case how == "":
				return errors.New(`has { without a number and a } behind it, such as {2} or {2,5}, and unison takes no such pattern. For the character itself write \{`)
			case before == nothing:
				return fmt.Errorf(`has %s with nothing before it to repeat, and unison takes no such pattern: write .%s for any characters, or \%c for the character itself`, how, how, c)
			case before == repeated:
				return fmt.Errorf("has %s behind what is repeated already, and unison takes no such pattern: put parentheses around that, or take %s out", how, how)
			}
			i, after = i+len(how)-1, repeated
		}
		before = after
	}
	if depth > 0 {
		return unclosed("(", ")")
	}
	return nil
}

// checkGlob finds what is wrong with a pattern of names.
func checkGlob(text string) error {
	depth, braces := 0, false
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '\\':
			if i++; i == len(text) {
				return errors.New(`must not end with \, behind which a character stands that means itself, and which 2.53 does not take`)
			}
		case '{':
			depth, braces = depth+1, true
		case '}':
			depth = max(0, depth-1)
		}
	}
	if depth > 0 {
		return unclosed("{", "}")
	}
	// Braces are put in first, so what they cut apart is left to unison.
	for i := 0; i < len(text) && !braces; i++ {
		switch text[i] {
		case '\\':
			i++
		case '[':
			length := bracket(text[i:], true)
			if length == 0 {
				return unclosed("[", "]")
			}
			i += length - 1
		}
	}
	return nil
}

// bracket is how long the set of characters is that a text begins with; 0 where it has
// no end. Its first character is in the set, whatever it is. Names have a way to quote one.
func bracket(text string, quotes bool) int {
	i := 1
	if i < len(text) && (text[i] == '^' || quotes && text[i] == '!') {
		i++
	}
	for first := i; i < len(text); i++ {
		switch {
		case quotes && text[i] == '\\':
			i++
		case text[i] == ']' && i > first:
			return i + 1
		}
	}
	return 0
}

func unclosed(begin, end string) error {
	return fmt.Errorf(`has %s without its %s, and unison takes no such pattern. For the character itself write \%s`, begin, end, begin)
}

// malformed says which attribute a text of unison's speaks of that finds a pattern wrong.
func (t Tier) malformed(text string) string {
	if len(t.Ignore) == 0 || !strings.Contains(strings.ToLower(text), "malformed pattern") {
		return ""
	}
	for _, pattern := range t.Ignore {
		if strings.Contains(text, `" `+pattern+` "`) || strings.Contains(text, `"`+pattern+`"`) {
			return fmt.Sprintf("unison does not take ignore = [%q] as a pattern: write it otherwise, or take it out", pattern)
		}
	}
	return "unison does not take one of the patterns of ignore: write it otherwise, or take it out"
}

// notInStep is the error of an apply that waited for pairs in vain, by what was told of each.
func (t Tier) notInStep(waiting []string) error {
	text := strings.Join(waiting, "\n")
	if cause := t.malformed(text); cause != "" {
		text += "\n" + cause
	}
	return fmt.Errorf("%w:\n%s", ErrNotInStep, text)
}
