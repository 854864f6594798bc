// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package acceptance

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
)

// What opens every path of a host's old days in a loop, and counts.
const readAll = `cd /srv/files
find -L 2024 -type f | sort >/run/paths
systemctl stop reads.service 2>/dev/null || :
rm -f /run/reads /run/reads.end /run/reads.failed
systemd-run --quiet --collect --unit=reads sh -c '
cd /srv/files; opens=0; failed=0
while [ ! -e /run/reads.end ]; do
  while IFS= read -r path; do
    opens=$((opens + 1))
    { true <"$path"; } 2>/dev/null || { failed=$((failed + 1)); date "+%T $path" >>/run/reads.failed; }
  done </run/paths
  sleep 0.05
done
echo "$opens $failed" >/run/reads.new; mv /run/reads.new /run/reads'`

// startReaders has each host read.
func (f *tree) startReaders() {
	f.Helper()
	for _, host := range f.nodes {
		f.on(host, readAll)
	}
}

// stopReaders counts the opens of all hosts; not one may have failed.
func (f *tree) stopReaders() int {
	f.Helper()
	total := 0
	for _, host := range f.nodes {
		var opens, failed int
		said := f.on(host, "touch /run/reads.end; while [ ! -e /run/reads ]; do sleep 0.1; done; cat /run/reads")
		if _, err := fmt.Sscan(said, &opens, &failed); err != nil || opens == 0 || failed > 0 {
			f.Errorf("on %s %q opens and failures, %v: %s", host, said, err, f.on(host, "head -3 /run/reads.failed 2>/dev/null || :"))
		}
		total += opens
	}
	return total
}

// oldDays writes days of long ago, and gives what all hosts then have of them.
func (f *tree) oldDays(month string, days, files int) string {
	f.Helper()
	f.as("app1", fmt.Sprintf(`for day in $(seq -f %%02g 1 %d); do mkdir -p 2024/%[2]s/$day/sub; for i in $(seq %[3]d); do echo "$day $i" >"2024/%[2]s/$day/$i"; ln -s ../$i 2024/%[2]s/$day/sub/$i; done; done`, days, month, files))
	want := f.on("app1", "cd /srv/files; "+sums)
	for _, host := range f.nodes {
		f.comes(host, sums, want)
	}
	return want
}

// sums are of all that opens below 2024, by its way through the tree. A link that unison
// was about to carry when the apply mended the one on the other side stays beside that,
// under a name which no unison carries; unison removes it after 30 days.
const sums = "find -L 2024 -name '.unison.*.unison.tmp' -prune -o -type f -exec sha256sum {} + | LC_ALL=C sort -k2 | sha256sum"

// move runs the mover on a host, and carries what it says.
func (f *tree) move(host string) {
	f.Helper()
	f.on(host, "systemctl start atoll-mover-files.service")
	if host != "app1" {
		f.on(host, "systemctl start atoll-tier-files.app1.cold-news.service")
	}
}

// moved tells how many days of a month are links on a host, and how many directories
// are kept.
func (f *tree) moved(host, month string) string {
	said, _ := f.try(host, "cd /srv/files; echo $(find 2024/"+month+" -mindepth 1 -maxdepth 1 -type l | wc -l) $(ls .tier | grep -c '[.]old-')")
	return said
}

// allMoved runs movers until the days of a month are links everywhere, and nothing else
// is left of them.
func (f *tree) allMoved(month string, days int) {
	f.Helper()
	want, read := fmt.Sprintf("%d 0", days), false
	f.eventually("all days have moved", 10*time.Minute, func() bool {
		done, links := true, true
		for _, host := range f.nodes {
			f.move(host)
			said := f.moved(host, month)
			done, links = done && said == want, links && strings.HasPrefix(said, want[:len(want)-1])
		}
		if links && !read {
			read = true
			f.reread()
		}
		return done
	})
}

// reread has the trees of all pairs read again, which happens by itself, too, only
// later.
func (f *tree) reread() {
	f.Helper()
	for _, host := range f.nodes {
		f.move(host) // each knows by now that all have flipped
	}
	for _, host := range f.nodes {
		if host != "app1" {
			f.on(host, "systemctl restart atoll-tier-files.app1.service")
		}
	}
	f.watching()
}

