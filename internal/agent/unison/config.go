// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

// Package unison keeps a tree in step with that of another node, by unison, and
// gets it going again by itself after whatever stops it: a line that was cut, a
// reboot, a kill that left locks, archives that were lost.
//
// There are three roles. The node that dials runs sync, which starts unison and
// reads what it says. Its SSH key may start nothing on the other node but relay,
// which joins it to a socket of systemd's, and systemd starts serve behind that:
// so unison runs on both nodes as the owner of the files, in a unit with limits.
package unison

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/atollhq/terraform-provider-atoll/internal/agent"
	"github.com/atollhq/terraform-provider-atoll/internal/model/tier"
)

// program is unison's. Debian's alternatives choose the version. Tests run others.
var program = "/usr/bin/unison"

// readPair reads the file that --config names. A field that is not known comes
// from a newer provider, and may be one that matters.
func readPair(role string, args []string) (tier.Pair, error) {
	var file string
	var pair tier.Pair
	err := agent.Flags(role, args, func(set *flag.FlagSet) { set.StringVar(&file, "config", "", "") })
	var text []byte
	if err == nil {
		text, err = agent.ReadConfig(role, file)
	}
	if err == nil {
		err = agent.DecodeConfig(role, text, &pair)
	}
	if err != nil {
		return pair, err
	}
	for name, value := range map[string]string{"tier": pair.Tier, "node": pair.Node, "peer": pair.Peer} {
		if value == "" {
			return pair, &agent.UsageError{Problem: role + ": the configuration has no " + name}
		}
	}
	for name, path := range map[string]string{"hot": pair.Hot, "state": pair.State} {
		if err := agent.CheckPath(name, path); err != nil {
			return pair, &agent.UsageError{Problem: role + ": " + err.Error()}
		}
	}
	return pair, nil
}

// environment is unison's. Its archives are found by the names of the hosts, so
// these are the tier's own and stay when a machine is renamed.
func environment(pair tier.Pair) []string {
	self, err := os.Executable()
	if err != nil {
		self = os.Args[0]
	}
	return []string{
		"UNISON=" + pair.State, "UNISONLOCALHOSTNAME=" + pair.Node, "HOME=" + pair.State, "LC_ALL=C.UTF-8",
		"PATH=" + filepath.Dir(self) + ":/usr/local/bin:/usr/bin:/bin",
		"OCAMLRUNPARAM=" + collect(pair),
		// For the profile, which names the key there.
		"CREDENTIALS_DIRECTORY=" + os.Getenv("CREDENTIALS_DIRECTORY"),
	}
}

// smallTree is how large unison's archive of a tree is, in bytes, that is collected
// sooner, with small steps: it takes 66 for each file.
const smallTree = 1 << 20

// collect is how soon OCaml collects for unison, for OCAMLRUNPARAM. Its memory of a
// tree is written anew in each run, and what was written before lies about until it is
// collected: as it comes (o=120) as much again as is in use. Sooner is less memory for
// more work; in a small tree that work is small, too, and what is carried matters more.
func collect(pair tier.Pair) string {
	const soon, sooner = "o=40", "o=5,s=32k"
	found := archives(pair)
	if len(found) == 0 {
		return soon
	}
	for _, archive := range found {
		if info, err := os.Stat(archive); err != nil || info.Size() > smallTree {
			return soon
		}
	}
	return sooner
}

// archives are the files in which unison remembers the tree of a pair on this node; none
// before the two have met.
func archives(pair tier.Pair) []string {
	found, _ := filepath.Glob(filepath.Join(pair.State, "ar*")) // the pattern is well formed
	return found
}

// there says whether the tree carries the tier's mark, and can be written to. One
// that is not mounted does not, and must not be taken for one whose files were
// all deleted. One that was mounted or unmounted after this process' unit started
// is another one in the unit, and mostly cannot be written to.
func there(pair tier.Pair) error {
	if _, err := os.Lstat(filepath.Join(pair.Hot, tier.Private)); err != nil {
		return fmt.Errorf("%s is not the tree of the tier %q: if it is a mount point, mount it; nothing was touched: %w", pair.Hot, pair.Tier, err)
	}
	if err := unix.Access(pair.Hot, unix.W_OK); errors.Is(err, unix.EROFS) {
		return fmt.Errorf("%s cannot be written to: %w", pair.Hot, err)
	}
	return nil
}
