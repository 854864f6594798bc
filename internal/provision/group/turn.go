// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package group

import (
	"cmp"
	"context"
	"crypto/rand"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hashicorp/terraform-plugin-log/tflog"

	model "github.com/atollhq/terraform-provider-atoll/internal/model/group"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/mysqlroot"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

//go:embed turn.sh
var turnScript string

const (
	// beat lies between two signs of life that keep the script going.
	beat = 10 * time.Second
	// ending is how long a released script may take to end.
	ending = 15 * time.Second
)

// TakeFrom waits for the turn of a group from the machine of one of its members:
// it reaches the others over the mesh with the member's own recovery account,
// which stands on that very server and never leaves it. That they let it in is
// also what the member needs to come back after a restart.
func TakeFrom(ctx context.Context, host remote.Host, view View, purpose string) (*Lease, error) {
	directory, name := "/run/atoll/turn."+strings.ToLower(rand.Text()), model.LockName(view.Name)
	stdin, writer := io.Pipe()
	ended := make(chan struct{})
	var endedBy error
	// The sessions live for as long as the lease, not for as long as the wait.
	session, cancel := context.WithCancel(context.WithoutCancel(ctx))
	go func() {
		defer close(ended)
		_, endedBy = host.Run(session, remote.Command{Name: "holding the group's turn", Long: true, Stdin: stdin, Script: view.turnCommand(directory, name, holder(purpose))})
		_ = stdin.Close()
	}()
	go keepAlive(writer, ended)
	lease := &Lease{
		release: func() {
			_ = writer.Close()
			select {
			case <-ended:
			case <-time.After(ending):
			}
			cancel()
		},
		lost: func(context.Context) error {
			select {
			case <-ended:
				return fmt.Errorf("%w: the sessions that held it have ended: %w", ErrNoTurn, errors.Join(endedBy))
			default:
				return nil
			}
		},
	}
	if err := follow(ctx, host, directory, name, lease); err != nil {
		lease.Release()
		return nil, err
	}
	return lease, nil
}

// keepAlive gives signs of life until the script has ended or the pipe is closed.
func keepAlive(writer *io.PipeWriter, ended <-chan struct{}) {
	ticker := time.NewTicker(beat)
	defer ticker.Stop()
	for {
		if _, err := io.WriteString(writer, "here\n"); err != nil {
			return
		}
		select {
		case <-ticker.C:
		case <-ended:
			return
		}
	}
}

// turnCommand runs the script, which is one for bash.
func (v View) turnCommand(directory, name, who string) string {
	arguments := []string{directory, name, strings.NewReplacer(`\`, "", `'`, "").Replace(who), strconv.Itoa(len(v.Members))}
	for _, member := range slices.SortedFunc(slices.Values(v.Members), func(a, b Member) int { return cmp.Compare(a.ID, b.ID) }) {
		host := member.Host
		if member.ID == v.Self {
			host = "self"
		} else if !member.Online() {
			continue // one that is on its way in or out may hold the wait up for long
		}
		arguments = append(arguments, member.Endpoint(), host, strconv.Itoa(member.Port))
	}
	command := "exec env socket=" + mysqlroot.Socket + " " + remote.Bash + " " + remote.Quote(mysqlroot.AccountScript+turnScript) + " turn"
	for _, argument := range arguments {
		command += " " + remote.Quote(argument)
	}
	return command
}

// followScript waits some seconds for the script to have or refuse the turn, and
// prints how it stands and who else has it.
const followScript = `i=0
while [ $i -lt 50 ]; do
  said=$(cat %[1]s/status 2>/dev/null)
  case $said in held*|failed*) break ;; esac
  i=$((i + 1)); sleep 0.2
done
printf '%%s\n' "$said"
case $said in waiting*) timeout 10 ` + mysqlroot.Client + ` -e %[2]s 2>/dev/null ;; esac
:`

// askHolder asks who has the turn, of somebody who has just given up waiting.
func askHolder(ctx context.Context, host remote.Host, name, known string) string {
	quick, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	result, err := host.Run(quick, remote.Command{Name: "asking who has the turn", Reads: true, Script: mysqlroot.Script(holderQuery + mysqlroot.Literal(name))})
	if said := strings.TrimSpace(string(result.Stdout)); err == nil && said != "" {
		return said
	}
	return known
}

// follow returns when the turn is ours.
func follow(ctx context.Context, host remote.Host, directory, name string, lease *Lease) error {
	script := fmt.Sprintf(followScript, remote.Quote(directory), remote.Quote(holderQuery+mysqlroot.Literal(name)))
	other := ""
	for {
		result, err := host.Run(ctx, remote.Command{Name: "waiting for the group's turn", Long: true, Reads: true, Script: script})
		if ctx.Err() != nil {
			return givenUp(ctx, askHolder(ctx, host, name, other))
		}
		if err != nil {
			return err
		}
		said, rest, _ := strings.Cut(strings.TrimSpace(string(result.Stdout)), "\n")
		verb, detail, _ := strings.Cut(said, " ")
		switch verb {
		case "held":
			return nil
		case "failed":
			return fmt.Errorf("%w: %s", ErrNoTurn, detail)
		}
		if err := lease.Lost(ctx); err != nil {
			return err
		}
		other = strings.TrimSpace(rest)
		tflog.Info(ctx, "waiting for the group's turn", map[string]any{"at": detail, "holder": other})
	}
}
