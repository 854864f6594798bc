// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package mover

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/atollhq/terraform-provider-atoll/internal/model/tier"
)

// On a disk without any room every day waits, which is more to tell than before: the status
// is a whole one all the same, and counts those that it does not list.
func TestStatusOfManyDaysOnAFullDisk(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can mount a small file system")
	}
	state := t.TempDir()
	if err := unix.Mount("none", state, "tmpfs", 0, "size=64k"); err != nil {
		t.Skip("a small file system cannot be mounted here: ", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(state, 0); err != nil {
			t.Error(err)
		}
	})
	file := filepath.Join(state, tier.MoverFile)
	if err := (Result{}).tell(file, time.Unix(1, 0), nil); err != nil {
		t.Fatal(err)
	}
	filler, err := os.Create(filepath.Join(state, "filler"))
	for err == nil {
		_, err = filler.Write(make([]byte, 4096))
	}
	if !errors.Is(err, unix.ENOSPC) || filler.Close() != nil {
		t.Fatal(err)
	}
	var full Result
	for day := range 300 {
		full.Days = append(full.Days, Outcome{Day: fmt.Sprintf("2026/%03d", day), Decision: Decision{Step: Wait, Full: true, Why: "there is no room for it in the archive: 0 MiB are left"}})
	}
	full.Days[200].Decision = decide(Leave, "both have other files")
	if err := full.tell(file, time.Unix(2, 0), nil); err != nil {
		t.Fatal(err)
	}
	var told tier.MoverStatus
	text, err := os.ReadFile(file)
	if err == nil {
		err = json.Unmarshal(text, &told)
	}
	if err != nil || len(told.Waiting) != 10 || told.Waiting[0].Day != "2026/200" || told.More != 290 || told.At.Unix() != 2 || told.Error == "" {
		t.Errorf("%v: %+v", err, told)
	}
}
