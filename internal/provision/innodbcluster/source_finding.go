// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package innodbcluster

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/atollhq/terraform-provider-atoll/internal/provision"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/mysqld"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/preflight"
)

// ErrOwnData says that a server that was to get a copy holds data.
var ErrOwnData = errors.New("import_from replaces nobody's data")

// beginning is how a group begins that was none before: with what its first member has,
// or with a copy of what the declared source has. One that an earlier apply made is
// looked at again, and begun with if it is whole.
func (d *diagnosing) beginning(first string) (provision.Operation, error) {
	source, one := d.cluster.Options.ImportFrom, d.seen[first]
	switch {
	case source == nil:
		return Bootstrap{first}, nil
	case one.Cloned == source.Endpoint():
		return Import{first, source.Endpoint()}, nil
	case len(one.Schemas) > 0 || one.Executed != "":
		has := []string{}
		if len(one.Schemas) > 0 {
			has = append(has, "the schemas "+strings.Join(one.Schemas, ", "))
		}
		if one.Executed != "" {
			has = append(has, "the transactions "+one.Executed)
		}
		return nil, fmt.Errorf("member %s: %w, and it has %s. Nothing was changed. Take import_from out to begin with these, or save them and empty the server", first, ErrOwnData, strings.Join(has, " and "))
	}
	return Import{first, source.Endpoint()}, nil
}

// recipient is a server that is to get a copy; the zero one is not known yet.
type recipient struct {
	key, version string
	plugins      []string
	// room in bytes for a copy, where its datadir is; nil while a copy takes it.
	room *uint64
}

// ErrNotDrained says that somebody may write on a source: it may be drained later than
// a plan is made.
var ErrNotDrained = errors.New("it is not drained")

// refuses is every reason why a source cannot be cloned, or nil.
func (s Source) refuses(found sourceFacts, to recipient) error {
	if len(found.Lacks) > 0 {
		return fmt.Errorf("import_from.user = %q: the user lacks %s. On the source %s, as an administrator: GRANT %s ON *.* TO that account", s.User, strings.Join(found.Lacks, ", "), s.Endpoint(), needed)
	}
	var problems []error
	refuse := func(format string, values ...any) {
		problems = append(problems, fmt.Errorf("  "+format, values...))
	}
	if err := cloneable(mysqld.ParseVersion(found.Version), mysqld.ParseVersion(to.version)); err != nil && to.version != "" {
		refuse("%w", err)
	}
	if !slices.Contains(found.Plugins, "clone") {
		refuse("the plugin clone is not there: INSTALL PLUGIN clone SONAME 'mysql_clone.so';")
	}
	if found.GTIDMode != "ON" {
		refuse("gtid_mode is %s, and nobody could tell whether the copy is whole: switch it on (OFF_PERMISSIVE, ON_PERMISSIVE, ON, after enforce_gtid_consistency), or adopt the server or its replica instead", found.GTIDMode)
	}
	if found.Root != "auth_socket" {
		refuse("root@localhost logs in by %q, which is copied, too, and Atoll has no password: INSTALL PLUGIN auth_socket SONAME 'auth_socket.so'; ALTER USER root@localhost IDENTIFIED WITH auth_socket;", found.Root)
	}
	if found.Clustered > 0 {
		refuse("it has the metadata of an InnoDB Cluster: import that, or join its members")
	}
	if found.Encrypted > 0 {
		refuse("%d tablespaces are encrypted, and their keys are not copied: ALTER TABLE ... ENCRYPTION = 'N';", found.Encrypted)
	}
	if missing := unknown(found.Plugins, append(to.plugins, "clone")); to.version != "" && len(missing) > 0 {
		refuse("the plugins %s are active there and not on %s, and a clone needs them on both: UNINSTALL PLUGIN there, or declare plugin_load_add in settings of its atoll_mysql_server", strings.Join(missing, ", "), to.key)
	}
	if found.SuperReadOnly == 0 {
		refuse("%w, and what is written there after the copy would be missing: SET PERSIST super_read_only = ON;", ErrNotDrained)
	}
	for _, channel := range found.Facts.Channels {
		if channel.Applies != "OFF" {
			refuse("%w: it %s", ErrNotDrained, channel.Running())
		}
	}
	if err := preflight.Refusal(preflight.Source(found.Facts)); err != nil {
		problems = append(problems, err)
	}
	if len(problems) == 0 {
		return s.fits(found, to)
	}
	return errors.Join(fmt.Errorf("import_from.address = %q: the source %s: %w. Nothing was changed. On the source:\n%w", s.Address, s.Endpoint(), ErrSource, errors.Join(problems...)), s.fits(found, to))
}

// fits refuses a copy that the recipient's disk has no room for.
func (s Source) fits(found sourceFacts, to recipient) error {
	const mebibyte = 1 << 20
	need := found.Facts.DataBytes
	if to.room == nil || *to.room >= need {
		return nil
	}
	return fmt.Errorf("import_from.address = %q: the source %s: %w: a copy of them takes %d MiB, and /var/lib/mysql of %s has room for %d MiB. Nothing was changed. Make room there, or give that machine a larger disk",
		s.Address, s.Endpoint(), ErrSource, (need+mebibyte-1)/mebibyte, to.key, *to.room/mebibyte)
}

// cloneable refuses versions between which MySQL does not clone: those of two series,
// and of 8.0 before 8.0.37 any two.
func cloneable(from, to mysqld.Version) error {
	same := from.Major == to.Major && from.Minor == to.Minor
	old := from.Major == 8 && from.Minor == 0 && (from.Before(8, 0, 37) || to.Before(8, 0, 37))
	if same && (!old || from == to) {
		return nil
	}
	return fmt.Errorf("it is MySQL %s, and the member would be %s: MySQL clones within one series only, and before 8.0.37 within one version. Adopt the server or its replica as the first member instead, and upgrade it there, as the guide on upgrading says", from, to)
}
