// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package acceptance

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/atollhq/terraform-provider-atoll/internal/model/tier"
	"github.com/atollhq/terraform-provider-atoll/internal/site"
)

// tree is a file tier on three hosts of a lab, over a mesh of its own.
type tree struct {
	*fixture
	nodes   []string
	initial string
	// looks asks for the tier's status, beside what is declared.
	looks *site.Terraform
	// deletions and reserve are those of the archive.
	deletions []string
	reserve   int
	// hotDays is after how many days a day moves; 0 for never.
	hotDays int
	// owners are the accounts of nodes that have one of their own.
	owners map[string]string
	// vault are the nodes of a second tier, of archives, with the hot tree that each has;
	// "" for none. Without nodes there is no such tier.
	vault map[string]string
}

const tierAddress = "atoll_file_tier.files"

// lagoonBody is a mesh of its own between the nodes of a tier.
const lagoonBody = `
variable "machines" {}

resource "atoll_mesh_peer" "node" {
  for_each = var.machines
  ssh      = { host = each.value.host, host_key = each.value.host_key }
  mesh     = "lagoon"
  name     = each.key
  address  = each.value.mesh
  port     = 656
}

resource "atoll_mesh" "lagoon" {
  name  = "lagoon"
  cidr  = "10.78.0.0/24"
  peers = { for name, node in atoll_mesh_peer.node : name => node.peer }
}
`

const tierBody = lagoonBody + `
variable "nodes" {}
variable "initial" {}
variable "deletions" {}
variable "reserve" {}
variable "hot_days" {}
variable "vault" {}

resource "atoll_file_tier" "files" {
  name    = "files"
  hot     = "/srv/files"
  owner   = "www-data"
  mesh    = atoll_mesh.lagoon.id
  initial = var.initial
  cold    = "/srv/cold"

  cold_deletions   = var.deletions
  cold_reserve_mib = var.reserve

  hot_days      = var.hot_days
  quiet_minutes = var.hot_days == null ? null : 0
  grace_hours   = var.hot_days == null ? null : 0

  nodes   = { for name in var.nodes : name => { ssh = atoll_mesh_peer.node[name].ssh, address = atoll_mesh_peer.node[name].address } }
}

resource "atoll_file_tier" "vault" {
  count = length(var.vault) > 0 ? 1 : 0
  name  = "vault"
  cold  = "/srv/vault"
  owner = "www-data"
  mesh  = atoll_mesh.lagoon.id

  hot_days      = contains(values(var.vault), "/srv/fresh") ? 30 : null
  quiet_minutes = contains(values(var.vault), "/srv/fresh") ? 0 : null
  grace_hours   = contains(values(var.vault), "/srv/fresh") ? 0 : null

  nodes = { for name, hot in var.vault : name => { ssh = atoll_mesh_peer.node[name].ssh, address = atoll_mesh_peer.node[name].address, hot = hot == "" ? null : hot } }
}
`

const tierStatusBody = `
variable "machines" {}
variable "nodes" {}
variable "initial" {}
variable "hot_days" {}
variable "vault" {}

data "atoll_file_tier_status" "now" {
  tier = {
    name  = "files"
    hot   = "/srv/files"
    cold  = "/srv/cold"
    hub   = "app1"

    hot_days = var.hot_days

    nodes = { for name in var.nodes : name => {
      ssh     = { host = var.machines[name].host, host_key = var.machines[name].host_key, port = 22, user = "root", key = "default", jumps = [] }
      address = var.machines[name].mesh
      hot     = null
      cold    = null
    } }
  }
  least_free_percent = 0
}

output "status" {
  value = data.atoll_file_tier_status.now
}

data "atoll_file_tier_status" "vault" {
  count = length(var.vault) > 0 ? 1 : 0
  tier = {
    name  = "vault"
    cold  = "/srv/vault"
    hub   = "app1"

    nodes = { for name, hot in var.vault : name => {
      ssh     = { host = var.machines[name].host, host_key = var.machines[name].host_key, port = 22, user = "root", key = "default", jumps = [] }
      address = var.machines[name].mesh
      hot     = hot == "" ? null : hot
      cold    = null
    } }
  }
  least_free_percent = 0
}

output "vault" {
  value = one(data.atoll_file_tier_status.vault)
}
`

