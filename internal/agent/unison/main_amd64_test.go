// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package unison

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/atollhq/terraform-provider-atoll/internal/agent"
	"github.com/atollhq/terraform-provider-atoll/internal/agent/fsmonitor"
)

// agentName is the test's own under which it is the agent.
const agentName = "atoll-agent"

// programVariable names the unison that such an agent starts.
const programVariable = "ATOLL_TEST_PROGRAM"

// TestMain is the agent where the test is started under its name, or unison's helper
// where unison starts it.
func TestMain(m *testing.M) {
	name := filepath.Base(os.Args[0])
	if name != agentName && !strings.HasPrefix(name, "unison-fsmonitor") {
		os.Exit(m.Run())
	}
	if os.Getenv(stepsVariable) != "" {
		fmt.Fprintln(os.Stderr, ask())
		os.Exit(1)
	}
	if other := os.Getenv(programVariable); other != "" {
		program = other
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	code := agent.Main(ctx, []agent.Role{Sync, Serve, Relay, fsmonitor.Role}, os.Args, agent.Streams{In: os.Stdin, Out: os.Stdout, Err: os.Stderr})
	stop()
	os.Exit(code)
}
