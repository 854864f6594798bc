// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package site

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/atollhq/terraform-provider-atoll/internal/lab"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// written is how many files the demo writes.
const written = 100

// carry writes files beside one application and waits until all of them are, as
// they were written, beside the other.
func carry(ctx context.Context, pool *remote.Pool, inventory lab.Inventory, out io.Writer) error {
	from, err := Machine(pool, inventory, "app1")
	if err != nil {
		return err
	}
	to, err := Machine(pool, inventory, "app2")
	if err != nil {
		return err
	}
	day := "/srv/files/" + time.Now().UTC().Format("2006/01/02")
	all := fmt.Sprintf("for i in $(seq %d); do echo \"picture $i\"; done | sha256sum", written)
	write := fmt.Sprintf("mkdir -p %[1]s && for i in $(seq %[2]d); do echo \"picture $i\" >%[1]s/$i || exit; done", day, written)
	// In the order of their numbers, and none that is missing is passed over.
	read := fmt.Sprintf("want=$(%[3]s)\nuntil [ \"$(cd %[1]s 2>/dev/null && cat $(seq %[2]d) 2>/dev/null | sha256sum)\" = \"$want\" ]; do sleep 0.1; done", day, written, all)
	if _, err := from.Run(ctx, remote.Command{Name: "writing files", Script: write}); err != nil {
		return err
	}
	start := time.Now()
	ctx, cancel := context.WithTimeout(ctx, recovery)
	defer cancel()
	if _, err := to.Run(ctx, remote.Command{Name: "waiting for the files", Script: read, Long: true}); err != nil {
		return fmt.Errorf("app2 has not got what app1 wrote: %w", err)
	}
	fmt.Fprintf(out, "\napp1 writes %d files below %s. All are on app2 after %s.\n", written, day, time.Since(start).Round(time.Second/10))
	return nil
}
