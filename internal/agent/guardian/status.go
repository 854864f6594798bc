// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package guardian

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/atollhq/terraform-provider-atoll/internal/agent"
	"github.com/atollhq/terraform-provider-atoll/internal/model/group"
)

// Directory is the guardian's own.
const Directory = group.GuardianDirectory

// Status is how a guardian stands, for a person or a program.
type Status struct {
	// At is when it was written.
	At time.Time `json:"at"`
	// Member is the endpoint of the own server, State the group's word for it,
	// View the group as the server sees it.
	Member string   `json:"member"`
	State  string   `json:"state"`
	View   []Member `json:"view"`
	// Decision is what the guardian does now, since Since.
	Decision
	Since time.Time `json:"since"`
	// Error is why the last look or deed failed; "" where it did not.
	Error string `json:"error,omitempty"`
	// Deeds are the last ones, Nudges those of the deed that they belong to.
	Deeds []Done `json:"deeds"`
}

// Done is something that a guardian did, as often as it did it in a row.
type Done struct {
	Deed  Deed      `json:"deed"`
	Why   string    `json:"why"`
	From  time.Time `json:"from"`
	To    time.Time `json:"to"`
	Times int       `json:"times"`
	Error string    `json:"error,omitempty"`
}

// remembered is how many deeds a status lists.
const remembered = 10

// take notes what was seen and decided.
func (s *Status) take(facts Facts, decision Decision) {
	if s.Decision != decision || s.Since.IsZero() || s.Error != "" {
		s.Since = time.Now().UTC()
	}
	s.Member, s.State, s.View, s.Decision, s.Error = facts.Endpoint, facts.State(), facts.View, decision, ""
}

// fail notes a look that failed.
func (s *Status) fail(err error) {
	why := "the server does not answer"
	if down(err) {
		why = "the server does not run"
	}
	if s.Why != why || s.Since.IsZero() {
		s.Since = time.Now().UTC()
	}
	s.State, s.View, s.Decision, s.Error = "", nil, Decision{Deed: Nothing, Why: why}, err.Error()
}

// did notes that the decision was carried out, and what came of it.
func (s *Status) did(err error) {
	now, text := time.Now().UTC(), ""
	if err != nil {
		text = err.Error()
		s.Error = text
	}
	if last := len(s.Deeds) - 1; last >= 0 && s.Deeds[last].Deed == s.Deed && s.Deeds[last].Error == text && now.Sub(s.Deeds[last].To) < time.Minute {
		s.Deeds[last].To, s.Deeds[last].Why = now, s.Why
		s.Deeds[last].Times++
		return
	}
	s.Deeds = append(s.Deeds, Done{Deed: s.Deed, Why: s.Why, From: now, To: now, Times: 1, Error: text})
	if len(s.Deeds) > remembered {
		s.Deeds = s.Deeds[len(s.Deeds)-remembered:]
	}
}

// Write puts the status where ReadStatus finds it.
func (s Status) Write(directory string) error {
	s.At = time.Now().UTC()
	text, err := json.Marshal(s)
	if err != nil {
		return fmt.Errorf("unable to write the status: %w", err)
	}
	return agent.WriteStatus(filepath.Join(directory, group.GuardianStatus), append(text, '\n'))
}

// ErrAway says that no guardian runs here.
var ErrAway = errors.New("no guardian runs on this machine")

// ErrSilent says that what is told is old.
var ErrSilent = errors.New("the guardian of this machine stands still or does not run")

// ReadStatus reads what the guardian of a machine wrote last.
func ReadStatus(directory string) (Status, error) {
	text, err := os.ReadFile(filepath.Join(directory, group.GuardianStatus))
	if errors.Is(err, fs.ErrNotExist) {
		return Status{}, ErrAway
	}
	if err != nil {
		return Status{}, fmt.Errorf("unable to read the status: %w", err)
	}
	var status Status
	if err := json.Unmarshal(text, &status); err != nil {
		return Status{}, fmt.Errorf("unable to read the status: %w", err)
	}
	if age := time.Since(status.At); age.Abs() > group.GuardianSilence {
		return status, fmt.Errorf("%w: its last sign of life is of %s", ErrSilent, status.At.Format(time.RFC3339))
	}
	return status, nil
}
