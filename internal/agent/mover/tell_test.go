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

	"github.com/atollhq/terraform-provider-atoll/internal/agent/agenttest"
	"github.com/atollhq/terraform-provider-atoll/internal/model/tier"
)

// On a disk without any room every day waits, which is more to tell than before: the status
// is a whole one all the same, and counts those that it does not list.
func TestStatusOfManyDaysOnAFullDisk(t *testing.T) {
	state := agenttest.SmallDisk(t)
	file := filepath.Join(state, tier.MoverFile)
	if err := (Result{}).tell(file, time.Unix(1, 0), nil); err != nil {
		t.Fatal(err)
	}
	agenttest.Fill(t, state)
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

// What went wrong in both passes of a run is said once, and on one line.
func TestSaidOnceAndOnOneLine(t *testing.T) {
	lost, other := errors.New("no such directory"), errors.New("no room")
	for _, row := range []struct {
		first, second error
		want          string
	}{
		{lost, errors.New("no such directory"), "no such directory"}, {lost, other, "no such directory; no room"}, {lost, nil, "no such directory"}, {nil, other, "no room"}, {nil, nil, ""},
	} {
		result := Result{Days: combine([]Outcome{{Day: "2026/09/02", Err: row.first}}, []Outcome{{Day: "2026/09/02", Err: row.second}})}
		status := result.summary(time.Unix(1, 0), nil)
		if row.want == "" {
			if status.Error != "" {
				t.Errorf("%+v", status)
			}
			continue
		}
		if status.Error != "2026/09/02: "+row.want || len(status.Waiting) != 1 || status.Waiting[0].Why != row.want {
			t.Errorf("%v, %v: %+v", row.first, row.second, status)
		}
	}
}