// tierStatus is what an atoll_file_tier_status says.
type tierStatus struct {
	Healthy  bool
	Problems []string
	Pairs    []pairStatus
	Archives []struct {
		Dials, Serves, Problem string
		Told                   bool
	}
	Nodes map[string]struct {
		Asked bool
		Tree  bool   `json:"tree_there"`
		Free  int64  `json:"free_mib"`
		Files *int64 `json:"files"`
		Days  *int64 `json:"days"`
		// Archive is what is told of that of the node.
		Archive *struct {
			Free               int64 `json:"free_mib"`
			Files, Bytes, Days *int64
			Whole              *bool
		}
		Mover *struct {
			Problem  string
			Archived int
			Waiting  []tier.WaitingDay
		}
		Scrub *struct {
			Files  int
			Rotten []tier.Left
			Mended []struct{ Path, From, Kept string }
		}
	}
}

type pairStatus struct {
	Dials, State string
	InStep       bool `json:"in_step"`
	Behind       *int64
	Backlog      *int64
	Lag          *float64
	Skipped      []tier.Left
}

// measured says whether all is carried, and how long the probe was on its way.
func (p pairStatus) measured() bool {
	return p.InStep && p.Backlog != nil && *p.Backlog == 0 && p.Lag != nil && *p.Lag > 0
}

// look asks for the status, by what may only read.
func (f *tree) look() tierStatus { return f.lookAt("status") }

func (f *tree) lookAt(output string) tierStatus {
	f.Helper()
	f.must(f.looks.Apply(f.Context()))
	var found tierStatus
	f.must(f.looks.Output(f.Context(), output, &found))
	return found
}

// machines are the hosts of the story, as variables.
func (f *tree) machines() map[string]any {
	f.Helper()
	machines := map[string]any{}
	for _, name := range []string{"app1", "app2", "sg1"} {
		host, err := f.lab.Inventory.Host(name)
		f.must(err)
		machines[name] = map[string]any{"host": host.Address, "host_key": host.HostKey, "mesh": strings.Replace(site.MeshAddress(host.HostSpec), "10.77.", "10.78.", 1)}
	}
	return machines
}

// declare writes the variables.
func (f *tree) declare() {
	f.Helper()
	machines := f.machines()
	if f.vault == nil {
		f.vault = map[string]string{}
	}
	values := map[string]any{"machines": machines, "nodes": f.nodes, "initial": nil, "deletions": f.deletions, "reserve": f.reserve, "hot_days": nil, "vault": f.vault}
	if f.hotDays > 0 {
		values["hot_days"] = f.hotDays
	}
	if f.initial != "" {
		values["initial"] = f.initial
	}
	f.must(f.terraform.Variables(values))
	f.must(f.looks.Variables(values))
}

// as does something on a host as the owner of the files.
func (f *tree) as(host, script string) string {
	f.Helper()
	return f.on(host, "cd /srv/files && runuser -u "+f.owner(host)+" -- sh -ec "+quoted(script))
}

// owner is the account that the files belong to on a host.
func (f *tree) owner(host string) string { return cmp.Or(f.owners[host], "www-data") }

func quoted(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }

// comes waits until a script on a host prints what is wanted.
func (f *tree) comes(host, script, want string) {
	f.Helper()
	var got string
	f.eventually(fmt.Sprintf("on %s, %s prints %q", host, script, want), time.Minute, func() bool {
		got, _ = f.try(host, "cd /srv/files; "+script)
		return got == want
	})
}

// pair is what app2 or sg1 tells of its pair with app1.
func (f *tree) pair(host string) tier.PairStatus {
	f.Helper()
	var status tier.PairStatus
	f.must(json.Unmarshal([]byte(f.on(host, "cat /var/lib/atoll/tier/files/pairs/app1/status.json")), &status))
	return status
}

