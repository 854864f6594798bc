// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package mover

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/atollhq/terraform-provider-atoll/internal/agent"
	"github.com/atollhq/terraform-provider-atoll/internal/model/tier"
)

// start runs the role as the agent's command line does.
func start(args ...string) (code int, out, problems string) {
	var output, errorOutput bytes.Buffer
	line := append([]string{"atoll-agent", "mover"}, args...)
	code = agent.Main(context.Background(), []agent.Role{Role}, line, agent.Streams{Out: &output, Err: &errorOutput})
	return code, output.String(), errorOutput.String()
}

func TestRole(t *testing.T) {
	top := quickDir(t)
	config := Config{Tier: "files", Hot: filepath.Join(top, "hot"), Cold: filepath.Join(top, "cold"), Layout: "%Y-%m-%d"}
	text, err := json.Marshal(config)
	file := filepath.Join(top, "tier.json")
	do(t, err, os.WriteFile(file, text, 0o600), os.MkdirAll(filepath.Join(config.Hot, "2020-02-01"), 0o755), os.Mkdir(config.Cold, 0o755))
	do(t, os.WriteFile(filepath.Join(config.Hot, "2020-02-01/file"), []byte("x"), 0o600))
	if code, _, problems := start("--config", file); code != agent.ExitFailed || !strings.Contains(problems, "does not carry the name of the tier") {
		t.Errorf("before --prepare: %d, %s", code, problems)
	}
	if code, _, problems := start("--config", file, "--prepare"); code != agent.ExitDone {
		t.Fatalf("%d, %s", code, problems)
	}
	do(t, os.Mkdir(filepath.Join(config.Hot, "2020-02-02"), 0o755), os.Symlink("../x", filepath.Join(config.Hot, "2020-02-02/link")))
	code, out, problems := start("--config", file)
	if code != agent.ExitDone || !strings.Contains(out, "2020-02-01  [copy flip settle sweep read back clean]  nothing  it is in the archive") || !strings.Contains(out, "leads out of the directory") {
		t.Errorf("%d, %s%s", code, out, problems)
	}
	code, out, problems = start("--config", file, "--json")
	var read lines
	if err := json.Unmarshal([]byte(out), &read); err != nil || code != agent.ExitDone || len(read.Days) != 2 || read.Days[1].Step != Leave || read.Conflicts == nil {
		t.Errorf("%d, %v, %s%s", code, err, out, problems)
	}
	asks := filepath.Join(top, tier.MoverAsks)
	do(t, os.WriteFile(asks, nil, 0o600))
	if code, _, problems := start("--config", file, "--status", filepath.Join(top, tier.MoverFile)); code != agent.ExitDone {
		t.Errorf("%d, %s", code, problems)
	}
	if _, err := os.Stat(asks); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no day waits for a reading, and it is asked for: %v", err)
	}
	journal, err := os.ReadFile(filepath.Join(config.Hot, private, "journal"))
	if err != nil || strings.Count(string(journal), "\n") != 6 || !strings.Contains(string(journal), `"step":"flip"`) {
		t.Errorf("%s, %v", journal, err)
	}
}

func TestRoleOfAnotherVersion(t *testing.T) {
	file := filepath.Join(t.TempDir(), "tier.json")
	do(t, os.WriteFile(file, []byte(`{"tier":"files","nodes_of_the_future":[]}`), 0o600))
	for _, args := range [][]string{{"--config", file}, {"--fly"}, {}} {
		if code, _, problems := start(args...); code != agent.ExitUsage || !strings.Contains(problems, "terraform apply brings the agent up to date") {
			t.Errorf("%q: %d, %s", args, code, problems)
		}
	}
}
