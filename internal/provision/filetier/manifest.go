// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package filetier

import (
	"errors"
	"fmt"
	"path"
	"strings"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
	model "github.com/atollhq/terraform-provider-atoll/internal/model/tier"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/agent"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// client is what a node dials with, and makes its key with.
var client = converge.Package{Name: "openssh-client"}

// Manifest is what the tier wants on one node. keys are the public keys of the
// nodes; one that has none yet is let in when it has.
func (t Tier) Manifest(node string, facts Facts, keys map[string]string) converge.Manifest {
	var units []string
	dials := t.hot().dialled(node)
	for _, peer := range dials {
		units = append(units, t.unit(peer)+".service")
	}
	for _, peer := range t.hot().served(node) {
		units = append(units, t.unit(peer)+".socket")
	}
	program, err := agent.Items(t.home(), units...)
	manifest := converge.Manifest{Owner: t.RecordOwner(), Refusal: errors.Join(t.forms(), t.refuse(node, facts), err)}
	add := func(items ...converge.Item) { manifest.Items = append(manifest.Items, items...) }
	add(program...)
	if t.Nodes[node].Hot != "" {
		add(converge.Package{Name: "unison"},
			converge.Link{Path: path.Join(t.home(), "unison-fsmonitor"), Target: path.Base(agent.Program(t.home())), Restart: units})
	}
	if len(dials) > 0 {
		add(converge.File{Path: t.dialProgram(), Mode: 0o755, Content: dialScript, Restart: units})
	}
	add(converge.Directory{Path: t.settings(), Mode: 0o755},
		converge.Directory{Path: path.Join(t.home(), model.HomePairs), Mode: 0o755})
	if t.Nodes[node].Hot != "" {
		add(t.watches("max_user_watches", 262144), t.watches("max_user_instances", 256))
	}
	for _, tree := range t.trees(node) {
		add(t.closed(tree), t.claim(node, tree, facts))
	}
	add(t.formerPairs(node), t.room(node))
	if _, is := t.countedBeside(node); is {
		add(t.roomApart(node))
	}
	add(t.countItems(node, facts)...)
	add(t.archiveItems(node, facts)...)
	add(t.moverItems(node)...)
	add(t.scrubItems(node)...)
	if dialled := t.dialled(node); len(dialled) > 0 {
		add(client, t.makeKey(node),
			converge.File{Path: path.Join(t.settings(), "known_hosts"), Mode: 0o644, Content: t.knownHosts(dialled)})
		for _, peer := range dialled {
			add(t.dialItems(node, peer, facts)...)
		}
	}
	if served := t.served(node); len(served) > 0 {
		add(converge.User{Name: t.account(), Home: path.Join(t.home(), "ssh"), Shell: "/bin/sh"},
			t.keyOnly(),
			converge.Directory{Path: path.Join(t.home(), "ssh"), Mode: 0o755},
			converge.Directory{Path: path.Join(t.home(), "ssh/.ssh"), Mode: 0o755},
			converge.File{Path: path.Join(t.home(), "ssh/.ssh/authorized_keys"), Mode: 0o644, Content: t.authorizedKeys(node, served, keys)})
		for _, peer := range served {
			add(t.serveItems(node, peer, facts)...)
		}
	}
	return manifest
}

func (t Tier) dialItems(node, peer string, facts Facts) []converge.Item {
	yes, unit := true, t.unit(peer)+".service"
	items := t.stateItems(node, peer, facts)
	if t.joins(node, peer) {
		items = append(items,
			converge.File{Path: t.config(peer), Mode: 0o644, Content: t.pairFile(node, peer, true), Restart: []string{unit}},
			converge.File{Path: "/etc/systemd/system/" + unit, Mode: 0o644, Content: t.dialUnit(node, peer), Restart: []string{unit}},
			converge.Unit{Name: unit, Enabled: &yes, Active: &yes},
			t.statusCheck(node, peer))
	}
	if t.cold() {
		items = append(items, t.dialArchiveItems(node, peer)...)
	}
	return items
}

func (t Tier) serveItems(node, peer string, facts Facts) []converge.Item {
	yes, socket := true, t.unit(peer)+".socket"
	items := t.stateItems(node, peer, facts)
	if t.joins(node, peer) {
		items = append(items,
			converge.File{Path: t.config(peer), Mode: 0o644, Content: t.pairFile(node, peer, false), Restart: []string{socket}},
			converge.File{Path: "/etc/systemd/system/" + t.unit(peer) + "@.service", Mode: 0o644, Content: t.serveUnit(node, peer), Restart: []string{socket}},
			converge.File{Path: "/etc/systemd/system/" + socket, Mode: 0o644, Content: t.socketUnit(t.socket(peer), peer+" dials here"), Restart: []string{socket}},
			converge.Unit{Name: socket, Enabled: &yes, Active: &yes},
			t.stopped(peer))
	}
	if t.cold() {
		items = append(items, t.serveArchiveItems(node, peer)...)
	}
	return items
}

// stateItems are where a pair is remembered, and where it tells how it is.
func (t Tier) stateItems(node, peer string, facts Facts) []converge.Item {
	return []converge.Item{
		converge.Directory{Path: t.state(peer), Owner: t.owner(node), Group: facts.Group, Mode: 0o700},
		t.giveState(node, peer, facts),
	}
}

// giveState gives what is remembered of a pair to the owner, where there was
// another one: lost, it would bring back what was deleted.
func (t Tier) giveState(node, peer string, facts Facts) converge.Action {
	state, owner := remote.Quote(t.state(peer)), remote.Quote(t.owner(node))
	return converge.Action{
		Name: "give the pair with " + peer + " to " + t.owner(node),
		Line: converge.Line{Subject: "pair with " + peer, Code: converge.CodeOwner, Text: "is not the owner's"},
		Done: fmt.Sprintf(`[ -z "$(find %s -mindepth 1 ! -user %s -print -quit)" ]`, state, owner),
		Run:  t.stop(peer) + fmt.Sprintf("chown -R -h -- %s %s", remote.Quote(t.owner(node)+":"+facts.Group), state),
	}
}

// knownHosts pins the host keys that the declaration has.
func (t Tier) knownHosts(peers []string) []byte {
	var text strings.Builder
	for _, peer := range peers {
		fields := strings.Fields(t.Nodes[peer].Target.HostKey)
		fmt.Fprintf(&text, "%s %s\n", peer, strings.Join(fields[:min(2, len(fields))], " "))
	}
	return []byte(text.String())
}

// authorizedKeys lets each peer start the relay to its own sockets, from its own
// address, and nothing else.
func (t Tier) authorizedKeys(node string, peers []string, keys map[string]string) []byte {
	var text strings.Builder
	text.WriteString("# Written by Atoll.\n")
	for _, peer := range peers {
		if fields := strings.Fields(keys[peer]); len(fields) >= 2 {
			fmt.Fprintf(&text, "restrict,from=\"%s\",command=\"%s relay %s\" %s %s %s\n",
				t.Nodes[peer].Address, agent.Program(t.home()), t.sockets(node, peer), fields[0], fields[1], peer)
		}
	}
	return []byte(text.String())
}

// makeKey makes the node's key on the node: nobody else ever has it. The public
// half comes into its place first, so what was killed between is made anew. A unit
// has the key that was there when it started.
func (t Tier) makeKey(node string) converge.Action {
	key, restart := remote.Quote(t.key()), ""
	for _, peer := range t.hot().dialled(node) { // the archive's starts anew by itself
		restart += fmt.Sprintf("\nif systemctl cat -- %[1]s >/dev/null 2>&1; then systemctl try-restart -- %[1]s; fi", remote.Quote(t.unit(peer)+".service"))
	}
	return converge.Action{
		Name: "make the SSH key of the file tier " + t.Name,
		Line: converge.Line{Subject: "SSH key " + t.key(), Code: converge.CodeMissing, Text: "missing, or its halves do not match"},
		Done: fmt.Sprintf(`[ "$(stat -c '%%a %%u' -- %[1]s)" = '600 0' ] && [ "$(ssh-keygen -y -P '' -f %[1]s | cut -d' ' -f1,2)" = "$(cut -d' ' -f1,2 %[1]s.pub)" ]`, key),
		Run: fmt.Sprintf(`umask 022
mkdir -p -- "$(dirname %[1]s)"
umask 077
rm -f %[1]s.new %[1]s.new.pub
ssh-keygen -q -t ed25519 -N '' -C %[2]s -f %[1]s.new
chmod 0644 %[1]s.new.pub
chown root:root %[1]s.new %[1]s.new.pub
mv -fT %[1]s.new.pub %[1]s.pub
mv -fT %[1]s.new %[1]s
sync %[1]s`, key, remote.Quote(t.account()+" "+node)) + restart,
	}
}

// keyOnly takes the lock of a new account's password away and leaves it without
// one: an sshd without PAM lets nobody in whose account is locked.
func (t Tier) keyOnly() converge.Action {
	account := remote.Quote(t.account())
	return converge.Action{
		Name: "let " + t.account() + " in by its key alone",
		Line: converge.Line{Subject: "user " + t.account(), Code: converge.CodeValue, Text: "has a password, or is locked"},
		Done: fmt.Sprintf(`[ "$(getent shadow -- %s | cut -d: -f2)" = '*' ]`, account),
		Run:  fmt.Sprintf(`usermod -p '*' -- %s`, account),
	}
}

// watches raises what the kernel lets one user watch, and lowers nothing. A
// machine that cannot set it (a container) has it from its host.
func (t Tier) watches(setting string, atLeast int) converge.Action {
	file := "/proc/sys/fs/inotify/" + setting
	return converge.Action{
		Name: fmt.Sprintf("raise fs.inotify.%s to %d", setting, atLeast),
		Line: converge.Line{Subject: "sysctl fs.inotify." + setting, Code: converge.CodeValue, Text: fmt.Sprintf("is lower than %d", atLeast)},
		Done: fmt.Sprintf(`[ ! -w %[1]s ] || [ "$(cat %[1]s)" -ge %[2]d ]`, file, atLeast),
		Run: fmt.Sprintf("printf 'fs.inotify.%[1]s = %[3]d\\n' >/etc/sysctl.d/60-atoll-inotify-%[1]s.conf\nprintf '%[3]d\\n' >%[2]s",
			setting, file, atLeast),
	}
}

// formerPairs forgets what unison remembered of pairs that are no more: with an
// old memory it would carry what was deleted since.
func (t Tier) formerPairs(node string) converge.Check[[]string] {
	pairs := path.Join(t.home(), model.HomePairs)
	known := append(append([]string{}, t.dialled(node)...), t.served(node)...)
	skip := ""
	if len(known) > 0 {
		skip = "case $name in " + strings.Join(known, "|") + ") continue ;; esac"
	}
	return converge.Check[[]string]{
		Question: converge.Question[[]string]{
			Name: "what is remembered of former pairs",
			Script: fmt.Sprintf(`for dir in %s/*; do
  [ -d "$dir" ] || continue
  name=${dir##*/}
  %s
  printf 'former %%s\n' "$name"
done
echo '%s'`, remote.Quote(pairs), skip, converge.WholeMark),
			Read: readFormer,
		},
		Differs: func(names []string) []converge.Line {
			var lines []converge.Line
			for _, name := range names {
				lines = append(lines, converge.Line{Subject: "pair with " + name, Code: converge.CodeStale, Text: "no longer declared"})
			}
			return lines
		},
		Mend: func(names []string) []converge.Step {
			var steps []converge.Step
			for _, name := range names {
				steps = append(steps, converge.Step{
					Title: "forget the pair with " + name, Effect: converge.Effect{Kind: converge.EffectRemove, Name: path.Join(pairs, name)},
					Script: t.stop(name) + "rm -rf -- " + remote.Quote(path.Join(pairs, name)),
				})
			}
			return steps
		},
	}
}

func readFormer(output string) ([]string, error) {
	rows, err := converge.Whole(output)
	if err != nil {
		return nil, err
	}
	var names []string
	for line := range strings.Lines(rows) {
		name, told := strings.CutPrefix(strings.TrimRight(line, "\n"), "former ")
		if !told || !NodeForm.MatchString(name) {
			return nil, fmt.Errorf("line %q makes no sense", line)
		}
		names = append(names, name)
	}
	return names, nil
}
