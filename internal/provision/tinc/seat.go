// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package tinc

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
	"github.com/atollhq/terraform-provider-atoll/internal/provision"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// CodePortHeld says that somebody else listens on the node's port.
const CodePortHeld converge.Code = "tinc-port-held"

// ErrNotListening says that tincd was started and does not listen on its port.
var ErrNotListening = errors.New("tinc does not listen")

// listening is how long a tincd that was started gets until it listens, on a
// machine that has much else to do. One that cannot is started again and again by
// systemd, which calls the unit active in between.
const listening = 30 * time.Second

// seatQuestion asks for the unit's own process, and for all that listen.
func (n Node) seatQuestion() converge.Question[provision.Seat] {
	return provision.SeatQuestion("who listens on tinc's port", Unit(n.Mesh), int64(n.Port))
}

// heldBy says whom the port belongs to instead.
func (n Node) heldBy(others []string) error {
	if len(others) == 0 {
		return nil
	}
	return fmt.Errorf("%w: port %d of this machine is held by %s. Give the peer another port, or take that from it", ErrClaimed, n.Port, strings.Join(others, " and by "))
}

// seatCheck tells of whoever else has the port. Nobody but a person ends that.
func (n Node) seatCheck() converge.Check[provision.Seat] {
	return converge.Check[provision.Seat]{Question: n.seatQuestion(), Differs: func(seen provision.Seat) []converge.Line {
		if len(seen.Others()) == 0 {
			return nil
		}
		return []converge.Line{{Subject: fmt.Sprintf("port %d", n.Port), Code: CodePortHeld, Text: "held by " + strings.Join(seen.Others(), " and by ") + ", which is not this mesh's tinc"}}
	}}
}

// Foresee refuses at a plan what Claim and an apply would refuse for certain. stands
// says that the node is there and is to change its port. Another tincd on the port
// of a new node may go in the same apply.
func (n Node) Foresee(ctx context.Context, host remote.Host, stands bool) error {
	if !stands {
		taken, err := converge.Ask(ctx, host, n.claims())
		if err == nil && taken.device {
			err = n.deviceTaken()
		}
		if err != nil {
			return err
		}
	}
	seen, err := converge.Ask(ctx, host, n.seatQuestion())
	if err != nil {
		return err
	}
	return n.heldBy(slices.DeleteFunc(seen.Others(), func(other string) bool { return !stands && strings.HasPrefix(other, "tincd, ") }))
}

// Vacant refuses a port that somebody else has, before tinc is sent there.
func (n Node) Vacant(ctx context.Context, host remote.Host) error {
	seen, err := converge.Ask(ctx, host, n.seatQuestion())
	if err != nil {
		return err
	}
	return n.heldBy(seen.Others())
}

// Seated ends when the node's own tincd listens on its port. Where somebody else
// does, that is who keeps it from it.
func (n Node) Seated(ctx context.Context, host remote.Host) error {
	for deadline := time.Now().Add(listening); ; {
		seen, err := converge.Ask(ctx, host, n.seatQuestion())
		if err == nil {
			err = n.heldBy(seen.Others())
		}
		switch {
		case err != nil:
			return err
		case seen.Ours() || seen.Blind:
			return nil
		case time.Now().After(deadline):
			said, err := host.Run(ctx, remote.Command{Name: "reading what tinc said", Reads: true, Script: "journalctl -q -n 15 -o cat -u " + remote.Quote(Unit(n.Mesh))})
			if err != nil {
				return err
			}
			return fmt.Errorf("%w: nothing of %s is on port %d. It said last:\n%s", ErrNotListening, Unit(n.Mesh), n.Port, said.Stdout)
		}
		if err := remote.Pause(ctx, pause); err != nil {
			return err
		}
	}
}