// daysMove has old days move on all nodes, while every path opens at every instant.
func (f *tree) daysMove() {
	f.hotDays = 30
	f.declare()
	f.apply()
	f.inSync()
	want := f.oldDays("02", 2, 10)
	f.startReaders()
	f.allMoved("02", 2)
	opens := f.stopReaders()
	for _, host := range f.nodes {
		if got := f.on(host, "cd /srv/files; "+sums); got != want {
			f.Errorf("%s has other files than before", host)
		}
		if text := f.on(host, "cd /srv/files/2024/02; readlink 01; stat -c '%U' 01; ls -A ../../.tier"); text != "../../../cold/2024/02/01\nwww-data\njournal\nlock\nname" {
			f.Errorf("%s has %q", host, text)
		}
	}
	f.Logf("%d opens, none failed", opens)
	// Counted once a day: here at once.
	f.on("sg1", "systemctl start atoll-count-files.cold.service")
	found := f.look()
	held := f.on("sg1", "cd /srv/cold; find . -path './.tier*' -prune -o -type f -printf '%s\\n' | awk '{ bytes += $1 } END { print NR, bytes }'")
	if archive := found.Nodes["sg1"].Archive; archive == nil || archive.Files == nil || archive.Free == 0 || !*archive.Whole || *archive.Days < 2 || fmt.Sprint(*archive.Files, *archive.Bytes) != held {
		f.Errorf("sg1's archive is told to be %+v, and holds %s files and bytes", archive, held)
	}
	counted := strings.Replace(held, " ", " files, ", 1) + " bytes, "
	if said := f.on("sg1", "/var/lib/atoll/tier/files/atoll-agent status"); !strings.Contains(said, counted) || !strings.Contains(said, "pair with app1") || !strings.Contains(said, " archived, 0 on their way") {
		f.Errorf("a person on sg1 is told\n%s\nwant %q", said, counted)
	}
	if mover := found.Nodes["sg1"].Mover; mover == nil || mover.Archived < 2 || mover.Problem != "" || len(mover.Waiting) > 0 || !found.Healthy {
		f.Errorf("the status is %+v, sg1's mover %+v", found, mover)
	}
	f.inSync()
	// A link that a hand changed goes to all by unison, and is mended everywhere.
	f.as("sg1", "ln -sfn ../../../elsewhere 2024/02/01")
	f.comes("app2", "readlink 2024/02/01", "../../../elsewhere")
	f.says(`sg1: link /srv/files/2024/02/01: leads to "../../../elsewhere", and not to the day in /srv/cold`)
	f.apply()
	f.inSync()
	for _, host := range f.nodes {
		// A pair may be carrying what one node mended to another that had not yet.
		f.comes(host, "readlink 2024/02/01; "+sums, "../../../cold/2024/02/01\n"+want)
	}
}

// forgets has a disk change what was written to it, between the run that moved a day and
// the one that reads it from the disk, when the day's directory is still there.
func (f *tree) forgets() {
	const file = "2024/04/01/3"
	want := f.oldDays("04", 1, 5)
	f.eventually("app1 puts the link", time.Minute, func() bool {
		f.move("app1")
		if strings.HasPrefix(f.moved("app1", "04"), "1 ") {
			return true
		}
		f.move("app2")
		f.move("sg1")
		return false
	})
	f.flip("app1", file)
	if _, err := f.try("app1", "systemctl start atoll-mover-files.service"); err == nil {
		f.Error("a mover that found another file says that all is well")
	}
	f.comes("app1", sums, want)
	if kept := f.on("app1", "cat /srv/cold/.tier-archive/replaced/*-rotten/"+file); kept != "X1 3" {
		f.Errorf("what the disk made of it is kept as %q", kept)
	}
	if text := flat(f.plan().Text); !strings.Contains(text, "does not read as it was written") || !strings.Contains(text, "look after the disk") {
		f.Errorf("the plan does not say what the disk did: %s", text)
	}
	f.allMoved("04", 1)
	f.comes("app1", sums, want)
	f.inSync()
}

