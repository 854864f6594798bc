// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"strings"
	"testing"

	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

func peerOn(address, mesh string) object {
	return object{"ssh": sshTo(address), "mesh": "site", "name": "n" + address[len(address)-2:], "address": mesh}
}

// A resource on one machine through its life: made, in sync, drifted, mended,
// taken back.
func TestNodeThroughItsLife(t *testing.T) {
	t.Parallel()
	network := machines(t, "203.0.113.11")
	machine := network.Machines["203.0.113.11"]
	tf := start(t, network, object{})
	config := peerOn("203.0.113.11", "10.77.0.11")
	peer := tf.made("atoll_mesh_peer", nil, config)
	key, _ := peer.at("peer", "public_key").(string)
	if !strings.HasPrefix(key, "-----BEGIN PUBLIC KEY-----") || peer.at("id") != "site/n11" || peer.at("endpoint") != "203.0.113.11" {
		t.Errorf("made: key %q, id %v, endpoint %v", key, peer.at("id"), peer.at("endpoint"))
	}
	peer = tf.refreshed("atoll_mesh_peer", peer)
	if !tf.empty("atoll_mesh_peer", peer, config) {
		t.Errorf("the plan after an apply is not empty: drift %s", peer.lines())
	}
	if err := machine.Write("/etc/tinc/site/tinc.conf", "by hand"); err != nil {
		t.Fatal(err)
	}
	peer = tf.refreshed("atoll_mesh_peer", peer)
	if want := "[file /etc/tinc/site/tinc.conf: content differs]"; peer.lines() != want {
		t.Errorf("drift %s, want %s", peer.lines(), want)
	}
	planned, problems := tf.plan("atoll_mesh_peer", peer, write(tf.kind("atoll_mesh_peer"), config))
	if problems != "" || planned.lines() != "[]" || planned.at("peer", "public_key") != key {
		t.Errorf("planned: drift %s, key %v; %s", planned.lines(), planned.at("peer", "public_key"), problems)
	}
	peer = tf.refreshed("atoll_mesh_peer", tf.made("atoll_mesh_peer", peer, config))
	if !tf.empty("atoll_mesh_peer", peer, config) {
		t.Errorf("the drift is not mended: %s", peer.lines())
	}
	tf = start(t, network, object{}) // a later apply: what one makes it does not take back
	if problems := tf.destroy("atoll_mesh_peer", peer); problems != "" {
		t.Error(problems)
	}
	if gone := tf.refreshed("atoll_mesh_peer", peer); !gone.value.IsNull() {
		t.Errorf("after it was destroyed, the machine still shows %s", gone.lines())
	}
}

// A mesh whose name has the word key in it, and a file that was edited: nothing
// is the matter with the key.
func TestPlanOfTheKeyDoesNotDependOnWords(t *testing.T) {
	t.Parallel()
	network := machines(t, "203.0.113.11")
	tf := start(t, network, object{})
	config := peerOn("203.0.113.11", "10.77.0.11")
	config["mesh"] = "turkey"
	peer := tf.made("atoll_mesh_peer", nil, config)
	if err := network.Machines["203.0.113.11"].Write("/etc/tinc/turkey/tinc.conf", "by hand"); err != nil {
		t.Fatal(err)
	}
	peer = tf.refreshed("atoll_mesh_peer", peer)
	planned, problems := tf.plan("atoll_mesh_peer", peer, write(tf.kind("atoll_mesh_peer"), config))
	if problems != "" || planned.at("peer", "public_key") != peer.at("peer", "public_key") {
		t.Errorf("an edited file plans the key %v: %s", planned.at("peer", "public_key"), problems)
	}
	if err := network.Machines["203.0.113.11"].Write("/etc/tinc/turkey/rsa_key.priv", "rubbish"); err != nil {
		t.Fatal(err)
	}
	peer = tf.refreshed("atoll_mesh_peer", peer)
	if planned, _ = tf.plan("atoll_mesh_peer", peer, write(tf.kind("atoll_mesh_peer"), config)); planned.at("peer", "public_key") != (unknown{}) {
		t.Errorf("a lost key plans the key %v", planned.at("peer", "public_key"))
	}
}

