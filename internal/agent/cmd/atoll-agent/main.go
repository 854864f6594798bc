// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

// Command atoll-agent is the program that a node runs for Atoll.
package main

import (
	"context"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/atollhq/terraform-provider-atoll/internal/agent"
	"github.com/atollhq/terraform-provider-atoll/internal/agent/archive"
	"github.com/atollhq/terraform-provider-atoll/internal/agent/count"
	"github.com/atollhq/terraform-provider-atoll/internal/agent/fsmonitor"
	"github.com/atollhq/terraform-provider-atoll/internal/agent/guardian"
	"github.com/atollhq/terraform-provider-atoll/internal/agent/mover"
	"github.com/atollhq/terraform-provider-atoll/internal/agent/scrub"
	"github.com/atollhq/terraform-provider-atoll/internal/agent/status"
	"github.com/atollhq/terraform-provider-atoll/internal/agent/unison"
)

// gcPercent is how much garbage a role may have beside what it uses, in percent of
// that: it lives beside what the machine is for, and mostly waits. GOGC overrules it.
const gcPercent = 25

func main() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := agent.Main(ctx, roles, os.Args, agent.Streams{In: os.Stdin, Out: os.Stdout, Err: os.Stderr})
	stop()
	os.Exit(code)
}

var roles = []agent.Role{
	archive.Dial, archive.Delete, archive.Serve, mover.Claim, count.Role, fsmonitor.Role, guardian.Role, mover.Role, unison.Relay, scrub.Role, unison.Serve, status.Role, unison.Sync,
}
