// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package unison

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/atollhq/terraform-provider-atoll/internal/model/tier"
)

// A unison that stands still says nothing of it: what it told last is that the trees are in
// step. So its processes are looked at, and the probe that was written last.

// still finds in looks that follow each other that nothing is carried.
type still struct {
	// stopped is the process that was found stopped by the look before; 0 for none.
	stopped int
	// first is when this unison began to wait for changes, quiet since when it has done so
	// without a pause. Both are zero as long as it does not.
	first, quiet time.Time
}

// longestProbe is how long a probe may be on its way while changes are waited for, and
// quietFor how long those have to be waited for before that says anything: what just ended
// may have been in its way.
const longestProbe, quietFor = 10 * time.Minute, time.Minute

// look says why nothing is carried; "" for no reason. stopped are the stopped processes of
// unison and what it started, written is when the probe was, if one is on its way.
func (s *still) look(now time.Time, status tier.PairStatus, stopped []process, written time.Time, probe string) string {
	before := s.stopped
	s.stopped = 0
	for _, one := range stopped {
		s.stopped = one.id
		if one.id == before {
			return fmt.Sprintf("%s (process %d) is stopped, and nothing is carried: kill -CONT %d on the machine lets it go on, and otherwise it is started anew after some minutes", one.name, one.id, one.id)
		}
	}
	if status.Stage != tier.Watching {
		s.quiet = time.Time{}
		return ""
	}
	if s.quiet.IsZero() {
		s.quiet = now
	}
	if s.first.IsZero() {
		s.first = now
	}
	waits := !written.IsZero() && now.Sub(written) > longestProbe && now.Sub(s.first) > longestProbe && now.Sub(s.quiet) > quietFor
	if !waits || len(status.Failed) > 0 || knows(status.Skipped, probe) {
		return ""
	}
	return fmt.Sprintf("%s, which was written at %s, has not been carried, though changes are waited for: unison is started anew after some minutes. Where that does not help, look at the other node", probe, written.UTC().Format(time.RFC3339))
}

// knows says whether it is known why a path is not carried: it is left, or the tree itself is.
// Where others failed, a reading does not say whether it was carried.
func knows(left []tier.Left, path string) bool {
	for _, one := range left {
		if one.Path == path || one.Path == tier.Top {
			return true
		}
	}
	return false
}

// process is one of unison, or of what it started.
type process struct {
	id   int
	name string
}

// stoppedBelow finds the stopped processes among one and those that it started, as deep as
// ssh is below unison. One that ended meanwhile is none.
func stoppedBelow(root string, id, depth int) []process {
	directory := filepath.Join(root, strconv.Itoa(id))
	text, err := os.ReadFile(filepath.Join(directory, "stat"))
	if err != nil {
		return nil
	}
	var found []process
	if name, state := processState(string(text)); state == "T" || state == "t" {
		found = append(found, process{id, name})
	}
	// A kernel may be built without this file; then unison alone is looked at.
	children, err := os.ReadFile(filepath.Join(directory, "task", strconv.Itoa(id), "children"))
	if err != nil || depth == 0 {
		return found
	}
	for word := range strings.FieldsSeq(string(children)) {
		if child, err := strconv.Atoi(word); err == nil {
			found = append(found, stoppedBelow(root, child, depth-1)...)
		}
	}
	return found
}

// processes is how deep what unison starts lies: a script, and ssh in it.
const processes = 3

// processState reads a process' name and state, see proc(5): "12 (name) S …", where the name
// may have brackets itself.
func processState(stat string) (name, state string) {
	begin, end := strings.IndexByte(stat, '('), strings.LastIndexByte(stat, ')')
	if begin < 0 || end < begin {
		return "", ""
	}
	words := strings.Fields(stat[end+1:])
	if len(words) == 0 {
		return "", ""
	}
	return stat[begin+1 : end], words[0]
}

// stand tells why nothing is carried, where there is a reason, in the place of what unison
// told last; and that again, when it goes on.
func (s *syncer) stand(why string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stands == why {
		return
	}
	s.stands, s.stood = why, time.Now().UTC()
	if why != "" {
		s.say(why)
	}
	s.write(s.told)
}
