// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package acceptance

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"
)

const chainBody = lagoonBody + `
variable "pairs" {}
variable "hub" {}
variable "owners" {}

resource "atoll_file_tier" "files" {
  name      = "files"
  hot       = "/srv/files"
  cold      = "/srv/cold"
  owner     = "www-data"
  mesh      = atoll_mesh.lagoon.id
  pairs     = var.pairs
  hub       = var.hub
  initial   = "from:sg1"
  conflicts = "newer"
  xattrs    = true
  ignore    = ["Name *.tmp", "Path cache"]

  layout             = "%Y-%m-%d"
  hot_days           = 30
  quiet_minutes      = 0
  grace_hours        = 0
  cold_bandwidth_kib = 512

  nodes = { for name, node in atoll_mesh_peer.node : name => { ssh = node.ssh, address = node.address, owner = lookup(var.owners, name, null) } }
}
`

// chained is a tier whose nodes are a chain, with all that the other story leaves as it
// usually is.
func (f *tree) chained(pairs [][]string, hub string) {
	f.Helper()
	values := map[string]any{"machines": f.machines(), "pairs": pairs, "hub": nil, "owners": f.owners}
	if hub != "" {
		values["hub"] = hub
	}
	f.must(f.terraform.Variables(values))
}

// A tier of pairs: trees that are there already are taken over, the declared node's
// version stays where they differ, the newer one later on, what is to be ignored is,
// days are named otherwise, and the chain becomes a star in place. On one node all is
// another account's, which the others do not have.
func TestChainOfTrees(t *testing.T) {
	f := &tree{fixture: open(t), nodes: []string{"app1", "app2", "sg1"}, owners: map[string]string{"sg1": "deploy"}}
	f.terraform = written(t, f.lab, chainBody)
	t.Cleanup(func() { _ = f.lab.Reset(context.Background()) })
	f.on("sg1", "id deploy 2>/dev/null || useradd --system deploy")
	for _, host := range f.nodes {
		f.on(host, "rm -rf /srv/files /srv/cold; install -d -o "+f.owner(host)+" /srv/files")
	}
	for _, host := range []string{"app1", "sg1"} {
		f.as(host, "echo same >same; touch -d 2026-01-02T03:04:05Z same; echo from "+host+" >both; echo mine >only-"+host)
	}
	f.as("app1", "touch -d '1 hour' both") // from:sg1 asks no clock
	before := f.on("app1", "stat -c '%i %Z' /srv/files/same")
	f.chained([][]string{{"app1", "app2"}, {"app2", "sg1"}}, "")
	f.apply()
	f.inSync()
	for _, host := range f.nodes {
		f.comes(host, "cat same both only-app1 only-sg1", "same\nfrom sg1\nmine\nmine")
		f.comes(host, "cat both*conflict* 2>/dev/null", "from app1")
	}
	if after := f.on("app1", "stat -c '%i %Z' /srv/files/same"); after != before {
		f.Errorf("a file that both have was %s and is %s", before, after)
	}
	if units := f.on("sg1", "ls /etc/systemd/system | grep -c 'atoll-tier-files.app1' || :"); units != "0" {
		f.Errorf("sg1 has %s units for a node that it is not paired with", units)
	}
	f.ignores()
	f.newerStays()
	f.carriesAttributes()
	f.daysOfAnotherLayout()
	f.lineIsBounded()
	f.areTheOwners()
	f.becomesAStar()
	f.changesHands()
	f.must(f.terraform.Destroy(f.Context()))
}

// ignores has what is ignored stay where it is.
func (f *tree) ignores() {
	f.as("app1", "mkdir cache; echo x >cache/x; echo x >a.tmp; mkdir d; echo x >d/b.tmp; echo last >d/last")
	f.comes("sg1", "cat d/last", "last")
	if got := f.on("sg1", "cd /srv/files; ls -d cache a.tmp d/b.tmp 2>/dev/null || :"); got != "" {
		f.Errorf("sg1 has %s", got)
	}
}

// newerStays has both ends of a pair change one path while they are apart, and each delete
// one that the other changes.
func (f *tree) newerStays() {
	f.as("app1", "echo once >goes; echo once >comes")
	for _, host := range f.nodes {
		f.comes(host, "cat goes comes", "once\nonce")
	}
	f.on("app2", "systemctl stop atoll-tier-files.app1.service")
	f.as("app1", "echo older >both; touch -d '1 minute ago' both; rm goes; echo changed >comes")
	f.as("app2", "echo newer >both; echo changed >goes; rm comes")
	f.on("app2", "systemctl start atoll-tier-files.app1.service")
	for _, host := range f.nodes {
		f.comes(host, "cat both", "newer")
		f.comes(host, "cat both*conflict* | sort", "from app1\nolder")
		f.comes(host, "cat goes comes; cat *was_deleted* | sort -u", "changed\nchanged\nchanged")
	}
}

// carriesAttributes has what a file has beside its content and mode go everywhere, and
// change alone.
func (f *tree) carriesAttributes() {
	for _, host := range f.nodes {
		f.on(host, "DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends acl attr")
	}
	const reads = "getfattr --only-values -n user.origin with; echo; getfacl -cE with | grep daemon"
	f.as("app1", "echo x >with; chmod 640 with; setfattr -n user.origin -v camera with; setfacl -m u:daemon:r with; mkdir given; setfacl -d -m u:daemon:rwx given")
	f.comes("sg1", "getfacl -cE given | grep default:user:daemon", "default:user:daemon:rwx")
	f.comes("sg1", reads, "camera\nuser:daemon:r--")
	f.as("sg1", "setfattr -n user.origin -v scanner with; setfacl -m u:daemon:rw with")
	f.comes("app1", reads, "scanner\nuser:daemon:rw-")
}

