// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package tinc

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// ErrClaimed says that a new node's place on the machine is taken.
var ErrClaimed = errors.New("the place is taken")

// Claim refuses a new node where somebody else's stands: a mesh of that name
// that was made by hand, an interface, or another mesh on its port. Nothing is changed.
func (n Node) Claim(ctx context.Context, host remote.Host) error {
	taken, err := converge.Ask(ctx, host, n.claims())
	switch {
	case err != nil:
		return err
	case taken.device:
		return n.deviceTaken()
	case taken.byHand:
		return fmt.Errorf("%w: %s/tinc.conf is there, and Atoll did not make it. To take that mesh over, its key and address with it, import the peer; otherwise move the directory away",
			ErrClaimed, directory(n.Mesh))
	case taken.port != "":
		return fmt.Errorf("%w: mesh %s uses port %d on this machine already. Give one of them another port", ErrClaimed, taken.port, n.Port)
	}
	return n.Vacant(ctx, host)
}

func (n Node) deviceTaken() error {
	return fmt.Errorf("%w: the machine has an interface %s, which is no mesh's, and a mesh is called like its own. Give the mesh another name", ErrClaimed, n.Mesh)
}

// claimed is what stands in a node's way: byHand is a mesh of its name, port
// names the mesh that uses its port, device is an interface of its name that is no
// mesh's.
type claimed struct {
	byHand, device bool
	port           string
}

func (n Node) claims() converge.Question[claimed] {
	return converge.Question[claimed]{
		Name: "meshes that are there already",
		Script: converge.ThereFunction + fmt.Sprintf(`mesh=%s port=%d record=%s
if ip link show dev "$mesh" >/dev/null 2>&1 && ! there "/etc/tinc/$mesh/tinc.conf"; then echo device; fi
if there /etc/tinc; then
  ls -A /etc/tinc/ >/dev/null || exit
  for file in /etc/tinc/*/tinc.conf; do
    [ -e "$file" ] || continue
    name=${file%%/tinc.conf}
    name=${name##*/}
    if [ "$name" = "$mesh" ]; then
      there "$record" || echo 'by hand'
      continue
    fi
    uses=$(sed -n 's/^ *[Pp]ort *=* *\([0-9]*\).*/\1/p' "$file") || exit
    [ "${uses:-655}" != "$port" ] || printf 'port %%s\n' "$name"
  done
fi
echo '%s'`, remote.Quote(n.Mesh), n.Port, remote.Quote(converge.RecordPath(n.Owner())), converge.WholeMark),
		Read: readClaims,
	}
}

func readClaims(output string) (claimed, error) {
	rows, err := converge.Whole(output)
	if err != nil {
		return claimed{}, err
	}
	var taken claimed
	for line := range strings.Lines(rows) {
		line = strings.TrimRight(line, "\n")
		name, isPort := strings.CutPrefix(line, "port ")
		switch {
		case line == "by hand":
			taken.byHand = true
		case line == "device":
			taken.device = true
		case isPort && name != "":
			taken.port = name
		default:
			return claimed{}, fmt.Errorf("line %q makes no sense", line)
		}
	}
	return taken, nil
}