// watching waits until both pairs are in step.
func (f *tree) watching() {
	f.Helper()
	for _, host := range f.nodes {
		if host != "app1" {
			f.eventually(host+" is in step", time.Minute, func() bool { return f.pair(host).Stage == tier.Watching })
		}
	}
}

// says holds a plan against a line of drift.
func (f *tree) says(line string) {
	f.Helper()
	plan := f.plan()
	if !slices.ContainsFunc(plan.Drift[tierAddress], func(found string) bool { return strings.HasPrefix(found, line) }) {
		f.Errorf("want the line %q, got %s", line, plan)
	}
}

// The life of a tree: what is written on one host is on the others, whatever
// happens to the line, the processes, the memory and the machines in between, and
// no file is ever lost.
func TestFileTier(t *testing.T) {
	f := &tree{fixture: open(t), nodes: []string{"app1", "app2", "sg1"}}
	f.terraform, f.looks = written(t, f.lab, tierBody), written(t, f.lab, tierStatusBody)
	f.declare()
	f.on("app1", "rm -rf /srv/files; install -d -o www-data -g www-data /srv/files /srv/files/old; echo before >/srv/files/old/file; chown www-data: /srv/files/old/file")
	f.on("app1", "rm -rf /srv/cold")
	f.on("app2", "rm -rf /srv/files /srv/cold")
	f.on("sg1", "rm -rf /srv/files /srv/cold")
	t.Cleanup(func() { _ = f.lab.Reset(context.Background()) })
	f.apply()
	f.inSync()
	faults := os.Getenv("ATOLL_ROUNDS") != ""
	for _, step := range []struct {
		name string
		// long ones wait for what takes its time: make test-faults.
		long bool
		do   func(*tree)
	}{
		{"files go both ways", false, (*tree).goBothWays},
		{"both sides write", false, (*tree).conflict},
		{"a line is cut", true, (*tree).cut},
		{"all is killed", false, (*tree).killed},
		{"an agent stands still", true, (*tree).standsStill},
		{"memory is lost", true, (*tree).memory},
		{"archives are kept in step", false, (*tree).archives},
		{"hands are at it", false, (*tree).byHand},
		{"days move", false, (*tree).daysMove},
		{"a disk forgets what moves", false, (*tree).forgets},
		{"files rot", false, (*tree).rots},
		{"many files rot at once", false, (*tree).rotAtOnce},
		{"scrubs are killed", true, (*tree).scrubFaults},
		{"movers are disturbed", true, (*tree).moverFaults},
		{"archives are killed", true, (*tree).archiveFaults},
		{"a tree is not mounted", true, (*tree).unmounted},
		{"the hub loses its power", true, (*tree).reboot},
		{"files are odd", true, (*tree).oddFiles},
		{"disks fill", true, (*tree).disksFill},
		{"a fifth is lost", true, (*tree).lossy},
		{"a node is rebuilt", true, (*tree).rebuilt},
		{"a node leaves and comes back", false, (*tree).leaves},
		{"archives stand alone", true, (*tree).archivesAlone},
		{"an archive beside trees", true, (*tree).archiveBeside},
		{"nobody keeps them in step any more", false, (*tree).destroyed},
	} {
		if step.long && !faults {
			continue
		}
		if !t.Run(step.name, func(t *testing.T) {
			own := *f
			own.fixture = f.within(t)
			step.do(&own)
		}) {
			break
		}
	}
}

