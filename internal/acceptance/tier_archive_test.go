// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package acceptance

import (
	"slices"
	"strings"
	"time"
)

// run keeps the archive of a node in step now.
func (f *tree) run(host string) error {
	f.Helper()
	_, err := f.try(host, "systemctl restart atoll-tier-files.app1.cold.service")
	return err
}

func (f *tree) archives() {
	f.as("app1", "cd /srv/cold; umask 027; mkdir -p 2025/01/02; echo new >2025/01/02/both; echo one >'2025/01/02/from app1'")
	f.as("app2", `cd /srv/cold; mkdir -p 2025/01/02; cd 2025/01/02; echo old >both; touch -d 2025-01-02 both; echo two >two; ln two "$(printf 'again\n\377')"; ln -s ../../../../etc/passwd link`)
	f.as("sg1", "cd /srv/cold; mkdir -p 2025/01/03; echo three >2025/01/03/three; truncate -s 64M 2025/01/03/sparse")
	for _, host := range []string{"app2", "sg1", "app2"} {
		f.must(f.run(host))
	}
	const what = "cd /srv/cold; find . -path './.tier*' -prune -o -printf '%P %y %m %u %n %l\\n' | LC_ALL=C sort; cat 2025/01/02/both 2025/01/02/again* 2025/01/03/three; [ $(stat -c %b 2025/01/03/sparse) -lt 100 ] && echo sparse"
	want := f.on("app1", what)
	for _, host := range f.nodes {
		if got := f.on(host, what); got != want || !strings.HasSuffix(got, "new\ntwo\nthree\nsparse") {
			f.Errorf("%s has\n%s\napp1 has\n%s", host, got, want)
		}
	}
	if kept := f.on("app2", "cd /srv/cold/.tier-archive; ls; cat replaced/*/2025/01/02/both"); kept != "replaced\nold" {
		f.Errorf("what was replaced is kept as %q", kept)
	}
	// Where both are the same no rsync is asked, also by who may not look into .tier.
	for _, host := range []string{"app2", "sg1"} {
		f.on(host, "chmod a-x /usr/bin/rsync")
		f.must(f.run(host))
		f.on(host, "chmod a+x /usr/bin/rsync")
	}
	// What one side deletes comes back, what is named goes everywhere.
	f.as("app2", "rm -r /srv/cold/2025/01/02/two '/srv/cold/2025/01/02/from app1'")
	f.deletions, f.reserve = []string{"2025/01/02/from app1", "2025/01/03"}, 1<<30
	f.declare()
	f.apply()
	if err := f.run("app2"); err == nil {
		f.Error("a full archive takes something")
	}
	if status := f.on("app2", "cat /var/lib/atoll/tier/files/pairs/app1/cold.json"); !strings.Contains(status, `"error":"full: `) {
		f.Errorf("app2 tells %s", status)
	}
	if found := f.look(); !slices.ContainsFunc(found.Problems, func(text string) bool { return strings.HasPrefix(text, "archive app2 ↔ app1: full: ") }) {
		f.Errorf("with a full archive the status is %+v", found)
	}
}

// archiveFaults kills runs on either side.
func (f *tree) archiveFaults() {
	f.deletions, f.reserve = nil, 0
	f.declare()
	f.apply()
	const files = "cd /srv/cold; find . -path './.tier*' -prune -o -type f -print0 | sort -z | xargs -0 sha256sum"
	f.as("app2", "mkdir /srv/cold/2025/02; cd /srv/cold/2025/02; for i in $(seq 40); do head -c 4M /dev/urandom >$i; done")
	want := f.on("app2", files)
	for round := range 12 {
		host := []string{"app1", "app2"}[round%2]
		f.on("app2", "systemctl restart --no-block atoll-tier-files.app1.cold.service")
		f.eventually("files come in", time.Minute, func() bool {
			in, _ := f.try("app1", "ls -A /srv/cold/.tier-archive/incoming-app2 2>/dev/null")
			done, _ := f.try("app2", "systemctl is-active atoll-tier-files.app1.cold.service")
			return in != "" || done == "failed" || done == "inactive"
		})
		f.on(host, "pkill -KILL -x rsync; :")
		f.eventually("the run ends", 2*time.Minute, func() bool {
			state, _ := f.try("app2", "systemctl show -p SubState --value atoll-tier-files.app1.cold.service")
			return state != "start"
		})
		// What is there under its own name is whole.
		f.on("app1", "cd /srv/cold; find 2025/02 -type f -size -4096k | wc -l | grep -qx 0")
	}
	f.must(f.run("app2"))
	if got := f.on("app1", files); got != want {
		f.Errorf("app1 has\n%s\napp2 has\n%s", got, want)
	}
	f.must(f.run("sg1"))
	f.inSync()
}
