// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package unison

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/atollhq/terraform-provider-atoll/internal/agent"
	"github.com/atollhq/terraform-provider-atoll/internal/model/tier"
)

// Serve is the side of a pair that is dialled.
var Serve = agent.Role{
	Name:    "serve",
	Summary: "let another node keep this one's tree in step (started by systemd: --config FILE)",
	Run: func(ctx context.Context, args []string, _ agent.Streams) error {
		pair, err := readPair("serve", args)
		if err != nil {
			return err
		}
		if err := there(pair); err != nil {
			return err
		}
		held, err := takeOver(ctx, pair)
		if err != nil {
			return err
		}
		if err := tidy(pair); err != nil {
			return err
		}
		// Unison keeps the lock as long as it lives.
		if _, err := unix.FcntlInt(held.Fd(), unix.F_SETFD, 0); err != nil {
			return fmt.Errorf("unable to hand on the lock: %w", err)
		}
		// These are the words that unison asks a server by since 2.52.
		err = syscall.Exec(program, []string{"unison", "-server", "__new-rpc-mode"}, environment(pair))
		return fmt.Errorf("unable to start %s: %w", program, err)
	},
}

// Relay is what the SSH key of the other node starts, and all that it may. Where
// the other node asks for rsync, or to converse, it is the archive that it wants.
var Relay = agent.Role{
	Name:    "relay",
	Summary: "join another node to this one's unison, or to its archive (started by its SSH key: SOCKET [SOCKET]; - where there is no unison)",
	Run: func(_ context.Context, args []string, streams agent.Streams) error {
		asked := os.Getenv("SSH_ORIGINAL_COMMAND")
		word, _, _ := strings.Cut(asked, " ")
		switch {
		case len(args) < 1 || len(args) > 2:
			return &agent.UsageError{Problem: "relay: give the path of one socket, or those of two"}
		case word == "rsync" && len(args) == 2 && !strings.Contains(asked, "\n"):
			// What is behind the socket has to know what is asked for.
			streams.In = io.MultiReader(strings.NewReader(asked+"\n"), streams.In)
			return relay("the archive", args[1], streams)
		case word == "rsync":
			return fmt.Errorf("unable to join you to rsync: this node keeps no archive with you")
		case asked == tier.Converse && len(args) == 2:
			streams.In = io.MultiReader(strings.NewReader(asked+"\n"), streams.In)
			return relay("the archive", args[1], streams)
		case asked == tier.Converse:
			return errors.New("unable to speak with you: this node keeps no archive with you")
		}
		if args[0] == tier.NoSocket {
			return errors.New("unable to join you to unison: this node keeps no tree with you, only an archive")
		}
		return relay("unison", args[0], streams)
	},
}

func relay(what, socket string, streams agent.Streams) error {
	connection, err := net.DialUnix("unix", nil, &net.UnixAddr{Name: socket, Net: "unix"})
	if err != nil {
		return fmt.Errorf("unable to reach %s: %w", what, err)
	}
	defer func() { _ = connection.Close() }()
	go func() {
		// A side that ends is told to the other; the answer may still be under way.
		_, _ = io.Copy(connection, streams.In)
		_ = connection.CloseWrite()
	}()
	// Go would splice what comes into a file, and where that is sshd's pipe and full, it
	// asks again without a pause until there is room.
	_, err = io.Copy(struct{ io.Writer }{streams.Out}, connection)
	if errors.Is(err, syscall.EPIPE) || errors.Is(err, os.ErrClosed) {
		return nil
	}
	return err
}
