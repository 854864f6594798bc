// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package filetier

import (
	"context"
	"fmt"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/agent"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// Leave takes the tier from a machine. All files stay; what unison remembers goes,
// so that a node that comes back gets what it missed and deletes nothing.
func (t Tier) Leave(ctx context.Context, host remote.Host, node Node) error {
	script := t.stop("*")
	for _, tree := range (Tier{Nodes: map[string]Node{"": node}}).trees("") {
		script += t.letGo(tree.path)
	}
	if _, err := host.Run(ctx, remote.Command{Name: "letting the trees of " + t.Name + " go", Script: script}); err != nil {
		return err
	}
	if err := converge.Remove(ctx, host, t.RecordOwner()); err != nil {
		return err
	}
	_, err := host.Run(ctx, remote.Command{Name: "leaving the file tier " + t.Name, Script: fmt.Sprintf(
		"set -e\nrm -rf -- %[1]s\nrmdir -- %[2]s 2>/dev/null || :", remote.Quote(t.home()), remote.Quote(t.settings()))})
	return err
}

// letGo takes the tier's name from a tree.
func (t Tier) letGo(path string) string {
	return fmt.Sprintf("if [ -x %[1]s ]; then %[1]s claim --root %[2]s --tier %[3]s --drop 2>/dev/null || :; fi\n",
		remote.Quote(agent.Program(t.home())), remote.Quote(path), remote.Quote(t.Name))
}

// stop ends what runs for a pair; "*" stands for all of them.
func (t Tier) stop(peer string) string {
	unit := t.unit(peer)
	return fmt.Sprintf("systemctl stop -- %s %s %s %s 2>/dev/null || :\n",
		remote.Quote(unit+".service"), remote.Quote(unit+".socket"), remote.Quote(unit+"@*.service"), remote.Quote(unit+".cold*"))
}