// What a refresh meets on its way to the machine says nothing about what stands
// there: the state is kept, the plan goes on, and one line says what is wrong.
func TestRefreshOfAMachineThatIsNotAsked(t *testing.T) {
	t.Parallel()
	network := machines(t, "203.0.113.11")
	tf := start(t, network, object{})
	configs := map[string]object{"atoll_host": {"ssh": sshTo("203.0.113.11")}, "atoll_mesh_peer": peerOn("203.0.113.11", "10.77.0.11")}
	states := map[string]*state{}
	for resource, config := range configs {
		states[resource] = tf.made(resource, nil, config)
	}
	for _, row := range []struct {
		kind error
		line string
	}{
		{remote.ErrUnreachable, "unreachable: connect 203.0.113.11:22: "},
		{remote.ErrHostKeyMismatch, "not asked: connect 203.0.113.11:22: host key has changed"},
		{remote.ErrAuthentication, "not asked: connect 203.0.113.11:22: authentication refused"},
		{remote.ErrPrivilege, "not asked: connect 203.0.113.11:22: cannot become root"},
		{remote.ErrConfiguration, "not asked: connect 203.0.113.11:22: connection is not configured"},
	} {
		for resource, config := range configs {
			made := states[resource]
			network.Machines["203.0.113.11"].Fail(&remote.Error{Kind: row.kind, Address: "203.0.113.11:22"})
			read := tf.refreshed(resource, made)
			if !strings.HasPrefix(read.lines(), "["+row.line) || !strings.Contains(read.warnings, "Machine 203.0.113.11 Was Not Read") {
				t.Errorf("%s: drift %s, warnings %q", resource, read.lines(), read.warnings)
			}
			if read.at("id") != made.at("id") || tf.empty(resource, read, config) {
				t.Errorf("%s: the state is not kept, or the plan says nothing", resource)
			}
			if _, problems := tf.apply(resource, read, config); !strings.Contains(problems, row.kind.Error()) {
				t.Errorf("%s: an apply without another declaration says %q", resource, problems)
			}
		}
	}
}

// A machine shows a new key. The plan with the old declaration says so, an apply
// with it is refused, and one with the new key gets through.
func TestChangedHostKeyIsNoDeadEnd(t *testing.T) {
	t.Parallel()
	network := machines(t, "203.0.113.11")
	tf := start(t, network, object{})
	old := peerOn("203.0.113.11", "10.77.0.11")
	peer := tf.made("atoll_mesh_peer", nil, old)
	network.Machines["203.0.113.11"].HostKey = otherKey
	peer = tf.refreshed("atoll_mesh_peer", peer)
	if !strings.Contains(peer.lines(), "host key has changed") {
		t.Errorf("drift %s", peer.lines())
	}
	if _, problems := tf.apply("atoll_mesh_peer", peer, old); !strings.Contains(problems, "host key has changed") {
		t.Errorf("an apply with the old key says %q", problems)
	}
	declared := peerOn("203.0.113.11", "10.77.0.11")
	declared["ssh"] = object{"host": "203.0.113.11", "host_key": otherKey}
	peer = tf.refreshed("atoll_mesh_peer", tf.made("atoll_mesh_peer", peer, declared))
	if !tf.empty("atoll_mesh_peer", peer, declared) {
		t.Errorf("after the new key was applied: %s", peer.lines())
	}
}

// What is on a machine that is declared lost leaves the state without contact,
// and nothing new is made there.
func TestLostMachine(t *testing.T) {
	t.Parallel()
	network := machines(t, "203.0.113.11")
	config := object{"ssh": sshTo("203.0.113.11")}
	made := start(t, network, object{}).made("atoll_host", nil, config)
	tf := start(t, network, object{"lost": []any{"203.0.113.11"}})
	ran := len(network.Machines["203.0.113.11"].Runs())
	read := tf.refreshed("atoll_host", made)
	if !read.value.IsNull() || !strings.Contains(read.warnings, "Leaves the State") {
		t.Errorf("%s: %s", read.value, read.warnings)
	}
	if _, problems := tf.apply("atoll_host", nil, config); !strings.Contains(problems, "Machine Is Declared Lost") {
		t.Errorf("something new on a lost machine: %q", problems)
	}
	if problems := tf.destroy("atoll_host", made); problems != "" {
		t.Error(problems)
	}
	if now := len(network.Machines["203.0.113.11"].Runs()); now != ran {
		t.Errorf("the lost machine was contacted: %v", network.Machines["203.0.113.11"].Runs()[ran:])
	}
}

