// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

// Package mysqltunnel leads from a port on this machine's loopback to a member of
// a cluster, over the SSH connection to its machine: what has to speak MySQL
// itself does so without a port of the site's being open.
//
// Which member it leads to is asked anew for every connection, so a change of
// the primary needs no new tunnel.
package mysqltunnel

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"

	"github.com/hashicorp/terraform-plugin-log/tflog"
)

// Dial opens a connection to the member that a new client is led to.
type Dial func(ctx context.Context) (net.Conn, error)

// Tunnel listens until it is closed.
type Tunnel struct {
	listener net.Listener
	dial     Dial
	cancel   context.CancelFunc
	running  sync.WaitGroup
}

// Open listens on a port of the loopback that is free, and on nothing else. ctx
// is of what is logged; the tunnel ends with Close alone.
func Open(ctx context.Context, dial Dial) (*Tunnel, error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listening on the loopback: %w", err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	t := &Tunnel{listener: listener, dial: dial, cancel: cancel}
	t.running.Go(func() { t.serve(ctx) })
	return t, nil
}

// Address is where it listens, as "host:port".
func (t *Tunnel) Address() string { return t.listener.Addr().String() }

// Close ends the tunnel and every connection through it.
func (t *Tunnel) Close() error {
	t.cancel()
	err := t.listener.Close()
	t.running.Wait()
	return err
}

func (t *Tunnel) serve(ctx context.Context) {
	for {
		client, err := t.listener.Accept()
		if err != nil {
			if !errors.Is(err, net.ErrClosed) {
				tflog.Warn(ctx, "the tunnel takes no more connections", map[string]any{"error": err.Error()})
			}
			return
		}
		t.running.Go(func() { t.lead(ctx, client) })
	}
}

// lead carries one connection. A client that cannot be led anywhere is told why,
// in the form in which a server refuses one.
func (t *Tunnel) lead(ctx context.Context, client net.Conn) {
	defer func() { _ = client.Close() }()
	server, err := t.dial(ctx)
	if err != nil {
		_, _ = client.Write(refusal(err))
		return
	}
	defer func() { _ = server.Close() }()
	ended := make(chan struct{}, 2)
	carry := func(to io.Writer, from io.Reader) {
		_, _ = io.Copy(to, from)
		ended <- struct{}{}
	}
	go carry(server, client)
	go carry(client, server)
	// MySQL knows no half of a connection: when one side has ended, both have.
	select {
	case <-ended:
	case <-ctx.Done():
	}
}

// longestRefusal keeps what is said within one packet, and readable.
const longestRefusal = 2000

// refusal is the packet by which a server turns a client away before it has said
// anything: error 1105 (ER_UNKNOWN_ERROR) and the reason, without an SQL state,
// as the protocol has it ("ERR_Packet" of MySQL's Client/Server Protocol).
func refusal(reason error) []byte {
	said := "Atoll: " + reason.Error()
	said = said[:min(len(said), longestRefusal)]
	body := append(binary.LittleEndian.AppendUint16([]byte{0xff}, 1105), said...)
	return append([]byte{byte(len(body)), byte(len(body) >> 8), 0, 0}, body...)
}
