// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package unison

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/atollhq/terraform-provider-atoll/internal/agent"
	"github.com/atollhq/terraform-provider-atoll/internal/model/tier"
)

func (s *syncer) say(text string) { _, _ = fmt.Fprintln(s.log, text) }

func (s *syncer) status() tier.PairStatus {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.told
}

// remembered is what the last process told.
func (s *syncer) remembered() tier.PairStatus {
	var status tier.PairStatus
	text, err := os.ReadFile(filepath.Join(s.pair.State, tier.StatusFile))
	if err == nil {
		_ = json.Unmarshal(text, &status)
	}
	return status
}

// tell writes the status. A full disk must not end the work.
func (s *syncer) tell(status tier.PairStatus) {
	s.mu.Lock()
	defer s.mu.Unlock()
	status.Probe = s.told.Probe
	s.write(status)
}

// tellProbe adds what was measured.
func (s *syncer) tellProbe(probe tier.Probe) {
	s.mu.Lock()
	defer s.mu.Unlock()
	status := s.told
	status.Probe = &probe
	s.write(status)
}

func (s *syncer) write(status tier.PairStatus) {
	s.told = status
	if s.stands != "" {
		status.Stage, status.Since, status.Error = tier.Waiting, s.stood, s.stands
	}
	text, err := json.Marshal(status)
	if err == nil {
		err = agent.WriteStatus(filepath.Join(s.pair.State, tier.StatusFile), text)
	}
	if err != nil {
		s.say(err.Error())
	}
}
