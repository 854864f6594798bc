// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package filetier

import (
	"errors"
	"strings"
	"testing"
)

// What is refused here unison 2.52 or 2.53 refuses, and what is not both take: each row with
// a pattern was put into a profile of theirs.
func TestCheckPattern(t *testing.T) {
	for want, patterns := range map[string][]string{
		"": {
			"Name *.tmp", "Name {a,{b,c}}", "Name a]", "Name a}", "Name []a]", "Name [^]]", "Name [!]]", `Name [\]]`, `Name [\][]`, `Name \{a`, `Name \[`, "Name [[:alpha:]]", "Name (", "Name  a",
			"Path cache", "Path a b", "Path a/{b,c}/*.x", "BelowPath a/b", "Name *.tmp -> x", "Name a -> [",
			`Regex .*\.bak`, "Regex a]", "Regex a}", "Regex a{2}b", "Regex a{2,}", "Regex a{2,3}", "Regex (a|b)*", "Regex |a", "Regex a||b", "Regex []a]", "Regex [^]a]", "Regex [)(]", "Regex [a-]", `Regex [a\]`, `Regex \(\)\{\[`, "Regex ^*a", "Regex (a*)*", "Regex /a", "Regex a -> (b", "Regex é",
		},
		"must be one of unison's patterns":  {"", "Name", "Name ", "*.tmp", "name a", "Regexp a", "Name -> x"},
		"must not end with \\":              {`Name a\`},
		"must not begin with a slash":       {"Path /a", "BelowPath /a"},
		"has ( without its )":               {"Regex (", "Regex (a", "Regex ((a)", "Regex (a -> b)"},
		"has ) without its (":               {"Regex a)", "Regex (a))"},
		"has [ without its ]":               {"Regex [a", "Regex [", "Regex []", "Regex [^]", `Regex [\][]`, "Name [", "Name [a", "Name []", "Name [^]", "Name [!]", `Name [\]`, `Name [a-\]`, `Name x\\[a`, "Path [a"},
		"has { without its }":               {"Name {a", "Name {a,{b,c}", "Name [{]", `Name {a\}`, `Name x\\{a`, "BelowPath {a", "Name a]{b", "Name {a] -> b}"},
		"has { without a number":            {"Regex a{", "Regex a{b}", "Regex a{2,", "Regex a{,3}", "Regex a{ 2}"},
		"with nothing before it to repeat":  {"Regex *a", "Regex (*a)", "Regex a|*b", "Regex {2}", "Regex (?:a)"},
		"behind what is repeated already":   {"Regex a**", "Regex a+?", "Regex a{2}{3}", "Regex a{2}*"},
		`must have a \ only before one of`:  {`Regex \w`, `Regex a\`, `Regex a\]`, `Regex a\1`},
		"must not have classes such as [:d": {"Regex [[:digit:]]", "Regex [a[:space:]b]"},
	} {
		for _, pattern := range patterns {
			err := CheckPattern(pattern)
			if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
				t.Errorf("%q: %v, want %q", pattern, err, want)
			}
		}
	}
}

// What unison does not take all the same is told of as what was declared.
func TestMalformed(t *testing.T) {
	tier := three()
	tier.Ignore = []string{"Name *.tmp", "Regex a{3,2}"}
	for text, want := range map[string]string{
		"no route to host": "",
		`unison ended: Fatal error: Profile "p", line 5: Malformed pattern " Regex a{3,2} ".`: `unison does not take ignore = ["Regex a{3,2}"] as a pattern`,
		`Fatal error: Malformed pattern " Regex …`:                                            "unison does not take one of the patterns of ignore",
	} {
		if got := tier.malformed(text); (got == "") != (want == "") || !strings.Contains(got, want) {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
	if err := tier.notInStep([]string{`b ↔ a: Malformed pattern " Regex a{3,2} "`}); !errors.Is(err, ErrNotInStep) || !strings.Contains(err.Error(), "\nunison does not take ignore = ") {
		t.Errorf("%v", err)
	}
}
