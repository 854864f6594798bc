// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package acceptance

import (
	"strings"
	"testing"
)

const failedBody = lagoonBody + `
variable "ignore" {}

resource "atoll_file_tier" "files" {
  name   = "files"
  hot    = "/srv/files"
  owner  = "www-data"
  mesh   = atoll_mesh.lagoon.id
  ignore = var.ignore

  nodes = { for name in ["app1", "app2"] : name => { ssh = atoll_mesh_peer.node[name].ssh, address = atoll_mesh_peer.node[name].address } }
}
`

// A creation that fails when all of it is there leaves the files and nothing else, says
// which attribute is why, and is done by the next apply. The account stays without its key, as
// after a destroy.
func TestCreationOfATierThatFails(t *testing.T) {
	f := &tree{fixture: open(t)}
	f.terraform = written(t, f.lab, failedBody)
	for _, host := range []string{"app1", "app2"} {
		f.on(host, "rm -rf /srv/files")
	}
	f.on("app1", "install -d -o www-data -g www-data /srv/files; echo before >/srv/files/file; chown www-data: /srv/files/file")
	ignore := func(patterns ...string) {
		f.must(f.terraform.Variables(map[string]any{"machines": f.machines(), "ignore": patterns}))
	}
	ignore("Regex a{3,2}") // of all that unison refuses a plan does not know this one
	err := f.terraform.Apply(f.Context())
	if err == nil {
		f.Fatal("the apply ends well")
	}
	said := strings.Join(strings.Fields(strings.ReplaceAll(err.Error(), "│", " ")), " ")
	for _, want := range []string{`unison does not take ignore = ["Regex a{3,2}"] as a pattern`, "what was made of the tier was taken back from all nodes"} {
		if !strings.Contains(said, want) {
			f.Errorf("the apply does not say %q: %s", want, said)
		}
	}
	for _, host := range []string{"app1", "app2"} {
		const left = `ls -d /etc/atoll/tier/files /var/lib/atoll/tier/files /srv/files/.tier/* 2>/dev/null; systemctl list-units --all 'atoll-*files*' --no-legend --plain; systemctl list-unit-files 'atoll-*files*' --no-legend; grep -rl file-tier/files /var/lib/atoll 2>/dev/null; true`
		if found := f.on(host, left); found != "" {
			f.Errorf("%s still has %s", host, found)
		}
	}
	ignore("Name *.tmp")
	f.apply()
	f.inSync()
	f.comes("app2", "cat file", "before")
	f.must(f.terraform.Destroy(f.Context()))
}
