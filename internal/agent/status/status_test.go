// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package status

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/atollhq/terraform-provider-atoll/internal/agent"
	"github.com/atollhq/terraform-provider-atoll/internal/agent/guardian"
	"github.com/atollhq/terraform-provider-atoll/internal/agent/mover"
	"github.com/atollhq/terraform-provider-atoll/internal/model/tier"
)

func do(t *testing.T, problems ...error) {
	t.Helper()
	if err := errors.Join(problems...); err != nil {
		t.Fatal(err)
	}
}

func start(args ...string) (code int, out, problems string) {
	var output, errorOutput bytes.Buffer
	code = agent.Main(context.Background(), []agent.Role{Role}, append([]string{"atoll-agent", "status"}, args...), agent.Streams{Out: &output, Err: &errorOutput})
	return code, output.String(), errorOutput.String()
}

// all lists a tree, to see that nothing in it changes.
func all(t *testing.T, root string) string {
	t.Helper()
	var found []string
	do(t, filepath.WalkDir(root, func(path string, _ fs.DirEntry, err error) error {
		found = append(found, path)
		return err
	}))
	return strings.Join(found, "\n")
}

func TestStatus(t *testing.T) {
	top := t.TempDir()
	config := mover.Config{Tier: "files", Hot: filepath.Join(top, "hot"), Cold: filepath.Join(top, "cold"), Layout: "%Y/%m/%d"}
	for _, day := range []string{"2020/02/01", "2020/02/02", "2099/01/01"} {
		do(t, os.MkdirAll(filepath.Join(config.Hot, day), 0o755), os.WriteFile(filepath.Join(config.Hot, day, "file"), []byte(day), 0o600))
	}
	do(t, os.Mkdir(config.Cold, 0o755), mover.Prepare(config))
	do(t, os.Symlink("../out", filepath.Join(config.Hot, "2020/02/02/link")))
	write := func() string {
		text, err := json.Marshal(config)
		file := filepath.Join(top, "tier.json")
		do(t, err, os.WriteFile(file, text, 0o600))
		return file
	}
	before := all(t, top+"/hot") + all(t, top+"/cold")
	code, out, problems := start("--config", write())
	for _, want := range []string{"1 hot, 0 archived, 2 on their way", "2020/02/01  copy: it is old enough", "2020/02/02  leave: it stays hot"} {
		if code != agent.ExitDone || !strings.Contains(out, want) {
			t.Errorf("%d, %s%s; want %s", code, out, problems, want)
		}
	}
	if after := all(t, top+"/hot") + all(t, top+"/cold"); after != before {
		t.Errorf("looking changed\n%s\ninto\n%s", before, after)
	}
	moving := mover.Mover{Config: config}
	_, err := moving.Run(context.Background())
	do(t, err)
	config.Nodes = []tier.MoverNode{{Name: "two"}} // which has said nothing
	code, out, _ = start("--config", write(), "--json")
	var status Status
	if err := json.Unmarshal([]byte(out), &status); err != nil || code != agent.ExitDone {
		t.Fatalf("%d, %v, %s", code, err, out)
	}
	if status.Archived != 1 || status.Hot != 1 || status.Unread != "2020/02/01" || status.Never != 0 || status.ColdFree.Bytes == 0 {
		t.Errorf("%+v", status)
	}
	if len(status.Days) != 1 || status.Days[0].Next != "leave" {
		t.Errorf("%+v", status.Days)
	}
	do(t, os.RemoveAll(filepath.Join(config.Hot, "2020/02/02/link")))
	if _, out, _ = start("--config", write()); !strings.Contains(out, "2020/02/01 is unread the longest") {
		t.Error(out)
	}
	do(t, os.RemoveAll(config.Hot))
	if code, _, problems := start("--config", write()); code != agent.ExitFailed || !strings.Contains(problems, "if it is a mount point, mount it") {
		t.Errorf("%d, %s", code, problems)
	}
}

// Without a tier's configuration the guardian is meant, and a node without one is
// told so.
func TestGuardianOfTheNode(t *testing.T) {
	directory := t.TempDir()
	var out bytes.Buffer
	streams := agent.Streams{Out: &out}
	if err := guarded(directory, false, streams); !errors.Is(err, guardian.ErrAway) {
		t.Errorf("without a guardian: %v", err)
	}
	status := guardian.Status{
		Member: "10.0.0.1:3306", State: "ONLINE", View: []guardian.Member{{ID: "b", Endpoint: "10.0.0.2:3306", State: "UNREACHABLE"}},
		Decision: guardian.Decision{Deed: guardian.Nudge, Why: "it does not answer"}, Deeds: []guardian.Done{{Deed: guardian.Nudge, Times: 7}},
	}
	if err := status.Write(directory); err != nil {
		t.Fatal(err)
	}
	if err := guarded(directory, false, streams); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"10.0.0.1:3306 ONLINE", "10.0.0.2:3306 UNREACHABLE", "nudge, since", "7 times"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is not in:\n%s", want, out.String())
		}
	}
	out.Reset()
	if err := guarded(directory, true, streams); err != nil {
		t.Fatal(err)
	}
	var read guardian.Status
	if err := json.Unmarshal(out.Bytes(), &read); err != nil || read.Deed != guardian.Nudge {
		t.Errorf("%+v, %v", read, err)
	}
}
