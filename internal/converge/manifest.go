// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

// Package converge brings one host to a declared state.
//
// A provisioning plugin hands over a Manifest. Observe asks the host about all
// of it in one request; Diff, a function without I/O, compares the two and
// answers with the drift in plain language and the Steps that mend it; Apply
// runs the steps in one stream. Plan time and apply time use the same Diff, so
// what the plan says is what apply does.
package converge

import "io/fs"

// Manifest is everything that one resource wants on one host. Order within a
// list is kept; between the lists the engine's order is: packages, groups and
// users, directories, sysctls, files, links, actions, units.
type Manifest struct {
	// Owner is the stable name of the resource that owns all of this on the
	// host ("mesh-peer/site"). The host keeps a record under it, so that a file
	// that is dropped from the manifest is removed and nothing else is.
	Owner       string
	Packages    []Package
	Users       []User
	Directories []Directory
	Sysctls     []Sysctl
	Files       []File
	Links       []Link
	Actions     []Action
	Units       []Unit
	// Questions are answered along with the observation, in the same round trip.
	Questions []Asked
	// Probes are questions without a type: the database's, which are on their
	// way to be Questions.
	Probes []Probe
}

// Package is a distribution package that has to be installed. Its services are
// not started by the installation: a Unit says when. A package is never
// removed: another resource, or the user, may need it.
type Package struct {
	// Name in the host's own distribution.
	Name string
	// Refuse names packages that must not be installed beside it, with the
	// reason shown to the user ("mariadb-server" → "MariaDB has no Group Replication").
	Refuse map[string]string
}

// User is a system account, made with a group of the same name.
type User struct {
	Name string
	// Groups are additional groups.
	Groups []string
	Home   string
	Shell  string
}

// Directory is a directory with owner and mode. It is never deleted with
// content in it.
type Directory struct {
	Path         string
	Owner, Group string // default root
	Mode         fs.FileMode
}

// File is a regular file, written to a temporary name and renamed, and only
// when it differs.
type File struct {
	Path         string
	Owner, Group string // default root
	Mode         fs.FileMode
	Content      []byte
	// Sensitive content appears in no log, drift line or error.
	Sensitive bool
	// Restart and Reload name units that are restarted or reloaded when the
	// file was changed.
	Restart, Reload []string
}

// Link is a symbolic link.
type Link struct {
	Path, Target    string
	Restart, Reload []string
}

// Sysctl is a kernel setting, kept in one file a resource under /etc/sysctl.d
// and set at run time. A key that the machine does not let us write at run
// time is reported as drift only if its value differs.
type Sysctl struct {
	Key, Value string
}

// Action is a guarded script for what no other kind describes (make a key).
type Action struct {
	// Name is a short phrase for plan and log ("make the private key").
	Name string
	// Done is a script that exits 0 when there is nothing to do. It runs with
	// the observation and must change nothing.
	Done string
	// Run does it. It has to leave Done true, and be safe to run again after
	// it was killed half-way.
	Run string
	// Line is shown when Done is not true ("private key: missing").
	Line Line
	// Restart and Reload name units to restart or reload after Run.
	Restart, Reload []string
}

// Unit is a systemd unit and the state that it should have.
type Unit struct {
	Name string
	// Enabled and Active are what is wanted; a nil pointer leaves that side alone.
	Enabled, Active *bool
}

// Probe is a read-only script; its output comes back in Observation.Probes.
type Probe struct {
	Name   string
	Script string
}
