// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package mysqld

import (
	"maps"
	"strings"
)

// sets are the variables whose value is a set of words: the server prints them in an order
// of its own. Each has the words that stand for several.
var sets = map[string]map[string]string{
	// "Combination SQL Modes" of the manual: the server sets them and what they stand for.
	"sql_mode": {
		"ANSI":        "REAL_AS_FLOAT,PIPES_AS_CONCAT,ANSI_QUOTES,IGNORE_SPACE,ONLY_FULL_GROUP_BY",
		"TRADITIONAL": "STRICT_TRANS_TABLES,STRICT_ALL_TABLES,NO_ZERO_IN_DATE,NO_ZERO_DATE,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION",
	},
	"log_output":               nil,
	"replica_type_conversions": nil,
	"slave_type_conversions":   nil,
}

// switches are the variables of which a setting names some switches, and the server prints
// all that it has.
var switches = map[string]bool{"optimizer_switch": true}

// sameSet compares two spellings of a set; known says that the variable is one.
func sameSet(name, want, is string) (same, known bool) {
	if switches[name] {
		has := words(is, nil)
		for one := range words(want, nil) {
			if !has[one] {
				return false, true
			}
		}
		return true, true
	}
	combined, known := sets[name]
	return known && maps.Equal(words(want, combined), words(is, combined)), known
}

// words are those of a list, each with what it stands for.
func words(list string, combined map[string]string) map[string]bool {
	all := map[string]bool{}
	for one := range strings.SplitSeq(strings.ToUpper(list), ",") {
		if one = strings.TrimSpace(one); one != "" {
			all[one] = true
			maps.Copy(all, words(combined[one], nil))
		}
	}
	return all
}
