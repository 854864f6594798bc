// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package status

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/atollhq/terraform-provider-atoll/internal/agent"
	"github.com/atollhq/terraform-provider-atoll/internal/agent/guardian"
)

// guarded tells where the guardian stands. What it told last is told also when
// that is old, which is an error all the same.
func guarded(directory string, asJSON bool, streams agent.Streams) error {
	found, err := guardian.ReadStatus(directory)
	if found.At.IsZero() {
		return err
	}
	if asJSON {
		return errors.Join(json.NewEncoder(streams.Out).Encode(found), err)
	}
	return errors.Join(show(found, streams.Out), err)
}

func show(s guardian.Status, to io.Writer) error {
	table := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	if s.Member != "" {
		_, _ = fmt.Fprintf(table, "member\t%s %s\n", s.Member, s.State)
	}
	for _, member := range s.View {
		_, _ = fmt.Fprintf(table, "sees\t%s %s\n", member.Endpoint, member.State)
	}
	_, _ = fmt.Fprintf(table, "does\t%s, since %s: %s\n", s.Deed, s.Since.Format(time.RFC3339), s.Why)
	if s.Error != "" {
		_, _ = fmt.Fprintf(table, "error\t%s\n", s.Error)
	}
	for _, done := range s.Deeds {
		_, _ = fmt.Fprintf(table, "did\t%s, %d times from %s to %s: %s\n", done.Deed, done.Times, done.From.Format(time.RFC3339), done.To.Format(time.RFC3339), done.Why)
		if done.Error != "" {
			_, _ = fmt.Fprintf(table, "\t%s\n", done.Error)
		}
	}
	return table.Flush()
}
