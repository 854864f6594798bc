// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package mysqld

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
	"github.com/atollhq/terraform-provider-atoll/internal/provision"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// ErrNotOffered says that a version cannot be had on a machine.
var ErrNotOffered = errors.New("it is in none of the machine's package sources")

// Upgrade installs the declared version of the package and restarts the server with
// it, all of it in its group's turn: so at most one member has a package that it does
// not run yet, and would start with if it fell over.
type Upgrade struct{ Server, To string }

func (o Upgrade) String() string { return "upgrade " + o.Server + " to " + o.To }

// Stage is its place in the order: that of a restart, which it is.
func (Upgrade) Stage() int { return 2 }

func (c Config) upgrade() Upgrade { return Upgrade{c.Endpoint(), c.Wanted.String()} }

// outdated finds a server of another version than the declared one, be it that its
// package is, or that it was not restarted since that came.
func (c Config) outdated(s Status) []provision.Finding {
	runs := ParseVersion(s.Version)
	if !c.Wanted.Known() || runs == c.Wanted {
		return nil
	}
	return []provision.Finding{{
		Line:    converge.Line{Subject: "version", Code: converge.CodeValue, Text: fmt.Sprintf("runs %s, want %s", runs, c.Wanted)},
		Mend:    c.upgrade(),
		Refusal: runs.UpgradesTo(c.Wanted),
	}}
}

// renewed finds a server whose program somebody has replaced under it: it would come back
// from its next fall as another version. One that is declared otherwise is outdated.
func (c Config) renewed(s Status) []provision.Finding {
	runs, next := ParseVersion(s.Version), ParseVersion(s.Next.Version)
	if !next.Known() || next == runs || c.outdated(s) != nil {
		return nil
	}
	refusal := runs.UpgradesTo(next)
	if c.Wanted.Known() {
		refusal = next.UpgradesTo(c.Wanted)
	}
	return []provision.Finding{{
		Line:    converge.Line{Subject: "version", Code: CodeProgram, Text: fmt.Sprintf("runs %s, and %s at the next start: its package was replaced", runs, next)},
		Mend:    Restart{c.Endpoint()},
		Refusal: refusal,
	}}
}

// releaseForm is how apt names a version.
var releaseForm = regexp.MustCompile(`^[0-9][A-Za-z0-9.+~:-]*$`)

// offer finds the newest package of a version in the machine's sources.
func (s Facts) offer(version Version) string {
	for _, release := range s.Offered {
		if ParseVersion(release) == version && releaseForm.MatchString(release) {
			return release
		}
	}
	return ""
}

// Reaches refuses a declared version that the machine cannot be brought to. Lists that
// may be old do not say what is not offered: the apply fetches them first.
func (c Config) Reaches(s Facts) error {
	if !c.Wanted.Known() || s.Installed == c.Wanted {
		return nil
	}
	if s.Installed.Known() {
		if err := s.Installed.UpgradesTo(c.Wanted); err != nil {
			return err
		}
	}
	if !s.Fresh || s.offer(c.Wanted) != "" {
		return nil
	}
	var has []string
	for _, release := range s.Offered {
		if version := ParseVersion(release); version.Known() && !slices.Contains(has, version.String()) {
			has = append(has, version.String())
		}
	}
	if has == nil {
		return fmt.Errorf("%w: they have no version of %s. Declare one that has in apt_sources of its atoll_host", ErrNotOffered, c.packageName())
	}
	return fmt.Errorf("%w: of %s they have %s. Declare one of these, or a source that has it in apt_sources of its atoll_host", ErrNotOffered, c.packageName(), strings.Join(has, ", "))
}

// chosen asks the machine for the package of the declared version, and refuses one
// that it cannot have before anything is touched.
func (c Config) chosen(ctx context.Context, host remote.Host) (Config, error) {
	if !c.Wanted.Known() {
		return c, nil
	}
	for {
		facts, err := converge.Ask(ctx, host, c.factsQuestion())
		if err == nil {
			err = errors.Join(c.Reaches(facts), c.RoutersFollow(ctx, host, facts))
		}
		if err != nil {
			return c, err
		}
		if c.release = facts.offer(c.Wanted); c.release != "" || facts.Installed == c.Wanted {
			return c, nil
		}
		if err := converge.Apply(ctx, host, converge.Manifest{Owner: Owner}, []converge.Step{converge.FetchLists()}); err != nil {
			return c, err
		}
	}
}

// upgrade brings the declared version. What it needs is fetched before the group waits
// for it.
func (w *work) upgrade(ctx context.Context, status Status) error {
	if w.config.Version != w.config.Wanted {
		if err := w.steps(ctx, w.config.wantedPackage().Fetch()); err != nil {
			return err
		}
	}
	return w.restart(ctx, status, turn{
		purpose: "upgrading to " + w.config.Wanted.String(),
		done:    func(s Status) bool { return w.config.outdated(s) == nil },
		before:  w.renew,
		after: func(s Status) error {
			if w.config.outdated(s) == nil {
				return nil
			}
			return fmt.Errorf("%s was restarted and runs %s: what it starts is not what package %s brought", Unit, s.Version, w.config.packageName())
		},
	})
}

// renew installs the package under the server, which goes on, and writes the settings
// that the new version wants once that has read them.
func (w *work) renew(ctx context.Context) error {
	config := w.config
	if config.Version != config.Wanted {
		if err := w.steps(ctx, config.wantedPackage().Install()); err != nil {
			return err
		}
	}
	config.Version = config.Wanted
	if err := config.validate(ctx, w.host); err != nil {
		return fmt.Errorf("%w. Version %s is installed, and the server was not restarted: mend its settings and apply again", err, config.Wanted)
	}
	w.config = config
	_, err := converge.Converge(ctx, w.host, config.Manifest())
	return err
}

func (w *work) steps(ctx context.Context, steps ...converge.Step) error {
	return converge.Apply(ctx, w.host, converge.Manifest{Owner: Owner}, steps)
}
