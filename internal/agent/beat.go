// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package agent

import (
	"fmt"
	"net"
	"os"
	"strconv"
	"sync"
	"time"
)

// Beat tells systemd's watchdog that a role lives, see sd_notify(3). A role calls it
// where its work goes on, and nowhere else: what only shows that the process is there
// would hide that the work stands still. The watchdog has to leave as long as the
// longest wait of the role between two calls.
type Beat struct {
	socket string
	mu     sync.Mutex
	told   time.Time
}

// beating lies between two that are sent, however often the work goes on.
const beating = 5 * time.Second

// NewBeat says nothing where no unit with a watchdog runs this very process.
func NewBeat() *Beat {
	if os.Getenv("WATCHDOG_PID") != strconv.Itoa(os.Getpid()) {
		return nil
	}
	return &Beat{socket: os.Getenv("NOTIFY_SOCKET")}
}

// Tell tells. One that systemd does not take is as good as none: the next one follows.
func (b *Beat) Tell() {
	if b == nil {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if time.Since(b.told) < beating {
		return
	}
	b.told = time.Now()
	_ = b.send()
}

func (b *Beat) send() error {
	conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: b.socket, Net: "unixgram"})
	if err != nil {
		return fmt.Errorf("unable to reach systemd: %w", err)
	}
	defer func() { _ = conn.Close() }()
	// A systemd that is busy must not hold up the work.
	if err := conn.SetWriteDeadline(time.Now().Add(time.Second)); err != nil {
		return err
	}
	_, err = conn.Write([]byte("WATCHDOG=1"))
	return err
}
