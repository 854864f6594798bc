// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package guardian

import (
	"fmt"
	"strings"
)

// Deed is what a guardian does to its own server.
type Deed string

// The deeds.
const (
	// Nothing is to be done, or nothing may be.
	Nothing Deed = "nothing"
	// Nudge wakes the server's own look at its suspicions.
	Nudge Deed = "nudge"
)

// Decision is a deed and its reason.
type Decision struct {
	Deed Deed   `json:"deed"`
	Why  string `json:"why"`
	// Refused: something is wrong, and only a person or an apply can mend it.
	Refused bool `json:"refused"`
}

// Observed is all that a decision goes by: what the guardian's own server says,
// and the reports of the others that are not old.
type Observed struct {
	Self  Facts
	Peers map[string]Facts
}

// Decide says what to do now. It is a function of its argument, without I/O and
// without memory.
func Decide(o Observed) Decision {
	self := o.Self
	switch {
	case self.Group == "":
		return Decision{Deed: Nothing, Why: "the server is configured for no group"}
	case self.majority():
		return inMajority(self)
	case self.inside():
		return Decision{Deed: Nothing, Why: "the member sees no majority: " + self.sees()}
	}
	return Decision{Deed: Nothing, Why: "the member is " + self.State()}
}

// inMajority is for a member of a group that takes decisions. A suspicion is
// looked at every 15 seconds only, so that a member which is due to be expelled
// waits for up to that long; the nudge lets it be looked at now, and expels
// nobody before expel_timeout has passed.
func inMajority(self Facts) Decision {
	if silent := self.unreachable(); len(silent) > 0 {
		return Decision{Deed: Nudge, Why: fmt.Sprintf("%s does not answer; it is expelled when expel_timeout, %d s, has passed", strings.Join(silent, ", "), self.ExpelTimeout)}
	}
	return Decision{Deed: Nothing, Why: "the member is " + self.State() + " in a group with a majority"}
}
