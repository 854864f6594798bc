// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package status

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"text/tabwriter"
	"time"

	"github.com/atollhq/terraform-provider-atoll/internal/model/tier"
)

// scrubbed tells what the scrub of a tier's archive found.
func scrubbed(config tier.Scrub, asJSON bool, to io.Writer) error {
	var status tier.ScrubStatus
	text, err := os.ReadFile(config.Status)
	if err == nil {
		err = json.Unmarshal(text, &status)
	}
	if err != nil {
		return fmt.Errorf("unable to read what the scrub told: before its first run there is nothing: %w", err)
	}
	if asJSON {
		return json.NewEncoder(to).Encode(status)
	}
	table := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	ended := "has not ended yet"
	if !status.At.IsZero() {
		ended = "ended " + status.At.Format(time.RFC3339)
	}
	_, _ = fmt.Fprintf(table, "tier\t%s\n", config.Tier)
	_, _ = fmt.Fprintf(table, "scrub\t%s, read %d days, %d files, %d bytes\n", ended, status.Days, status.Files, status.Bytes)
	if status.Error != "" {
		_, _ = fmt.Fprintf(table, "error\t%s\n", status.Error)
	}
	for _, file := range status.Rotten {
		_, _ = fmt.Fprintf(table, "rotten\t%q: %s; not mended: %s\n", unquoted(file.Path), file.Problem, file.Why)
	}
	if status.More > 0 {
		_, _ = fmt.Fprintf(table, "rotten\t%d more\n", status.More)
	}
	for _, file := range status.Gone {
		_, _ = fmt.Fprintf(table, "gone\t%q, missed since %s\n", unquoted(file.Path), file.At.Format(time.RFC3339))
	}
	if status.MoreGone > 0 {
		_, _ = fmt.Fprintf(table, "gone\t%d more\n", status.MoreGone)
	}
	for _, file := range status.Mended {
		_, _ = fmt.Fprintf(table, "mended\t%q at %s, from %s; the rotten one is %q\n", unquoted(file.Path), file.At.Format(time.RFC3339), file.From, unquoted(file.Kept))
	}
	return table.Flush()
}

func unquoted(path string) string {
	name, err := tier.UnquotePath(path)
	if err != nil {
		return path
	}
	return name
}