// A name under which the provider has no key is refused by the plan, unless an agent may
// have it; what stands, and is not changed, has its line of drift.
func TestNamesOfKeys(t *testing.T) {
	t.Parallel()
	network := machines(t, "203.0.113.11")
	way := func(key string) object {
		return object{"ssh": object{"host": "203.0.113.11", "host_key": hostKey, "key": key}}
	}
	keys := object{"ssh": object{"keys": object{"office": loginPEM}}}
	for _, row := range []struct {
		block  object
		config object
		want   string
	}{
		{keys, way("office"), ""},
		{keys, way("nokey"), `ssh.key = "nokey" is the name of no key`},
		{keys, object{"ssh": object{"host": "203.0.113.11", "host_key": hostKey, "jumps": []any{object{"host": "203.0.113.1", "host_key": hostKey, "key": "nokey"}}}}, `ssh.jumps[0].key = "nokey" is the name of no key`},
		{object{"ssh": object{"agent": true}}, way("nokey"), ""},
		{object{"ssh": object{"keys": unknown{}}}, way("nokey"), ""},
		{object{"ssh": object{"keys": object{"default": loginPEM}, "watcher": true}}, way("nokey"), ""},
		{object{}, way("default"), ""},
	} {
		tf := start(t, network, row.block)
		_, problems := tf.plan("atoll_host", nil, write(tf.kind("atoll_host"), row.config))
		if row.want == "" && problems != "" || !strings.Contains(problems, row.want) {
			t.Errorf("%v: %q, want %q", row.config, problems, row.want)
		}
	}
	made := start(t, network, keys).made("atoll_host", nil, way("office"))
	tf := start(t, network, object{"ssh": object{"keys": object{"default": loginPEM}}})
	if _, problems := tf.plan("atoll_host", made, write(tf.kind("atoll_host"), way("office"))); problems != "" {
		t.Errorf("what stands: %s", problems)
	}
}

// A time-out with which no operation can end is refused by the plan, by its name.
func TestTimeoutsAreMoreThanNothing(t *testing.T) {
	t.Parallel()
	tf := start(t, machines(t, "203.0.113.11"), object{})
	for value, want := range map[string]string{"-5m": "must be more than nothing", "0s": "must be more than nothing", "soon": "is no duration", "90s": ""} {
		_, problems := tf.plan("atoll_host", nil, write(tf.kind("atoll_host"), object{"ssh": sshTo("203.0.113.11"), "timeouts": object{"create": value}}))
		if want == "" && problems != "" || want != "" && !strings.Contains(problems, `timeouts.create = "`+value+`" `+want) {
			t.Errorf("%q: %q", value, problems)
		}
	}
}

// A refresh alone changes nothing: no fact of the state moves by itself.
func TestRefreshOnlyPlanIsEmpty(t *testing.T) {
	t.Parallel()
	network := machines(t, "203.0.113.11")
	tf := start(t, network, object{})
	config := object{"ssh": sshTo("203.0.113.11"), "hostname": "hk1", "sysctls": object{"vm.swappiness": "10"}, "packages": []any{"bc"}}
	host := tf.made("atoll_host", nil, config)
	for range 2 {
		read := tf.refreshed("atoll_host", host)
		if !read.value.Equal(host.value) {
			t.Errorf("a refresh changes the state:\n%s\n%s", host.value, read.value)
		}
		host = read
	}
	if host.at("facts", "memory_mib") != int64(2048) || host.at("facts", "os") != "debian" {
		t.Errorf("facts: %v", host.at("facts"))
	}
}

// An import finds what stands, and the next plan with the same declaration is
// empty; what is not there, or not named, is refused.
func TestImportOfNodes(t *testing.T) {
	t.Parallel()
	network := machines(t, "203.0.113.11")
	tf := start(t, network, object{})
	config := peerOn("203.0.113.11", "10.77.0.11")
	made := tf.made("atoll_mesh_peer", nil, config)
	found, problems := tf.find("atoll_mesh_peer", "site/n11 203.0.113.11 "+hostKey)
	if problems != "" || found.at("peer", "public_key") != made.at("peer", "public_key") || !tf.empty("atoll_mesh_peer", found, config) {
		t.Errorf("%s\n%s", problems, found.lines())
	}
	found, problems = tf.find("atoll_host", "203.0.113.11 "+hostKey)
	if problems != "" || found.at("facts", "os") != "debian" {
		t.Errorf("%s: %v", problems, found)
	}
	for id, want := range map[string]string{
		"":                                  "the host is empty",
		"site/n12":                          "the form is",
		"n11 203.0.113.11 " + hostKey:       "MESH/NAME",
		"other/n11 203.0.113.11 " + hostKey: "no tinc node",
		"site/n11 203.0.113.99 " + hostKey:  "host is unreachable",
		"site/n12 203.0.113.11 " + hostKey:  "it is n11 in the mesh site, as Name in /etc/tinc/site/tinc.conf says, and not n12. Import site/n11",
		"site/ 203.0.113.11 " + hostKey:     "Import site/n11",
	} {
		if _, problems := tf.find("atoll_mesh_peer", id); !strings.Contains(problems, "Unable to Import") || !strings.Contains(problems, want) && id != "" {
			t.Errorf("%q: %s", id, problems)
		}
	}
	if _, problems := tf.find("atoll_host", ""); !strings.Contains(problems, "Unable to Import") {
		t.Errorf("an empty id says %q", problems)
	}
}

