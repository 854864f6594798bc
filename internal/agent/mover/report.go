// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package mover

import (
	"encoding/json"
	"errors"

	"github.com/atollhq/terraform-provider-atoll/internal/model/tier"
)

// report tells how far this node is with a day, from its disk alone.
func (t *trees) report(day string) (tier.DayReport, error) {
	text, err := t.config.linkText(day)
	if err != nil {
		return tier.DayReport{}, err
	}
	hot, err := place(t.hot, day, text)
	if err != nil {
		return tier.DayReport{}, err
	}
	cold, err := place(t.cold, day, "")
	if err != nil {
		return tier.DayReport{}, err
	}
	switch {
	case hot == Linked && cold == Tree:
		return tier.DayReport{Phase: tier.Flipped, Read: true}, nil
	case hot == Absent:
		return tier.DayReport{Phase: tier.Nowhere}, nil
	case hot == Tree && cold == Tree:
		sum, err := t.copySum(day)
		if err == nil && sum != nil {
			return tier.DayReport{Phase: tier.Copied, Digest: sum.Digest}, nil
		}
		if err != nil {
			return tier.DayReport{}, err
		}
	}
	return tier.DayReport{Phase: tier.Hot}, nil
}

func (m *Mover) conflict(day, path, aside string) {
	m.conflicts = append(m.conflicts, Conflict{Day: day, Path: path, Aside: aside})
	m.journal(map[string]string{"day": day, "conflict": path, "aside": aside})
}

// note writes a step into the journal before it is taken. The journal is for
// people: what to do is always read from the trees themselves.
func (m *Mover) note(day string, next Decision) {
	m.journal(map[string]string{"day": day, "step": string(next.Step), "why": next.Why})
}

// journalSize is where the journal begins anew; the one before it is kept.
const journalSize = 1 << 20

func (m *Mover) journal(line map[string]string) {
	line["time"] = m.Now().UTC().Format("2006-01-02T15:04:05.000Z")
	text, err := json.Marshal(line)
	if err != nil {
		return
	}
	file, err := m.hotPrivate.Append("journal")
	if err != nil {
		return
	}
	_, err = file.Write(append(text, '\n'))
	stat, statErr := file.Stat()
	_ = file.Close()
	if errors.Join(err, statErr) == nil && stat.Size() > journalSize {
		_ = m.hotPrivate.Replace("journal", m.hotPrivate, "journal.1")
	}
}
