// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package tinc

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
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

// seat is who listens on a node's port, for TCP and UDP.
type seat struct {
	// blind: the machine lacks the program that tells.
	blind bool
	// ours: the node's own tincd listens.
	ours bool
	// others are processes of somebody else's, each as "sshd, pid 417".
	others []string
}

// seatQuestion asks for the unit's own process, and for all that listen.
func (n Node) seatQuestion() converge.Question[seat] {
	return converge.Question[seat]{
		Name: "who listens on tinc's port",
		Script: fmt.Sprintf(`said=$(systemctl show -p MainPID -- %s) || exit
printf '%%s\n' "$said" | sed -n 's/^MainPID=/main /p'
if command -v ss >/dev/null; then
  said=$(ss -Hlntup 'sport = :%d') || exit
  printf '%%s\n' "$said" | sed -n 's/^./held &/p'
else echo blind; fi
echo '%s'`, remote.Quote(Unit(n.Mesh)), n.Port, converge.WholeMark),
		Read: readSeat,
	}
}

// user is a process in a row of ss.
var user = regexp.MustCompile(`\("([^"]*)",pid=(\d+),fd=\d+\)`)

func readSeat(output string) (seat, error) {
	rows, err := converge.Whole(output)
	if err != nil {
		return seat{}, err
	}
	var read seat
	main := ""
	for line := range strings.Lines(rows) {
		line = strings.TrimSpace(line)
		pid, isMain := strings.CutPrefix(line, "main ")
		held, isHeld := strings.CutPrefix(line, "held ")
		switch {
		case isMain:
			if _, err := strconv.Atoi(pid); err != nil {
				return seat{}, fmt.Errorf("line %q makes no sense", line)
			}
			main = pid
		case isHeld && len(strings.Fields(held)) >= 6:
			users := user.FindAllStringSubmatch(held, -1)
			switch {
			case slices.ContainsFunc(users, func(one []string) bool { return one[2] == main }):
				read.ours = true
			case len(users) == 0:
				read.others = append(read.others, "the kernel")
			default:
				read.others = append(read.others, users[0][1]+", pid "+users[0][2])
			}
		case line == "blind":
			read.blind = true
		default:
			return seat{}, fmt.Errorf("line %q makes no sense", line)
		}
	}
	slices.Sort(read.others)
	read.others = slices.Compact(read.others)
	return read, nil
}

// heldBy says whom the port belongs to instead.
func (n Node) heldBy(others []string) error {
	if len(others) == 0 {
		return nil
	}
	return fmt.Errorf("%w: port %d of this machine is held by %s. Give the peer another port, or take that from it", ErrClaimed, n.Port, strings.Join(others, " and by "))
}

// seatCheck tells of whoever else has the port. Nobody but a person ends that.
func (n Node) seatCheck() converge.Check[seat] {
	return converge.Check[seat]{Question: n.seatQuestion(), Differs: func(seen seat) []converge.Line {
		if len(seen.others) == 0 {
			return nil
		}
		return []converge.Line{{Subject: fmt.Sprintf("port %d", n.Port), Code: CodePortHeld, Text: "held by " + strings.Join(seen.others, " and by ") + ", which is not this mesh's tinc"}}
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
	return n.heldBy(slices.DeleteFunc(seen.others, func(other string) bool { return !stands && strings.HasPrefix(other, "tincd, ") }))
}

// Vacant refuses a port that somebody else has, before tinc is sent there.
func (n Node) Vacant(ctx context.Context, host remote.Host) error {
	seen, err := converge.Ask(ctx, host, n.seatQuestion())
	if err != nil {
		return err
	}
	return n.heldBy(seen.others)
}

// Seated ends when the node's own tincd listens on its port. Where somebody else
// does, that is who keeps it from it.
func (n Node) Seated(ctx context.Context, host remote.Host) error {
	for deadline := time.Now().Add(listening); ; {
		seen, err := converge.Ask(ctx, host, n.seatQuestion())
		if err == nil {
			err = n.heldBy(seen.others)
		}
		switch {
		case err != nil:
			return err
		case seen.ours || seen.blind:
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
