// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package converge

import (
	"fmt"
	"strconv"
)

// Action is a guarded script for what no other kind describes (make a key).
type Action struct {
	// Name is a short phrase for plan and log ("make the private key").
	Name string
	// Done is a script that exits 0 when there is nothing to do. It runs with
	// the observation and must change nothing. One that is ended by a signal has
	// not said that there is something to do.
	Done string
	// Run does it. It has to leave Done true, and be safe to run again after
	// it was killed half-way.
	Run string
	// Line is shown when Done is not true ("private key: missing").
	Line Line
	// Restart and Reload name units to restart or reload after Run.
	Restart, Reload []string
}

func (Action) kind() engine { return actionKind }

// actionKind finds whether there is nothing to do.
var actionKind = &kind[Action, bool]{
	name: "action", function: "action", shell: actionShell,
	arguments: func(a Action) []string { return []string{a.Done} },
	read:      readAction,
	compare:   compareAction,
}

const actionShell = `
action() { # index script
  (eval "$2") </dev/null >/dev/null 2>&1
  echo "$1 $?"
}
`

// signalled is added by the shell to the number of the signal that ended a command.
const signalled = 128

func readAction(a Action, words []string) (done bool, err error) {
	if len(words) != 1 {
		return false, errNotWhole
	}
	code, err := strconv.Atoi(words[0])
	switch {
	case err != nil || code < 0:
		return false, errNotWhole
	case code > signalled:
		return false, fmt.Errorf("whether there is nothing to do to %s was not found out: ended by signal %d", a.Name, code-signalled)
	}
	return code == 0, nil
}

func compareAction(d *differ, action Action, done bool) {
	if done {
		return
	}
	d.add(Step{Title: action.Name, Effect: Effect{EffectRun, action.Name}, Script: action.Run}, action.Line)
	d.trigger(action.Restart, action.Reload)
}
