// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package guardian

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/atollhq/terraform-provider-atoll/internal/agent"
	"github.com/atollhq/terraform-provider-atoll/internal/model/group"
)

// What a guardian writes is what a reader finds; what it did in a row is one line.
func TestStatusIsReadBack(t *testing.T) {
	directory := t.TempDir()
	if _, err := ReadStatus(directory); !errors.Is(err, ErrAway) {
		t.Errorf("without a guardian: %v", err)
	}
	var status Status
	facts := member("ONLINE", "ONLINE", "UNREACHABLE")
	for range 3 {
		status.take(facts, Decide(Observed{Self: facts}))
		status.did(nil)
	}
	since := status.Since
	status.did(errors.New("it does not like that"))
	if err := status.Write(directory); err != nil {
		t.Fatal(err)
	}
	got, err := ReadStatus(directory)
	if err != nil {
		t.Fatal(err)
	}
	if got.Deed != Nudge || got.State != "ONLINE" || len(got.View) != 3 || got.Since != since || got.Error != "it does not like that" {
		t.Errorf("%+v", got)
	}
	for _, age := range []time.Duration{time.Minute, 10 * time.Minute, -10 * time.Minute} {
		old := strings.Replace(`{"at": "AT", "state": "ONLINE"}`, "AT", time.Now().Add(-age).UTC().Format(time.RFC3339), 1)
		if err := os.WriteFile(filepath.Join(directory, group.GuardianStatus), []byte(old), 0o600); err != nil {
			t.Fatal(err)
		}
		if status, err := ReadStatus(directory); errors.Is(err, ErrSilent) != (age.Abs() > group.GuardianSilence) || status.State != "ONLINE" {
			t.Errorf("%s old: %+v, %v", age, status, err)
		}
	}
	if len(got.Deeds) != 2 || got.Deeds[0].Times != 3 || got.Deeds[1].Error == "" {
		t.Errorf("deeds: %+v", got.Deeds)
	}
}

// A status has a bounded list of deeds, and a server that is away is no refusal.
func TestStatusForgets(t *testing.T) {
	var status Status
	for range 2 * remembered {
		status.did(errors.New("one"))
		status.did(nil)
	}
	if len(status.Deeds) != remembered {
		t.Errorf("%d deeds", len(status.Deeds))
	}
	status.fail(errors.New("gone"))
	if status.Deed != Nothing || status.Error != "gone" || status.View != nil {
		t.Errorf("%+v", status)
	}
}

// A second guardian waits, takes over when the first has ended, however it did,
// and ends itself when it is told to.
func TestGuardiansDoNotDouble(t *testing.T) {
	directory := t.TempDir()
	beats := 0
	beat := func() { beats++ }
	release, err := alone(t.Context(), directory, agent.Streams{}, beat)
	if err != nil {
		t.Fatal(err)
	}
	impatient, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	var said bytes.Buffer
	if _, err := alone(impatient, directory, agent.Streams{Err: &said}, beat); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("the second one: %v", err)
	}
	if !strings.Contains(said.String(), "another guardian runs") {
		t.Errorf("it said %q", said.String())
	}
	if beats < 2 {
		t.Error("who waits does not live")
	}
	release()
	release, err = alone(t.Context(), directory, agent.Streams{}, beat)
	if err != nil {
		t.Fatal(err)
	}
	release()
}
