// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package filetier

import (
	"fmt"
	"strconv"
	"strings"
)

// xattrsSince is the first unison that carries extended attributes, POSIX ACLs included:
// an older one does not start with them in its profile.
var xattrsSince = [3]int{2, 53, 3}

// askUnison asks for the version of unison's package, the one that is there or else the
// one that would be installed, where that matters.
func (t Tier) askUnison(node string) string {
	if !t.Xattrs || t.Nodes[node].Hot == "" {
		return ""
	}
	return `LC_ALL=C apt-cache policy unison | sed -n -e '/ Installed: (none)/d' -e 's/^ *\(Installed\|Candidate\): /unison /p' | head -n 1
`
}

// refuseUnison says that a node's unison is too old. One that is not known is left to the
// pair, which says what unison does not take.
func (t Tier) refuseUnison(node string, facts Facts) error {
	version, is := unisonVersion(facts.Unison)
	if !t.Xattrs || t.Nodes[node].Hot == "" || !is {
		return nil
	}
	for i, want := range xattrsSince {
		switch {
		case version[i] > want:
			return nil
		case version[i] < want:
			return fmt.Errorf("node %s: xattrs: its unison is %s, and one before 2.53.3 carries no extended attributes: install a later one, such as that of Debian 13, or leave xattrs out", node, facts.Unison)
		}
	}
	return nil
}

// unisonVersion reads the version of a package, such as 2.53.7-2; or 2.53+1 of one that
// names another one, of which the last number is taken to be any.
func unisonVersion(text string) (version [3]int, is bool) {
	words := strings.SplitN(text, ".", 3)
	if len(words) == 2 {
		words = append(words, "99")
	}
	for i, word := range words {
		end := strings.IndexFunc(word, func(r rune) bool { return r < '0' || r > '9' })
		if end >= 0 {
			word = word[:end]
		}
		number, err := strconv.Atoi(word)
		if err != nil {
			return version, false
		}
		version[i] = number
	}
	return version, len(words) == len(version)
}
