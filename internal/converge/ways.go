// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package converge

// waysShell is the shell function by which each step that writes makes sure that
// nobody but root can change the way to what it writes: in a directory of
// another user's, that user puts a link to any file of the machine in its place.
// In a directory that all may write to and where only owners remove (/tmp), what
// is root's and there already is safe.
const waysShell = `ours() { # path
  at=/ rest=${1#/}
  while [ -n "$rest" ]; do
    name=${rest%%/*}
    case $rest in */*) rest=${rest#*/} ;; *) rest= ;; esac
    set -- $(stat -c '%u %g %a' -- "$at") || return 1
    child=${at%/}/$name
    open=
    case $3 in *[2367]) open=yes ;; *[2367]?) [ "$2" = 0 ] || open=yes ;; esac
    if [ -n "$open" ]; then
      case $3 in [1357]???) [ "$(stat -c %u -- "$child" 2>/dev/null)" != 0 ] || open= ;; esac
    fi
    if [ "$1" != 0 ] || [ -n "$open" ]; then
      echo "$at belongs to user $(stat -c %U -- "$at") with mode $3: who may change it could lead a write of root's elsewhere. Give it to root, with mode 0755" >&2
      return 1
    fi
    if [ -L "$child" ] && [ -n "$rest" ]; then
      ours "$(readlink -f -- "$child")/$rest" || return 1
      return 0
    fi
    [ -e "$child" ] || [ -L "$child" ] || return 0
    at=$child
  done
}
`

// guarded puts the question for the way before a script that writes to path.
func guarded(path, script string) string { return "ours " + quote(path) + "\n" + script }
