// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package filetier

import (
	_ "embed"
	"fmt"
	"net"
	"path"
	"strconv"
	"strings"

	model "github.com/atollhq/terraform-provider-atoll/internal/model/tier"
)

// pairFile is what the agent is started with on a node, for its pair with another.
func (t Tier) pairFile(node, peer string, dials bool) []byte {
	pair := model.Pair{Tier: t.Name, Node: t.Name + "." + node, Peer: peer, Hot: t.Nodes[node].Hot, State: t.state(peer)}
	if t.Moves != nil {
		pair.Layout = t.layout()
		if dials {
			pair.Asks = path.Join(t.moverState(), model.MoverAsks)
		}
	}
	if dials {
		pair.Profile, pair.Conflict, pair.First = t.profile(node, peer), t.conflict(), t.first(node, peer)
	}
	return settingsFile(pair)
}

// dialScript is the ssh that unison starts.
//
//go:embed dial-ssh.sh
var dialScript []byte

func (t Tier) dialProgram() string { return path.Join(t.home(), "dial-ssh") }

// root is the other node's tree as unison is told of it.
func (t Tier) root(peer string) string {
	node := t.Nodes[peer]
	return fmt.Sprintf("ssh://%s@%s/%s", t.account(), net.JoinHostPort(node.Address, strconv.Itoa(node.Port)), node.Hot)
}

// sshWords are ssh's options by which a peer is reached. The agent puts in where
// systemd laid the key.
func (t Tier) sshWords(peer string) []string {
	return []string{
		"-F none", "-i $CREDENTIALS_DIRECTORY/key", "-o IdentitiesOnly=yes", "-o BatchMode=yes",
		"-o UserKnownHostsFile=" + path.Join(t.settings(), "known_hosts"), "-o GlobalKnownHostsFile=none", "-o StrictHostKeyChecking=yes", "-o HostKeyAlias=" + peer,
		"-o ConnectTimeout=10", "-o ServerAliveInterval=5", "-o ServerAliveCountMax=3",
	}
}

// profile is unison's, but for what is done about conflicts.
func (t Tier) profile(node, peer string) string {
	var text strings.Builder
	line := func(name, value string) { fmt.Fprintf(&text, "%s = %s\n", name, value) }
	line("root", t.Nodes[node].Hot)
	line("root", t.root(peer))
	line("sshcmd", t.dialProgram())
	line("sshargs", strings.Join(t.sshWords(peer), " "))
	line("batch", "true")
	line("auto", "true")
	line("times", "true")
	if t.owner(node) == superuser {
		line("owner", "true")
		line("group", "true")
	}
	if t.Xattrs {
		line("xattrs", "true")
		// Those of the system are left out by unison where nobody asks for them.
		line("xattrignorenot", "Path !system.posix_acl_access")
		line("xattrignorenot", "Path !system.posix_acl_default")
	}
	// Our own directory in the tree: a tree without it is not mounted.
	line("ignore", "Path "+model.Private)
	line("mountpoint", model.Private)
	for _, pattern := range t.Ignore {
		line("ignore", pattern)
	}
	for _, root := range t.keepDays(node, peer) {
		line("nodeletionpartial", root)
	}
	// The probe of another pair is none of this one's: carried on, it would make a run
	// of unison on every pair.
	line("ignore", "Path "+model.ProbePrefix+"*")
	line("ignorenot", "Path "+model.ProbeName(t.Name+"."+node, peer))
	line("log", "false")
	line("dumbtty", "true")
	line("contactquietly", "true")
	return text.String()
}

// keepDays has unison neither remove the directory of a day, or one that leads to it,
// nor put a link in its place or take one from there: each node does that by itself.
// Where both have the same link, unison finds them equal.
func (t Tier) keepDays(node, peer string) []string {
	layout, err := model.ParseLayout(t.layout())
	if t.Moves == nil || err != nil {
		return nil
	}
	return []string{"Regex " + layout.Expression() + " -> " + t.Nodes[node].Hot, "Regex " + layout.Expression() + " -> " + t.root(peer)}
}

// conflict is what is done about a file that was changed on both sides. Without a
// line unison leaves both as they are.
func (t Tier) conflict() string {
	if t.Conflicts == Newer {
		return "prefer = newer\ncopyonconflict = true\n"
	}
	return ""
}

// first is what is done in its place when the trees meet for the first time: the
// version from the node that is nearer to the declared one stays, and the other
// is kept beside it.
func (t Tier) first(node, peer string) string {
	from, is := strings.CutPrefix(t.Initial, From)
	if !is {
		return ""
	}
	distances := t.hot().distances(from)
	root := t.root(peer)
	if distances[node] < distances[peer] {
		root = t.Nodes[node].Hot
	}
	return "prefer = " + root + "\ncopyonconflict = true\n"
}
