// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package mysqld

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/atollhq/terraform-provider-atoll/internal/model/group"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// validate lets mysqld itself read the file before it is put in place: a name
// or value that it does not take would keep it from starting, and one that it takes
// as another would differ for ever.
func (c Config) validate(ctx context.Context, host remote.Host) error {
	result, err := host.Run(ctx, remote.Command{
		Name: "validating the settings", Stdin: bytes.NewReader(c.file()), Long: true,
		Script: `f=/etc/mysql/.atoll-validate.cnf
trap 'rm -f $f' EXIT
cat >$f
said=$(mysqld --defaults-file=$f --validate-config --user=mysql --log-error-verbosity=2 2>&1) || { printf '%s\n' "$said" | grep -Ev '\[(System|Warning)\]' >&2; exit 1; }
printf '%s\n' "$said"`,
	})
	if err != nil {
		return c.blame(err)
	}
	return c.adjusted(string(result.Stdout))
}

// adjustment is how mysqld says at its start that it takes a value as another
// (my_getopt.cc): a number that is out of its range, or a switch that is neither on nor
// off.
var adjustment = regexp.MustCompile(`(?m)option '([^']+)': .*(?:adjusted to|was not \S+ Set to) (\S+?)\.?$`)

// adjusted refuses the settings of the user's that mysqld takes as other values.
func (c Config) adjusted(said string) error {
	instead := map[string]string{}
	for _, found := range adjustment.FindAllStringSubmatch(said, -1) {
		instead[normalName(found[1])] = found[2]
	}
	var problems []error
	for _, name := range slices.Sorted(maps.Keys(c.Own)) {
		if value, is := instead[normalName(name)]; is {
			problems = append(problems, fmt.Errorf("settings[%q] = %q: MySQL does not take that value and would use %s: give one that it takes, or take it out", name, c.Own[name], value))
		}
	}
	return errors.Join(problems...)
}

// blame names the settings that the user wrote and of which mysqld speaks: it knows none by
// the attribute's name.
func (c Config) blame(err error) error {
	if err == nil {
		return nil
	}
	said := err.Error()
	for _, name := range slices.Sorted(maps.Keys(c.Own)) {
		for _, spelling := range []string{normalName(name), strings.ReplaceAll(normalName(name), "_", "-")} {
			if regexp.MustCompile(`(^|--|[^\w-])` + regexp.QuoteMeta(spelling) + `($|[^\w-])`).MatchString(said) {
				err = fmt.Errorf("settings[%q] = %q: correct it, or take it out: %w", name, c.Own[name], err)
				break
			}
		}
	}
	return err
}

// checkConnections refuses a limit below group.LeastConnections. What is no number is mysqld's
// to refuse.
func checkConnections(name, value string) error {
	limits := normalName(name)
	if limits != "max_connections" && limits != "max_user_connections" {
		return nil
	}
	bare, negative := strings.CutPrefix(strings.Trim(strings.TrimSpace(value), `"'`), "-")
	size, is := parseBytes(bare)
	unlimited := size == 0 && limits == "max_user_connections"
	if !is || !negative && (unlimited || size >= group.LeastConnections) {
		return nil
	}
	return fmt.Errorf("settings[%q] = %q leaves too few connections: the other members, guardians, MySQL Router and Atoll itself connect as applications do, and a server that shuts them out cannot be changed any more. Give %d or more, or take it out", name, value, group.LeastConnections)
}
