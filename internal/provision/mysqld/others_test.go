// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package mysqld

import (
	"strings"
	"testing"
)

// Every other member of the cluster has to be online, or declared lost.
func TestMembersThatDoNotAnswerAreNamed(t *testing.T) {
	underlay := map[string]string{"10.77.0.11": "203.0.113.11", "10.77.0.13": "198.51.100.13"}
	self, well, dead := other{"10.77.0.12:3306", "ONLINE", true}, other{"10.77.0.13:3306", "ONLINE", false}, other{"10.77.0.11:3306", "", false}
	recovering := self
	recovering.State = "RECOVERING"
	for name, test := range map[string]struct {
		members []other
		lost    map[string]bool
		want    string
	}{
		"all well":            {members: []other{self, well}},
		"no cluster":          {},
		"one dead":            {members: []other{self, well, dead}, want: "10.77.0.11 203.0.113.11 does not answer"},
		"one lost":            {members: []other{self, well, dead}, lost: map[string]bool{"203.0.113.11": true}},
		"not back in a group": {members: []other{recovering, well}, want: "not back in the group"},
	} {
		err := missing(test.members, underlay, test.lost)
		if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