// dayGoes loses a day in the archive of one node, which is said until the archive's next run
// has brought it back, and then deletes it everywhere, with the links to it.
func (f *tree) dayGoes() {
	const day, line = "2024/04/01", "a day stays as it is until somebody looks: 2024/04/01: the link leads to a directory that the archive does not have"
	const files = "cat " + day + "/[0-9]*"
	want := f.on("sg1", "cd /srv/files; "+files)
	f.on("sg1", "rm -r /srv/cold/"+day+"; systemctl start atoll-mover-files.service")
	if text := flat(f.plan().Text); !strings.Contains(text, line) {
		f.Errorf("the plan does not say that a day leads nowhere: %s", text)
	}
	if found := f.look(); found.Healthy || !slices.ContainsFunc(found.Problems, func(text string) bool { return strings.Contains(text, line) }) {
		f.Errorf("the status does not say that a day leads nowhere: %q", found.Problems)
	}
	f.must(f.run("sg1"))
	f.move("sg1")
	f.comes("sg1", files, want)
	if text := flat(f.plan().Text); strings.Contains(text, line) {
		f.Errorf("the plan still says that a day leads nowhere: %s", text)
	}
	f.deletions, f.hotDays = []string{day}, 30
	f.declare()
	f.apply()
	f.inSync()
	f.watching()
	for _, host := range f.nodes {
		if host != "app1" {
			f.must(f.run(host))
		}
		f.move(host)
		if left, _ := f.try(host, "ls -d /srv/files/"+day+" /srv/cold/"+day+" 2>/dev/null"); left != "" {
			f.Errorf("%s still has %s", host, left)
		}
	}
	f.deletions = nil
	f.declare()
	f.apply()
	f.inSync()
}

// moverFaults kills movers at any instant, pulls a plug, cuts a line and fills a disk.
func (f *tree) moverFaults() {
	f.hotDays, f.reserve = 30, 1024
	f.declare()
	f.apply()
	want := f.oldDays("03", 28, 100)
	f.startReaders()
	// Less room than is to stay free stops the mover, says so, and stops nothing else;
	// without any room it cannot even say so, and does no harm.
	f.on("app2", "fallocate -l $(($(stat -f -c '%a * %S' /srv/cold) - (512 << 20))) /srv/filler")
	f.must(failing(f.try("app2", "systemctl start atoll-mover-files.service; grep -o 'the archive is full' /var/lib/atoll/tier/files/mover/mover.json")))
	if plan := f.plan(); !strings.Contains(plan.Text, "Days Do Not Move") {
		f.Error("the plan does not say that days do not move")
	}
	f.on("app2", "head -c 1G /dev/zero >>/srv/filler 2>/dev/null || :; systemctl start atoll-mover-files.service || :; rm /srv/filler")
	kills := 0
	for round := range 60 {
		host := f.nodes[round%3]
		f.on(host, "systemctl start --no-block atoll-mover-files.service")
		time.Sleep(time.Duration(rand.IntN(1500)) * time.Millisecond)
		if said, _ := f.try(host, "systemctl kill -s KILL atoll-mover-files.service 2>/dev/null && echo killed"); said == "killed" {
			kills++
		}
		switch round {
		case 20:
			f.must(f.lab.Cut(f.Context(), "app2", "app1"))
		case 30:
			f.must(f.lab.Mend(f.Context(), "app2", "app1"))
		}
		if round%6 == 5 {
			for _, host := range f.nodes {
				_, _ = f.try(host, "systemctl start atoll-mover-files.service")
			}
		}
	}
	opens := f.stopReaders()
	f.on("sg1", "systemctl start --no-block atoll-mover-files.service")
	f.must(f.lab.PullPlug(f.Context(), "sg1"))
	f.must(f.lab.PlugIn(f.Context(), "sg1"))
	f.watching()
	f.startReaders()
	f.allMoved("03", 28)
	opens += f.stopReaders()
	for _, host := range f.nodes {
		if got := f.on(host, "cd /srv/files; "+sums); got != want {
			f.Errorf("%s has other files than before", host)
		}
	}
	f.inSync()
	f.Logf("%d kills, a cut, a full disk and a plug: %d opens, none failed", kills, opens)
}

// failing gives the error of a command alone.
func failing(_ string, err error) error { return err }
