// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package status

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/atollhq/terraform-provider-atoll/internal/agent"
	"github.com/atollhq/terraform-provider-atoll/internal/model/tier"
)

// The scrub's configuration has the status tell what it found.
func TestScrubbed(t *testing.T) {
	top := t.TempDir()
	config := tier.Scrub{Tier: "files", Hot: "/srv/files", Cold: "/srv/cold", Layout: "%Y/%m/%d", Status: filepath.Join(top, tier.ScrubFile)}
	file := filepath.Join(top, "tier.scrub.json")
	write := func(file string, what any) {
		text, err := json.Marshal(what)
		do(t, err, os.WriteFile(file, text, 0o600))
	}
	write(file, config)
	if code, _, problems := start("--config", file); code != agent.ExitFailed || !strings.Contains(problems, "before its first run there is nothing") {
		t.Errorf("%d, %s", code, problems)
	}
	at := time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)
	write(config.Status, tier.ScrubStatus{
		At: at, Days: 2, Files: 7, Bytes: 9, Rotten: []tier.Rotten{{Path: "2024%2F02%2F01%2Fa%20b", Problem: "another", Why: "nobody has it"}}, More: 1,
		Mended: []tier.Mended{{At: at, Path: "2024%2F02%2F02%2Fc", From: "app2", Kept: "kept%2Fc"}},
		Gone:   []tier.Gone{{At: at, Path: "2024%2F02%2F03%2Fd%0Ae"}}, MoreGone: 2,
	})
	code, out, problems := start("--config", file)
	for _, want := range []string{
		"ended 2026-11-26T12:00:00Z, read 2 days, 7 files, 9 bytes", `rotten  "2024/02/01/a b": another; not mended: nobody has it`, "rotten  1 more",
		`mended  "2024/02/02/c" at 2026-11-26T12:00:00Z, from app2; the rotten one is "kept/c"`,
		`gone    "2024/02/03/d\ne", missed since 2026-11-26T12:00:00Z`, "gone    2 more",
	} {
		if code != agent.ExitDone || !strings.Contains(out, want) {
			t.Errorf("%d, %s; want %s in\n%s", code, problems, want, out)
		}
	}
	var read tier.ScrubStatus
	if code, out, _ := start("--config", file, "--json"); code != agent.ExitDone || json.Unmarshal([]byte(out), &read) != nil || read.More != 1 {
		t.Errorf("%d, %s", code, out)
	}
}