// A port that somebody else has is refused before tinc is sent there, by the plan
// already, and a peer is not made where its port is that of sshd.
func TestPortOfAPeer(t *testing.T) {
	t.Parallel()
	network := machines(t, "203.0.113.11")
	machine := network.Machines["203.0.113.11"]
	listening := func(rows string) {
		t.Helper()
		if err := machine.Write("/simulated/listening", rows); err != nil {
			t.Fatal(err)
		}
	}
	tf := start(t, network, object{})
	kind := tf.kind("atoll_mesh_peer")
	config := peerOn("203.0.113.11", "10.77.0.11")
	const web = "tcp LISTEN 0 511 0.0.0.0:655 0.0.0.0:* users:((\"nginx\",pid=17,fd=5))\n"
	listening(web)
	if _, problems := tf.plan("atoll_mesh_peer", nil, write(kind, config)); !strings.Contains(problems, "port 655 of this machine is held by nginx, pid 17. Give the peer another port") {
		t.Errorf("a new peer: %q", problems)
	}
	// Another mesh may go in the same apply, which refuses it if it does not.
	listening(strings.ReplaceAll(web, "nginx", "tincd"))
	if _, problems := tf.plan("atoll_mesh_peer", nil, write(kind, config)); problems != "" {
		t.Errorf("a new peer beside another mesh: %q", problems)
	}
	if _, problems := tf.apply("atoll_mesh_peer", nil, config); !strings.Contains(problems, "held by tincd, pid 17") {
		t.Errorf("an apply beside another mesh: %q", problems)
	}
	listening("")
	peer := tf.made("atoll_mesh_peer", nil, config)

	listening(strings.ReplaceAll(web, "655", "1655"))
	config["port"] = 1655
	if _, problems := tf.plan("atoll_mesh_peer", peer, write(kind, config)); !strings.Contains(problems, "port 1655 of this machine is held by nginx, pid 17") {
		t.Errorf("another port: %q", problems)
	}
	config["port"] = 22
	if _, problems := tf.plan("atoll_mesh_peer", peer, write(kind, config)); !strings.Contains(problems, "port = 22 is the one at which sshd answers on this machine") {
		t.Errorf("the port of sshd: %q", problems)
	}
	listening(web)
	if drifted := tf.refreshed("atoll_mesh_peer", peer); drifted.lines() != "[port 655: held by nginx, pid 17, which is not this mesh's tinc]" {
		t.Errorf("drift %s", drifted.lines())
	}
}

// An endpoint is where others find the machine.
func TestEndpointOfAPeer(t *testing.T) {
	t.Parallel()
	tf := start(t, machines(t, "203.0.113.11"), object{})
	for endpoint, want := range map[string]string{
		"127.0.0.1": `endpoint = "127.0.0.1" is no address at which another machine finds this one`, "localhost": `endpoint = "localhost" is no address`,
		"10.77.0.11": `endpoint = "10.77.0.11" is the peer's address inside the mesh`, "hk1.example": "",
	} {
		config := peerOn("203.0.113.11", "10.77.0.11")
		config["endpoint"] = endpoint
		if _, problems := tf.plan("atoll_mesh_peer", nil, write(tf.kind("atoll_mesh_peer"), config)); want == "" && problems != "" || !strings.Contains(problems, want) {
			t.Errorf("%s: %q", endpoint, problems)
		}
	}
}

// Two that declare different things of one machine would take from each other what they
// made. One that is replaced is planned twice.
func TestMachineThatIsDeclaredTwice(t *testing.T) {
	t.Parallel()
	tf := start(t, machines(t, "203.0.113.11", "203.0.113.12"), object{})
	for _, row := range []struct {
		name   string
		config object
		want   string
	}{
		{"the first", object{"ssh": sshTo("203.0.113.11"), "packages": []any{"bc", "cron"}}, ""},
		{"it is replaced", object{"ssh": sshTo("203.0.113.11"), "packages": []any{"bc", "cron"}}, ""},
		{"another machine", object{"ssh": sshTo("203.0.113.12"), "packages": []any{"bc"}}, ""},
		{"a second", object{"ssh": sshTo("203.0.113.11"), "packages": []any{"bc"}}, `ssh.host = "203.0.113.11" is the machine of another atoll_host of this configuration, too`},
		{"another machine that has its address behind another host", object{"ssh": object{"host": "203.0.113.11", "host_key": otherKey}, "packages": []any{"bc"}}, ""},
		{"a machine that is yet to be made", object{"ssh": unknown{}, "packages": []any{"bc"}}, ""},
	} {
		_, problems := tf.plan("atoll_host", nil, write(tf.kind("atoll_host"), row.config))
		if (row.want == "") != (problems == "") || !strings.Contains(problems, row.want) {
			t.Errorf("%s: %q", row.name, problems)
		}
	}
}