func (f *tree) goBothWays() {
	f.comes("sg1", "cat old/file", "before")
	f.as("app2", "mkdir -p 2026/11/26; echo one >2026/11/26/one; ln -s one 2026/11/26/link; chmod 0640 2026/11/26/one")
	f.comes("sg1", "cat 2026/11/26/link; stat -c '%a %U' 2026/11/26/one", "one\n640 www-data")
	f.as("sg1", "mv 2026/11/26/one 2026/11/26/two; echo more >>2026/11/26/two; rm old/file")
	f.comes("app2", "cat 2026/11/26/two; ls old 2026/11/26", "one\nmore\n2026/11/26:\nlink\ntwo\n\nold:")
	f.as("app1", "touch \"$(printf 'a\\nb \\377')\" \"a'b\\\"c\\$d\"")
	// Everywhere, before it goes: what goes while it is carried counts as left for a while.
	for _, host := range []string{"app2", "sg1"} {
		f.comes(host, "LC_ALL=C ls -b", "2026\na\\nb\\ \\377\na'b\"c$d\nold")
	}
	f.as("app1", "rm -f a*")
	f.comes("app2", "ls", "2026\nold")
	f.watching()
	// Whoever is in the mesh finds nobody of the tier who listens.
	for _, host := range f.nodes {
		if ports := f.on(host, "ss -Hlntup | grep -e atoll -e unison -e rsync || :"); ports != "" {
			f.Errorf("on %s there listens %s", host, ports)
		}
	}
	// Counted within minutes after it is brought there: here at once.
	f.on("app1", "systemctl start atoll-count-files.service")
	var found tierStatus
	f.eventually("all pairs are in step", time.Minute, func() bool {
		found = f.look()
		return found.Healthy && len(found.Pairs) == 2 && found.Pairs[0].measured() && found.Pairs[1].measured()
	})
	f.comes("app1", "ls -A | grep -c '^.tier-probe-'", "0")
	if app1 := found.Nodes["app1"]; app1.Free == 0 ||
		app1.Files == nil || *app1.Files != 1 || *app1.Days != 1 {
		f.Errorf("the status is %+v", found)
	}
}

// conflict keeps two nodes apart while both write the same path.
func (f *tree) conflict() {
	f.on("app1", "systemctl stop atoll-tier-files.app2.socket 'atoll-tier-files.app2@*'")
	f.as("app1", "echo from app1 >both; echo mine >only1")
	f.as("app2", "echo from app2 >both; echo mine >only2")
	f.comes("sg1", "cat both only1", "from app1\nmine")
	f.eventually("app2 says why it waits", time.Minute, func() bool { return strings.Contains(f.pair("app2").Error, "unable to reach unison") })
	f.on("app1", "systemctl start atoll-tier-files.app2.socket")
	f.comes("app2", "cat only1 only2 both", "mine\nmine\nfrom app2")
	f.comes("sg1", "cat only1 only2 both", "mine\nmine\nfrom app1")
	f.eventually("the conflict is listed", time.Minute, func() bool {
		skipped := f.pair("app2").Skipped
		return len(skipped) == 1 && skipped[0].Path == "both"
	})
	var found tierStatus
	// Trees with something left are read again every few seconds: it is at work then.
	f.eventually("the pair is in step but for that", time.Minute, func() bool { found = f.look(); return found.Pairs[0].State == "PARTIAL" })
	if found.Healthy || found.Pairs[0].Dials != "app2" || len(found.Pairs[0].Skipped) != 1 || found.Pairs[0].Skipped[0].Path != "both" {
		f.Errorf("with a conflict the status is %+v", found)
	}
	f.as("app2", "rm both")
	f.comes("app2", "cat both 2>/dev/null", "from app1")
}

// cut loses everything between app2 and the others, and not between the operator
// and app2.
// cutVariable is for how many minutes a line is cut at least.
const cutVariable = "ATOLL_CUT"

func (f *tree) cut() {
	minutes := often(f.T, cutVariable, 0)
	for _, other := range []string{"app1", "sg1"} {
		f.must(f.lab.Cut(f.Context(), "app2", other))
	}
	f.as("app1", "echo 1 >cut1")
	f.as("app2", "echo 2 >cut2")
	f.eventually("app2 misses app1", time.Minute, func() bool { return f.pair("app2").Stage == tier.Waiting })
	f.says("app2 ↔ app1: not kept in step: ")
	if err := f.run("app2"); err == nil {
		f.Error("an archive is carried over a line that is cut")
	}
	f.says("archive app2 ↔ app1: not kept in step: unable to reach the archive of app1: ")
	f.as("app1", "mkdir there")
	f.as("app2", "mkdir here")
	for minute := range minutes {
		f.as("app1", fmt.Sprintf("echo %d >there/%[1]d", minute))
		f.as("app2", fmt.Sprintf("echo %d >here/%[1]d", minute))
		time.Sleep(time.Minute)
	}
	for _, other := range []string{"app1", "sg1"} {
		f.must(f.lab.Mend(f.Context(), "app2", other))
	}
	f.comes("app2", "cat cut1", "1")
	f.comes("sg1", "cat cut2", "2")
	for _, host := range []string{"app1", "app2", "sg1"} {
		f.comes(host, "ls here | wc -l; ls there | wc -l", fmt.Sprintf("%d\n%[1]d", minutes))
	}
	f.must(f.run("app2"))
	f.watching()
	f.inSync()
}

