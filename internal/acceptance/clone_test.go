// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package acceptance

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/atollhq/terraform-provider-atoll/internal/lab"
)

// largeData makes rows of 4 MiB on a server that is in no group yet, and doubles them
// so often, without a trace in its binary log: what joins can only clone them.
const largeData = `systemctl start mysql
mysql <<'SQL'
SET sql_log_bin = 0;
CREATE DATABASE large;
CREATE TABLE large.t (id INT AUTO_INCREMENT PRIMARY KEY, bytes LONGBLOB NOT NULL);
INSERT INTO large.t (bytes) VALUES (REPEAT('atoll', 838860));
SQL
for i in $(seq %d); do mysql -e 'SET sql_log_bin = 0; INSERT INTO large.t (bytes) SELECT bytes FROM large.t'; done`

// doublings of 4 MiB are 2 GiB; ATOLL_DOUBLINGS=6 are 256 MiB, for a look at a busy
// machine.
func doublings(t *testing.T) int { t.Helper(); return often(t, "ATOLL_DOUBLINGS", 9) }

// longLine is the line between two places: 50 ms there and back, and 100 Mbit/s.
var longLine = lab.Link{Delay: 25 * time.Millisecond, Rate: 100_000_000}

// A server with 2 GiB becomes the first member, and another one gets them by a clone
// over a long line: how far it is can be followed all the time. A line that is cut in
// the middle costs at most another apply.
func TestLargeCloneOverALongLine(t *testing.T) {
	f := &sized{fixture: open(t), machines: []string{"hk1", "hk2", "sg1"}}
	f.rebuildAll()
	f.on("hk1", fmt.Sprintf(largeData, doublings(t)))
	f.Cleanup(func() { _ = f.lab.Reset(context.Background()) })
	f.declares(2)
	f.apply()
	for _, other := range []string{"hk1", "hk2"} {
		f.must(f.lab.SetLink(f.Context(), "sg1", other, longLine, false))
	}
	f.declares(3)
	if err := f.clones("a clone that nothing disturbs", func() {}); err != nil {
		t.Fatal(err)
	}
	f.large()
	f.declares(2)
	f.apply()
	f.must(f.lab.Rebuild(f.Context(), "sg1"))
	f.declares(3)
	err := f.clones("a clone whose line is cut for 20 s", f.cutInTheMiddle)
	t.Logf("the apply whose line was cut says: %v", err)
	if err != nil {
		f.must(f.clones("the next apply", func() {}))
	}
	f.large()
}

// cutInTheMiddle cuts sg1 off the others for a while, when half of the data are there.
func (f *sized) cutInTheMiddle() {
	f.Helper()
	f.eventually("half of the data are there", 10*time.Minute, func() bool {
		text, _ := f.try("sg1", `mysql -N -B -e "SELECT data >> 20 FROM performance_schema.clone_progress WHERE stage = 'FILE COPY'"`)
		copied, err := strconv.Atoi(text)
		return err == nil && copied >= 2<<doublings(f.T)
	})
	for _, other := range []string{"hk1", "hk2"} {
		f.must(f.lab.Cut(f.Context(), "sg1", other))
	}
	time.Sleep(20 * time.Second)
	for _, other := range []string{"hk1", "hk2"} {
		f.must(f.lab.Mend(f.Context(), "sg1", other))
	}
}

// followed are the lines of a provider's log about a member that clones.
var followed = regexp.MustCompile(`(?m)^(\S+) \[INFO\] .*member sg1 (clones: [^:\n]*)`)

// clones applies while something disturbs it, and checks that the log never kept
// silent for more than 10 s from the first word of the clone to the last.
func (f *sized) clones(what string, disturb func()) error {
	f.Helper()
	loud := *f.terraform
	log := filepath.Join(f.TempDir(), "provider.log")
	loud.Env = append(loud.Env, "TF_LOG_PROVIDER=INFO", "TF_LOG_PATH="+log)
	began, ended := time.Now(), make(chan error, 1)
	go func() { ended <- loud.Apply(f.Context()) }()
	disturb()
	err := <-ended
	f.Logf("%s: the apply took %s", what, time.Since(began).Round(time.Second))
	text, problem := os.ReadFile(log)
	f.must(problem)
	var first, last time.Time
	longest, lines := time.Duration(0), 0
	for _, match := range followed.FindAllStringSubmatch(string(text), -1) {
		at, problem := time.Parse("2006-01-02T15:04:05.000Z0700", match[1])
		f.must(problem)
		if first.IsZero() {
			first, last = at, at
		}
		longest, last, lines = max(longest, at.Sub(last)), at, lines+1
		f.Logf("%s after %s: %s", what, at.Sub(began).Round(time.Second), match[2])
	}
	if err == nil { // all was copied: until then, too
		copied, problem := strconv.ParseFloat(f.sql("sg1", "SELECT UNIX_TIMESTAMP(end_time) FROM performance_schema.clone_progress WHERE stage = 'FILE COPY'"), 64)
		f.must(problem)
		longest = max(longest, time.UnixMilli(int64(copied*1000)).Sub(last))
	}
	f.Logf("%s: %d lines in %s, %s apart at most", what, lines, last.Sub(first).Round(time.Second), longest.Round(time.Second/10))
	if lines < 2 || longest > 10*time.Second {
		f.Errorf("%s: the clone is followed by %d lines, up to %s apart", what, lines, longest)
	}
	return err
}

// large checks that all three members are in the group and that sg1 has all data.
func (f *sized) large() {
	f.Helper()
	f.inSync()
	f.holds(3)
	want := fmt.Sprintf("%d %d 1", 1<<doublings(f.T), 4194300<<doublings(f.T))
	if got := f.sql("sg1", "SELECT CONCAT(COUNT(*), ' ', SUM(LENGTH(bytes)), ' ', COUNT(DISTINCT CRC32(bytes))) FROM large.t"); got != want {
		f.Errorf("sg1 has %q, want %q", got, want)
	}
}
