// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package mysqld

import (
	_ "embed"
	"fmt"
	"slices"
	"strings"
	"sync"
)

//go:embed variables.txt
var variableTable string

// verdict says what becomes of a setting of the user's.
type verdict struct {
	// known is false for what stands nowhere in the table.
	known bool
	// refusal is the reason; "" allows the setting.
	refusal string
}

// variableRule is one name of the table, or all that begin like it.
type variableRule struct {
	name    string
	prefix  bool
	refusal string
}

// variableRules are those of the table, the longest name first, so that a name
// of its own beats a prefix and a longer prefix a shorter one.
var variableRules = sync.OnceValue(func() []variableRule {
	var rules []variableRule
	refusal := ""
	for line := range strings.Lines(variableTable) {
		names := strings.Fields(line)
		switch {
		case len(names) == 0 || strings.HasPrefix(names[0], "#"):
		case line[0] != ' ':
			_, refusal, _ = strings.Cut(strings.TrimSpace(line), " ")
		default:
			for _, name := range names {
				short, prefix := strings.CutSuffix(name, "*")
				rules = append(rules, variableRule{short, prefix, refusal})
			}
		}
	}
	slices.SortStableFunc(rules, func(a, b variableRule) int {
		if a.prefix != b.prefix {
			if a.prefix {
				return 1
			}
			return -1
		}
		return len(b.name) - len(a.name)
	})
	return rules
})

// booleanPrefixes are put by mysqld before the name of any option that is on or
// off, and maximum_ before any that can be limited (my_getopt.cc).
var booleanPrefixes = []string{"skip_", "disable_", "enable_", "maximum_"}

// decide finds the verdict on a name in its normal form.
func decide(name string) verdict {
	if found := lookupVariable(name); found.known {
		return found
	}
	for _, prefix := range booleanPrefixes {
		bare, prefixed := strings.CutPrefix(name, prefix)
		if !prefixed {
			continue
		}
		switch found := lookupVariable(bare); {
		case found.known && found.refusal != "":
			return found
		case found.known:
			return verdict{true, fmt.Sprintf("its other form can be compared with the running server: write %s", bare)}
		}
	}
	return verdict{}
}

func lookupVariable(name string) verdict {
	for _, rule := range variableRules() {
		if name == rule.name && !rule.prefix || rule.prefix && strings.HasPrefix(name, rule.name) {
			return verdict{true, rule.refusal}
		}
	}
	return verdict{}
}