func (f *tree) killed() {
	for _, host := range []string{"app1", "app2"} {
		f.on(host, "pkill -KILL -u www-data; :")
	}
	f.as("app2", "echo survives >killed")
	f.comes("sg1", "cat killed", "survives")
	// What a unison that was killed while it replaced a directory leaves behind.
	f.on("app1", "systemctl stop 'atoll-tier-files.app2@*'")
	f.as("app1", "mkdir day; echo in it >day/file; mv day .unison.day.tmp")
	f.on("app1", `cd /var/lib/atoll/tier/files/pairs/app2
printf 'Warning: the last run of unison terminated abnormally while moving\n   /srv/files/.unison.new.tmp\nto\n   /srv/files/day\nvia\n   /srv/files/.unison.day.tmp\n\n' >DANGER.README
touch lk0123456789abcdef; chown www-data: DANGER.README lk*; systemctl stop 'atoll-tier-files.app2@*'`)
	f.comes("app2", "cat day/file", "in it")
	f.watching()
	f.inSync()
}

func (f *tree) memory() {
	f.on("sg1", "systemctl kill -s KILL atoll-tier-files.app1; cd /var/lib/atoll/tier/files/pairs/app1; rm -f ar* fp*")
	f.as("app1", "echo after >memory")
	f.comes("sg1", "cat memory; ls old killed", "after\nkilled\n\nold:")
	f.watching()
	// Both sides lose it, as when both are restored: what either has is on both again, and
	// what they differ in is kept on both.
	for host, unit := range map[string]string{"sg1": "app1.service", "app1": "sg1.socket"} {
		// Not their archive's units, which begin alike.
		peer, _, _ := strings.Cut(unit, ".")
		f.on(host, "systemctl stop atoll-tier-files."+unit+"; pkill -KILL -u www-data; cd /var/lib/atoll/tier/files/pairs/"+peer+"; rm -f ar* fp*")
	}
	f.as("app1", "echo mine >lost; echo only >lost1")
	f.as("sg1", "echo yours >lost; echo only >lost2")
	f.on("app1", "systemctl start atoll-tier-files.sg1.socket")
	f.on("sg1", "systemctl start atoll-tier-files.app1.service")
	f.comes("sg1", "cat lost lost1 lost2", "yours\nonly\nonly")
	f.comes("app1", "cat lost lost1 lost2", "mine\nonly\nonly")
	f.as("sg1", "rm lost")
	// What was left is looked at when the trees are read again: after twenty times as long
	// as that took, which on a busy machine is more than a minute.
	f.arrives("sg1", "cat lost 2>/dev/null", "mine")
	f.watching()
}

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

