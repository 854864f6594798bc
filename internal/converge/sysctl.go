// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package converge

import (
	"cmp"
	"fmt"
	"regexp"
	"strings"
)

// SysctlForm is that of a kernel setting's name: words between dots or slashes.
var SysctlForm = regexp.MustCompile(`\A[a-z0-9_]+([./][A-Za-z0-9_-]+)+\z`)

// Sysctl is a kernel setting, kept in one file a resource under /etc/sysctl.d
// and set at run time. A key that the machine does not let us write at run
// time is reported as drift only if its value differs.
type Sysctl struct {
	Key, Value string
}

func (Sysctl) kind() engine { return sysctlKind }

// sysctlKind finds the value as the kernel has it, "" for a key it does not know.
var sysctlKind = &kind[Sysctl, string]{
	name: "sysctl", function: "sysctl", shell: sysctlShell,
	arguments: func(s Sysctl) []string { return []string{s.path()} },
	read:      readSysctl,
	compare:   compareSysctl,
	brings:    sysctlFile,
}

const sysctlShell = `
sysctl() { # index path
  if [ -e "$2" ]; then
    if value=$(cat -- "$2" 2>&1); then echo "$1 is $(text "$value")"; else fail "$1" "$value"; fi
  else missing "$1" "$2"; fi
}
`

func (s Sysctl) path() string { return "/proc/sys/" + strings.ReplaceAll(s.Key, ".", "/") }

func readSysctl(_ Sysctl, words []string) (string, error) {
	switch {
	case len(words) == 1 && words[0] == "missing":
		return "", nil
	case len(words) == 2 && words[0] == "is":
		return decodeText(words[1])
	}
	return "", errNotWhole
}

func compareSysctl(d *differ, wanted Sysctl, is string) {
	// The kernel parts numbers by tabs.
	if is = oneSpace(is); is != oneSpace(wanted.Value) {
		d.add(Step{
			Title: "set " + wanted.Key, Effect: Effect{EffectSet, wanted.Key},
			Script: fmt.Sprintf("printf '%%s\\n' %s >%s", quote(wanted.Value), quote(wanted.path())),
		}, line("sysctl", wanted.Key, CodeValue, "is %s, want %s", cmp.Or(is, "not known to this kernel"), wanted.Value))
	}
}

func oneSpace(text string) string { return strings.Join(strings.Fields(text), " ") }

// sysctlFile sets all of an owner's at boot.
func sysctlFile(owner string, all []Sysctl) []Item {
	if len(all) == 0 {
		return nil
	}
	var content strings.Builder
	for _, one := range all {
		fmt.Fprintf(&content, "%s = %s\n", one.Key, oneSpace(one.Value))
	}
	path := "/etc/sysctl.d/60-atoll-" + strings.NewReplacer("/", "-", " ", "-").Replace(owner) + ".conf"
	return []Item{File{Path: path, Mode: 0o644, Content: []byte(content.String())}}
}
