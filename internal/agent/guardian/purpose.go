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
)

// Purpose tells a member that somebody has stopped from one that fell out of its
// group. Nothing but STOP GROUP_REPLICATION takes a member out on purpose, and
// the server counts those since its start. What was counted when the member was
// ONLINE last is over; what came since, less what the guardian did itself, is
// somebody's will, be it an apply's or an administrator's.
type Purpose struct {
	path string
	// Process is the run of mysqld that the count is of.
	Process int `json:"process"`
	// Over is the count up to which stops are of no account.
	Over int `json:"over"`
}

// OpenPurpose reads what is known of the server's present run.
func OpenPurpose(directory string) (*Purpose, error) {
	p := &Purpose{path: filepath.Join(directory, "stops.json")}
	text, err := os.ReadFile(p.path)
	if errors.Is(err, fs.ErrNotExist) {
		return p, nil
	}
	if err != nil {
		return nil, fmt.Errorf("unable to read what is known of the server's stops: %w", err)
	}
	if json.Unmarshal(text, p) != nil {
		p.Process, p.Over = 0, 0 // without it every stop counts as somebody's
	}
	return p, nil
}

// Stopped says whether somebody has stopped the member since it was in its group
// last. inside says that it is there now.
func (p *Purpose) Stopped(process, stops int, inside bool) (bool, error) {
	was := *p
	if process != p.Process {
		p.Process, p.Over = process, 0
	}
	if inside {
		p.Over = stops
	}
	if *p != was {
		return stops > p.Over, p.save()
	}
	return stops > p.Over, nil
}

// Own notes that the next stop is the guardian's own. It is noted before it is
// done: a guardian that is killed in between finds the member stopped by itself.
func (p *Purpose) Own() error {
	p.Over++
	return p.save()
}

func (p *Purpose) save() error {
	text, err := json.Marshal(p)
	if err == nil {
		err = os.WriteFile(p.path+".new", text, 0o600)
	}
	if err == nil {
		err = os.Rename(p.path+".new", p.path)
	}
	if err != nil {
		return fmt.Errorf("unable to note what is known of the server's stops: %w", err)
	}
	return nil
}