// daysOfAnotherLayout has a day move whose directory is named otherwise; one that is
// named as usual is none here.
func (f *tree) daysOfAnotherLayout() {
	f.as("app1", "mkdir -p 2024-02-01/sub 2024/02/01; echo old >2024-02-01/sub/old; echo no >2024/02/01/day")
	for _, host := range f.nodes {
		f.comes(host, "cat 2024-02-01/sub/old 2024/02/01/day", "old\nno")
	}
	f.eventually("the day has moved everywhere", 5*time.Minute, func() bool {
		links := 0
		for _, host := range f.nodes {
			f.on(host, "systemctl start atoll-mover-files.service")
		}
		// Each run carries what nodes say before and after it; systemd starts that five
		// times in ten seconds at most.
		time.Sleep(5 * time.Second)
		for _, host := range f.nodes {
			if said, _ := f.try(host, "readlink /srv/files/2024-02-01"); said == "../cold/2024-02-01" {
				links++
			}
		}
		return links == len(f.nodes)
	})
	for _, host := range f.nodes {
		if got := f.on(host, "cd /srv/files; cat 2024-02-01/sub/old 2024/02/01/day; stat -c %F 2024/02/01"); got != "old\nno\ndirectory" {
			f.Errorf("%s has %q", host, got)
		}
	}
}

// lineIsBounded has an archive carry no more than it may.
func (f *tree) lineIsBounded() {
	const size, bound = 6 << 10, 512 // KiB, and KiB a second
	f.as("app1", fmt.Sprintf("mkdir -p /srv/cold/2023-01-01; head -c %dK /dev/urandom >/srv/cold/2023-01-01/large", size))
	began := time.Now()
	f.on("app2", "systemctl restart atoll-tier-files.app1.cold.service")
	took := time.Since(began)
	if want := f.on("app1", "sha256sum /srv/cold/2023-01-01/large"); f.on("app2", "sha256sum /srv/cold/2023-01-01/large") != want {
		f.Error("app2 has another file")
	}
	// rsync lets the first second's worth go at once.
	if least := time.Duration(size/bound-2) * time.Second; took < least {
		f.Errorf("%d KiB took %s, and %d KiB a second are allowed", size, took, bound)
	}
	f.Logf("%d KiB took %s", size, took.Round(time.Millisecond))
}

// becomesAStar gives the tier a hub in the place of the pairs: nothing is copied.
func (f *tree) becomesAStar() {
	before := f.on("app1", "cd /srv/files; stat -c '%n %i %Z' same both d/last")
	f.chained(nil, "sg1")
	f.apply()
	f.inSync()
	f.as("app1", "echo over the hub >star")
	f.comes("app2", "cat star", "over the hub")
	f.as("app2", "rm star")
	f.comes("app1", "ls star 2>/dev/null || echo gone", "gone")
	if after := f.on("app1", "cd /srv/files; stat -c '%n %i %Z' same both d/last"); after != before {
		f.Errorf("files were\n%s\nand are\n%s", before, after)
	}
	if left := f.on("app2", "ls /etc/systemd/system /var/lib/atoll/tier/files/pairs | grep app1 || :"); strings.TrimSpace(left) != "" {
		f.Errorf("app2 still has %q of the pair with app1", left)
	}
}

// areTheOwners has all files of both trees belong to the account of their node.
func (f *tree) areTheOwners() {
	f.Helper()
	for _, host := range f.nodes {
		if found := f.on(host, "cd /srv; find files cold -name .tier -prune -o ! -user "+f.owner(host)+" -printf '%u %p, '"); found != "" {
			f.Errorf("on %s some are not %s's: %s", host, f.owner(host), found)
		}
	}
}

// changesHands refuses root beside other accounts, and gives the node whose account was
// its own that of the tier: what it remembers of its pairs stays.
func (f *tree) changesHands() {
	f.owners = map[string]string{"sg1": "root"}
	f.chained(nil, "sg1")
	if _, err := f.terraform.Plan(f.Context()); err == nil || !strings.Contains(flat(err.Error()), "owner is root on sg1 and www-data on app1, app2") {
		f.Errorf("root beside others: %v", err)
	}
	f.owners = map[string]string{"sg1": "deploy"}
	f.chained(nil, "sg1")
	f.on("sg1", "find /srv/files /srv/cold -name .tier -prune -o -exec chown -h www-data: {} +; chmod 750 /srv/files")
	// What the account that stands in the state cannot read is no end of the plan that
	// names another one.
	f.says(`sg1: node sg1: hot = "/srv/files": deploy may not read and write that directory`)
	f.owners = map[string]string{}
	f.chained(nil, "sg1")
	f.apply()
	f.inSync()
	// Deleted, it stays so only where the pairs know that it was there.
	f.as("sg1", "rm only-app1; echo www-data >hands")
	for _, host := range f.nodes {
		f.comes(host, "cat hands; ls only-app1 2>/dev/null || :", "www-data")
	}
	f.areTheOwners()
}