func (f *tree) byHand() {
	f.deletions, f.reserve = nil, 0
	f.declare()
	f.on("app2", "echo '{}' >/etc/atoll/tier/files/app1.json; systemctl stop atoll-tier-files.app1")
	f.on("app1", "sed -i /sg1/d /var/lib/atoll/tier/files/ssh/.ssh/authorized_keys; sed -i s/1024M/64M/ /etc/systemd/system/atoll-tier-files.sg1@.service; chmod 0666 /etc/systemd/system/atoll-tier-files.sg1.socket")
	f.on("app1", "systemctl stop atoll-tier-files.app2.cold.socket")
	f.on("app2", "systemctl stop atoll-tier-files.app1.cold.timer; systemctl restart atoll-tier-files.app1.cold || :")
	f.on("sg1", "rm /var/lib/atoll/tier/files/key; chown root /var/lib/atoll/tier/files/pairs/app1")
	drift := strings.Join(f.plan().Drift[tierAddress], "\n")
	for _, line := range []string{
		"app2: file /etc/atoll/tier/files/app1.json: content differs",
		"app2: unit atoll-tier-files.app1.service: inactive, want active",
		"app2: unit atoll-tier-files.app1.cold.timer: inactive, want active",
		"app1: unit atoll-tier-files.app2.cold.socket: inactive, want active",
		"app1: archive /srv/cold: takes nothing from app2: full: ",
		"archive app2 ↔ app1: not kept in step: unable to reach the archive of app1: rsync ended with code ",
		"app1: file /var/lib/atoll/tier/files/ssh/.ssh/authorized_keys: content differs",
		"app1: file /etc/systemd/system/atoll-tier-files.sg1@.service: content differs",
		"app1: file /etc/systemd/system/atoll-tier-files.sg1.socket: mode 0666, want 0644",
		"sg1: SSH key /var/lib/atoll/tier/files/key: missing, or its halves do not match",
		"sg1: directory /var/lib/atoll/tier/files/pairs/app1: owner root, want www-data",
	} {
		if !strings.Contains(drift, line) {
			f.Errorf("the plan lacks %q:\n%s", line, drift)
		}
	}
	f.apply()
	f.inSync()
	f.as("sg1", "echo mended >hand")
	f.comes("app2", "cat hand", "mended")
	// What was deleted by hand came back, and what was named did not.
	for _, host := range []string{"app2", "sg1"} {
		f.must(f.run(host))
		if got := f.on(host, "cd /srv/cold/2025/01; find . -mindepth 1 ! -name 'again*' -printf '%P ' | xargs -n1 | sort | xargs"); got != "02 02/both 02/link 02/two" {
			f.Errorf("%s has %s", host, got)
		}
	}
}

func (f *tree) unmounted() {
	before := f.on("app1", "cd /srv/files; find . -path ./.tier -prune -o ! -name '.tier-probe-*' -print | sort")
	f.on("sg1", "mount -t tmpfs none /srv/files && systemctl restart atoll-tier-files.app1")
	f.says("sg1: tree /srv/files: does not carry the tier's name")
	if err := f.terraform.Apply(f.Context()); err == nil || !strings.Contains(flat(err.Error()), "if it is a mount point, mount it") {
		f.Errorf("an apply without the tree says %v", err)
	}
	if after := f.on("app1", "cd /srv/files; find . -path ./.tier -prune -o ! -name '.tier-probe-*' -print | sort"); after != before {
		f.Errorf("files went:\n%s\nwere\n%s", after, before)
	}
	f.as("app2", "echo meanwhile >unmounted")
	f.comes("app1", "cat unmounted", "meanwhile")
	f.on("sg1", "umount /srv/files")
	f.comes("sg1", "cat unmounted", "meanwhile")
	f.watching()
	f.inSync()
}

func (f *tree) reboot() {
	f.must(f.lab.PullPlug(f.Context(), "app1"))
	f.as("app2", "echo off >power")
	if found := f.look(); found.Healthy || found.Nodes["app1"].Asked || found.Pairs[0].InStep || found.Pairs[1].State != "UNKNOWN" {
		f.Errorf("without power on app1 the status is %+v", found)
	}
	f.must(f.lab.PlugIn(f.Context(), "app1"))
	f.comes("sg1", "cat power", "off")
	f.watching()
	// And who just gets many files loses it while they come.
	f.as("app1", "mkdir pulled; cd pulled; head -c 6000000 /dev/urandom | split -b 2000 -a 4 -")
	f.eventually("files come to sg1", 5*time.Minute, func() bool {
		some, _ := f.try("sg1", "find /srv/files -path '*pulled*' -type f | wc -l")
		return some != "" && some != "0"
	})
	f.must(f.lab.PullPlug(f.Context(), "sg1"))
	f.must(f.lab.PlugIn(f.Context(), "sg1"))
	for _, host := range []string{"sg1", "app2"} {
		f.arrives(host, "cat pulled/x* | sha256sum; ls pulled | wc -l", f.as("app1", "cat pulled/x* | sha256sum; ls pulled | wc -l"))
	}
	f.as("app2", "rm -r pulled")
	f.arrives("sg1", "ls -d pulled 2>/dev/null || echo gone", "gone")
	f.watching()
	f.inSync()
}

