// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package acceptance

import (
	"strings"
	"testing"
)

// A tree on a file system that cannot exchange two names, here one of FUSE's, is kept in
// step as any other; that days move out of it is refused by the plan, and nothing moves.
func TestTreeWithoutExchange(t *testing.T) {
	f := &tree{fixture: open(t), nodes: []string{"app1", "app2"}}
	f.terraform, f.looks = written(t, f.lab, tierBody), written(t, f.lab, tierStatusBody)
	f.declare()
	f.on("app1", "rm -rf /srv/files /srv/cold; install -d -o www-data -g www-data /srv/files")
	f.on("app2", "rm -rf /srv/files /srv/cold; install -d -o www-data -g www-data /srv/files /srv/below; apt-get install -q -y bindfs >/run/installed 2>&1; [ -e /dev/fuse ] || mknod /dev/fuse c 10 229; bindfs /srv/below /srv/files")
	f.afterwards("app2", "umount -l /srv/files")
	f.apply()
	f.inSync()
	f.as("app1", "mkdir -p 2024/02/01; echo one >2024/02/01/one")
	f.comes("app2", "cat 2024/02/01/one", "one")
	f.as("app2", "echo two >2024/02/01/two; mv 2024/02/01/one 2024/02/01/1")
	f.comes("app1", "cat 2024/02/01/1 2024/02/01/two; ls 2024/02/01 | wc -l", "one\ntwo\n2")
	f.hotDays = 30
	f.declare()
	_, err := f.terraform.Plan(f.Context())
	if err == nil {
		f.Fatal("a plan would have days move out of a tree that cannot exchange names")
	}
	said := strings.Join(strings.Fields(err.Error()), " ")
	for _, want := range []string{`node app2: hot = "/srv/files"`, "the kind fuse.bindfs, which cannot exchange a directory and a link in one step", "or leave hot_days out"} {
		if !strings.Contains(said, want) {
			f.Errorf("the plan does not say %q: %s", want, said)
		}
	}
	if err := f.terraform.Apply(f.Context()); err == nil {
		f.Error("an apply has days move")
	}
	if left := f.on("app1", "systemctl list-unit-files 'atoll-mover*' --no-legend | wc -l; stat -c %F /srv/files/2024/02/01"); left != "0\ndirectory" {
		f.Errorf("app1 has %q", left)
	}
	f.hotDays = 0
	f.declare()
	f.inSync()
	f.must(f.terraform.Destroy(f.Context()))
}
