// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package mover

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/atollhq/terraform-provider-atoll/internal/agent/tree"
	protocol "github.com/atollhq/terraform-provider-atoll/internal/model/agent"
	"github.com/atollhq/terraform-provider-atoll/internal/model/tier"
)

// Nodes learn of one another by statements: each writes its own into the archive,
// and the archive's runs carry it to the others. All that is said there is lasting:
// that a node has a copy, that it has flipped, that it has read its trees since. So
// an old statement is no wrong one; it holds up the others, and nothing else.

// longestStatement is more than a hundred years of days make.
const longestStatement = 16 << 20

// readStatement reads what a node says in an archive; os.ErrNotExist where it has
// said nothing yet.
func readStatement(cold *tree.Dir, node, tierName string) (tier.Statement, error) {
	var said tier.Statement
	file, err := cold.Read(tier.Statements + "/" + tier.StatementFile(node))
	if errors.Is(err, unix.ENOENT) {
		return said, os.ErrNotExist
	}
	if err != nil {
		return said, err
	}
	defer func() { _ = file.Close() }()
	text, err := io.ReadAll(io.LimitReader(file, longestStatement))
	if err == nil {
		err = json.Unmarshal(text, &said)
	}
	switch {
	case err != nil:
		return said, fmt.Errorf("what it says cannot be read: %w", err)
	case said.Node != node || said.Tier != tierName:
		return said, fmt.Errorf("what it says is of node %q and tier %q", said.Node, said.Tier)
	case said.Protocol < protocol.Oldest:
		return said, fmt.Errorf("what it says is of protocol %d, and %d is the oldest that this agent knows: terraform apply brings both up to date", said.Protocol, protocol.Oldest)
	}
	return said, nil
}

// stated is a node that is known by its statement in the archive.
type stated struct {
	config Config
	name   string
}

// Name is the node's name.
func (s stated) Name() string { return s.name }

// Report reads the statement. A day of which it says nothing is one that it did not
// have.
func (s stated) Report(_ context.Context, days []string) (tier.Report, error) {
	cold, private, err := openTree(s.config.Cold, s.config.Tier)
	private.Close()
	if err != nil {
		cold.Close()
		return tier.Report{}, err
	}
	defer cold.Close()
	said, err := readStatement(cold, s.name, s.config.Tier)
	if errors.Is(err, os.ErrNotExist) {
		return tier.Report{}, errors.New("it has said nothing yet, and what it says first comes with the archive's next run")
	}
	if err != nil {
		return tier.Report{}, err
	}
	report := tier.Report{Tier: said.Tier, Days: map[string]tier.DayReport{}}
	for _, day := range days {
		report.Days[day] = said.Days[day]
		if report.Days[day].Phase == "" {
			report.Days[day] = tier.DayReport{Phase: tier.Nowhere}
		}
	}
	return report, nil
}

// recall reads what this node said last. What it says has to be right, so what
// cannot be read is nothing.
func (m *Mover) recall() {
	m.own = tier.Statement{}
	if said, err := readStatement(m.cold, m.Config.Node, m.Config.Tier); err == nil {
		m.own = said
	}
}

// review finds what this node has to say now, by its disk, by what it said before
// and by what the others say.
func (m *Mover) review(days []tier.Day, told told) error {
	read, err := m.lastReading()
	if err != nil {
		return err
	}
	now := map[string]tier.DayReport{}
	for _, day := range days {
		report, err := m.report(day.Path)
		if err != nil {
			// One day that cannot be looked at holds up no other.
			report = m.own.Days[day.Path]
		}
		report.Read = false
		if around := (Surroundings{Peers: told(day.Path)}); report.Phase == tier.Flipped && around.notFlipped() == "" {
			report = met(report, m.own.Days[day.Path], m.Now().UTC(), read)
		}
		if report.Phase != tier.Nowhere {
			now[day.Path] = report
		}
	}
	m.own.Days = now
	return nil
}

// met notes when a node learned that all have flipped, until it has read its trees
// since. read is when the last reading of each pair began, the earliest of them;
// nil where the node reads none.
func met(report, before tier.DayReport, now time.Time, read *time.Time) tier.DayReport {
	report.Met = before.Met
	if report.Met.IsZero() {
		report.Met = now
	}
	if report.Read = before.Read || read == nil || read.After(report.Met); report.Read {
		report.Met = time.Time{}
	}
	return report
}

// lastReading is when the last reading began that was ended, of the pair that was
// not read for the longest; nil where this node has no pair to read.
func (m *Mover) lastReading() (*time.Time, error) {
	var earliest *time.Time
	for _, file := range m.Config.Pairs {
		var status tier.PairStatus
		text, err := os.ReadFile(file)
		if err == nil {
			err = json.Unmarshal(text, &status)
		}
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return nil, fmt.Errorf("unable to read how a pair stands: %w", err)
		}
		if earliest == nil || status.Read.Before(*earliest) {
			earliest = &status.Read
		}
	}
	return earliest, nil
}

// say writes the statement, where it is another one than before.
func (m *Mover) say() error {
	if m.Config.Node == "" {
		return nil
	}
	before, err := readStatement(m.cold, m.Config.Node, m.Config.Tier)
	if err == nil && maps.EqualFunc(before.Days, m.own.Days, sameReport) {
		return nil
	}
	dir, err := m.statements()
	if err != nil {
		return err
	}
	defer dir.Close()
	m.own.Protocol, m.own.Node, m.own.Tier = protocol.Newest, m.Config.Node, m.Config.Tier
	m.own.Count = max(before.Count, m.own.Count) + 1
	text, err := json.Marshal(m.own)
	if err != nil {
		return err
	}
	owner, err := dir.Self()
	if err != nil {
		return err
	}
	const name = "statement" + newSuffix
	file, err := m.coldPrivate.Create(name)
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }()
	_, err = file.Write(text)
	err = errors.Join(err, file.Chmod(0o644), file.Chown(int(owner.Uid), int(owner.Gid)), file.Sync())
	if err == nil {
		err = m.coldPrivate.SetTime(name, time.Unix(m.own.Count, 0))
	}
	if err == nil {
		err = m.coldPrivate.Replace(name, dir, tier.StatementFile(m.Config.Node))
	}
	if err == nil {
		err = dir.Sync()
	}
	if err != nil {
		return fmt.Errorf("unable to say how far this node is: %w", err)
	}
	return nil
}

func sameReport(a, b tier.DayReport) bool {
	return a.Phase == b.Phase && a.Digest == b.Digest && a.Read == b.Read && a.Met.Equal(b.Met)
}

// statements opens the directory of the statements, and makes it like the archive.
func (m *Mover) statements() (*tree.Dir, error) {
	dir, err := m.cold.Sub(tier.Statements)
	if !errors.Is(err, unix.ENOENT) {
		return dir, err
	}
	if err := m.cold.MakeLike(tier.Statements, m.cold, m.coldPrivate); err != nil && !errors.Is(err, unix.EEXIST) {
		return nil, err
	}
	return m.cold.Sub(tier.Statements)
}