func (f *tree) leaves() {
	f.as("app2", "echo dark >dark")
	f.comes("sg1", "cat dark", "dark")
	f.nodes = []string{"app1", "app2"}
	f.declare()
	f.apply()
	f.inSync()
	if left := f.on("sg1", "ls -A /var/lib/atoll/tier /etc/atoll/tier /etc/systemd/system 2>/dev/null | grep -e atoll-tier -e files; ls -A /srv/files/.tier 2>&1 | head -c 20; cat /srv/files/dark"); left != "ls: cannot access '/dark" {
		f.Errorf("sg1 still holds %q", left)
	}
	if known := f.on("app1", "grep -c sg1 /var/lib/atoll/tier/files/ssh/.ssh/authorized_keys; ls /var/lib/atoll/tier/files/pairs /etc/atoll/tier/files"); known != "0\n/etc/atoll/tier/files:\napp2.cold.json\napp2.json\ntier.scrub.json\n\n/var/lib/atoll/tier/files/pairs:\napp2" {
		f.Errorf("app1 still knows sg1: %s", known)
	}
	f.as("sg1", "rm dark; echo alone >alone")
	f.nodes = []string{"app1", "app2", "sg1"}
	f.declare()
	if err := f.terraform.Apply(f.Context()); err == nil || !strings.Contains(flat(err.Error()), `both have files, and not the same: nothing was touched`) {
		f.Errorf("trees that differ meet: %v", err)
	}
	f.initial = "merge"
	f.declare()
	f.apply()
	f.comes("sg1", "cat dark alone", "dark\nalone")
	f.comes("app2", "cat dark alone", "dark\nalone")
	f.inSync()
}

func (f *tree) destroyed() {
	// A unison that was killed, or whose file went while it came, keeps what it had
	// got so far under such a name for the next attempt: that is nobody's file.
	const all = "cd /srv/files; find . -path ./.tier -prune -o -type f ! -name '.unison.*.unison.tmp' ! -name '.tier-probe-*' -print0 | sort -z | xargs -0 sha256sum"
	const archive = "cd /srv/cold; find . -path './.tier*' -prune -o -type f -print0 | sort -z | xargs -0 sha256sum"
	archived := f.on("app1", archive)
	before := f.on("app1", all)
	vault, _ := f.try("app1", inVault) // none but in test-faults
	f.must(f.terraform.Destroy(f.Context()))
	for _, host := range f.nodes {
		if after := f.on(host, all); after != before {
			f.Errorf("%s has other files than before:\n%s\nwere\n%s", host, after, before)
		}
		if after := f.on(host, archive); after != archived || archived == "" {
			f.Errorf("%s has another archive than before:\n%s\nwas\n%s", host, after, archived)
		}
		if left := f.on(host, "ls -A /srv/files/.tier /srv/cold/.tier /var/lib/atoll/tier /etc/atoll/tier 2>/dev/null; systemctl list-units --all --no-legend 'atoll-tier*'; pgrep -u www-data -a || :"); strings.Contains(left, "files") {
			f.Errorf("%s still holds %q", host, left)
		}
	}
	for _, host := range []string{"app1", "app2"} {
		if after, _ := f.try(host, inVault); after != vault {
			f.Errorf("%s has another vault than before:\n%s\nwas\n%s", host, after, vault)
		}
		if left := f.on(host, "ls -A /srv/vault/.tier /var/lib/atoll/tier /etc/atoll/tier 2>/dev/null; ls /etc/systemd/system | grep vault || :"); strings.Contains(left, "vault") {
			f.Errorf("%s still holds %q", host, left)
		}
	}
}
