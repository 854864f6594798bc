// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package unison

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/atollhq/terraform-provider-atoll/internal/model/tier"
)

// What a pair's directory has beside unison's own: a note that the trees were in step once,
// and the profile, which ends with what holds for one run.
const (
	begun           = "begun"
	profileName     = "tier"
	watchAndRepeat  = "repeat = watch\n"
	withoutArchives = "ignorearchives = true\n"
)

// begin notes that the trees were in step once.
func (s *syncer) begin(status tier.PairStatus) {
	if !status.InStep.IsZero() {
		_ = os.WriteFile(filepath.Join(s.pair.State, begun), nil, 0o600)
	}
}

// turn is what one run of unison is for.
type turn struct {
	// lines end its profile.
	lines string
	// ends says that it ends by itself, silent that it does not tell how the pair is: it
	// looks at a part of it.
	ends, silent bool
}

// watches keeps the trees in step.
func (s *syncer) watches() turn { return turn{lines: s.conflicts() + watchAndRepeat} }

// forgets compares them once as if they never had been.
func (s *syncer) forgets() turn { return turn{lines: s.conflicts() + withoutArchives, ends: true} }

// conflicts are the lines of what is done about conflicts now.
func (s *syncer) conflicts() string {
	_, err := os.Stat(filepath.Join(s.pair.State, begun))
	if errors.Is(err, fs.ErrNotExist) && s.pair.First != "" {
		return s.pair.First
	}
	return s.pair.Conflict
}

// writeProfile makes the profile that unison reads: the one that was declared, and
// what holds for this run.
func (s *syncer) writeProfile(lines string) error {
	text := strings.ReplaceAll(s.pair.Profile, "$CREDENTIALS_DIRECTORY", os.Getenv("CREDENTIALS_DIRECTORY")) + lines
	return os.WriteFile(filepath.Join(s.pair.State, profileName+".prf"), []byte(text), 0o600)
}
