// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package node

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
	"github.com/atollhq/terraform-provider-atoll/internal/remote/ahead"
)

// Watcher is the login name of somebody who may ask a machine what an apply has
// asked it last, and nothing else: no shell, no file, no change.
const Watcher = "atoll-watcher"

const (
	watcherHome    = "/var/lib/atoll-watcher"
	watcherSudoers = "/etc/sudoers.d/atoll-watcher"
)

// keyForm lets through no options before a key, which sshd would believe.
var keyForm = regexp.MustCompile(`\A(ssh|ecdsa|sk)-[a-z0-9@.-]+ [A-Za-z0-9+/=]+( .*)?\z`)

// watcher makes the user, whose home and keys belong to root. His keys are bound to
// the one program, which is also the one that sudo lets him run.
func (c Config) watcher() []converge.Item {
	if len(c.WatcherKeys) == 0 {
		return nil
	}
	var keys, rights strings.Builder
	keys.WriteString("# Kept by Atoll.\n")
	for _, key := range c.WatcherKeys {
		fmt.Fprintf(&keys, "restrict,command=\"sudo -n %s\" %s\n", ahead.Program, key)
	}
	fmt.Fprintf(&rights, "# Kept by Atoll: the one program, without arguments, answers what the last apply has asked.\n%s ALL=(root:root) NOPASSWD: %s \"\"\n", Watcher, ahead.Program)
	return []converge.Item{
		converge.Package{Name: "sudo"},
		converge.User{Name: Watcher, Home: watcherHome, Shell: "/bin/sh"},
		converge.Directory{Path: "/usr/local/lib/atoll", Mode: 0o755},
		converge.File{Path: ahead.Program, Mode: 0o755, Content: ahead.Answers()},
		converge.File{Path: watcherSudoers, Mode: 0o440, Content: []byte(rights.String())},
		converge.Directory{Path: watcherHome, Mode: 0o755},
		converge.Directory{Path: watcherHome + "/.ssh", Mode: 0o755},
		converge.File{Path: watcherHome + "/.ssh/authorized_keys", Mode: 0o644, Content: []byte(keys.String())},
	}
}

// watcherForms refuses what would mean more to sshd than it should.
func (c Config) watcherForms() error {
	var problems []error
	for _, key := range c.WatcherKeys {
		problems = append(problems, converge.OneLine("a public key of the watcher", key), converge.Formed("a public key of the watcher", key, keyForm))
	}
	return errors.Join(problems...)
}
