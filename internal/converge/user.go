// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package converge

import (
	"cmp"
	"fmt"
	"strings"
)

// User is a system account, made with a group of the same name. It is never
// removed: files may be its own.
type User struct {
	Name string
	// Groups are additional groups.
	Groups []string
	// Home and Shell default to none and nologin.
	Home, Shell string
}

type userState struct {
	exists bool
	groups []string
}

func (User) kind() engine { return userKind }

var userKind = &kind[User, userState]{
	name: "user", function: "user", shell: userShell,
	arguments: func(u User) []string { return []string{u.Name} },
	read:      readUser,
	compare:   compareUser,
}

// userShell: getent ends with 2 for an account that is not known, and with
// something else when it could not ask.
const userShell = `
user() { # index name
  getent passwd -- "$2" >/dev/null 2>&1
  case $? in
  0) if groups=$(id -Gn -- "$2" 2>&1); then echo "$1 is $(text "$groups")"; else fail "$1" "$groups"; fi ;;
  2) echo "$1 missing" ;;
  *) fail "$1" "getent cannot look for user $2" ;;
  esac
}
`

func readUser(_ User, words []string) (userState, error) {
	switch {
	case len(words) == 1 && words[0] == "missing":
		return userState{}, nil
	case len(words) == 2 && words[0] == "is":
		groups, err := decodeText(words[1])
		return userState{exists: true, groups: strings.Fields(groups)}, err
	}
	return userState{}, errNotWhole
}

func compareUser(d *differ, u User, state userState) {
	lacking := without(u.Groups, state.groups)
	switch {
	case !state.exists:
		d.add(userStep(u), line("user", u.Name, CodeMissing, "missing"))
	case len(lacking) > 0:
		d.add(userStep(u), line("user", u.Name, CodeNotInGroup, "not in group %s", strings.Join(lacking, ", ")))
	}
}

func userStep(u User) Step {
	script := fmt.Sprintf("id -u %[1]s >/dev/null 2>&1 || useradd --system --user-group --no-create-home --home-dir %[2]s --shell %[3]s %[1]s\n",
		quote(u.Name), quote(cmp.Or(u.Home, "/nonexistent")), quote(cmp.Or(u.Shell, "/usr/sbin/nologin")))
	for _, group := range u.Groups {
		script += fmt.Sprintf("usermod -a -G %s %s\n", quote(group), quote(u.Name))
	}
	return Step{Title: "make user " + u.Name, Effect: Effect{EffectAccount, u.Name}, Script: script}
}
