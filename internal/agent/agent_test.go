// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package agent

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"strings"
	"testing"

	model "github.com/atollhq/terraform-provider-atoll/internal/model/agent"
)

// run gives the exit code and what was said on both streams.
func run(line ...string) (code int, out, problems string) {
	var output, errorOutput bytes.Buffer
	roles := []Role{
		{Name: "work", Summary: "do something", Aliases: []string{"other-name"}, Run: func(_ context.Context, args []string, streams Streams) error {
			if len(args) > 0 {
				return Flags("work", args, func(*flag.FlagSet) {})
			}
			_, err := streams.Out.Write([]byte("worked"))
			return err
		}},
		{Name: "fail", Summary: "fail", Run: func(context.Context, []string, Streams) error { return errors.New("no luck") }},
	}
	code = Main(context.Background(), roles, line, Streams{Out: &output, Err: &errorOutput})
	return code, output.String(), errorOutput.String()
}

func TestRoles(t *testing.T) {
	for name, test := range map[string]struct {
		line []string
		code int
		says string
	}{
		"a role":                   {[]string{"/x/atoll-agent", "work"}, ExitDone, "worked"},
		"a role by its other name": {[]string{"/x/other-name"}, ExitDone, "worked"},
		"a role that fails":        {[]string{"atoll-agent", "fail"}, ExitFailed, "atoll-agent: no luck"},
		"no role":                  {[]string{"atoll-agent"}, ExitUsage, "use one of fail, work, version, help"},
		"a role of the future":     {[]string{"atoll-agent", "teleport"}, ExitUsage, `no role "teleport": this agent has fail, work; this agent speaks protocol 1: if what started it is newer, terraform apply brings the agent up to date`},
		"a flag of the future":     {[]string{"atoll-agent", "work", "--faster"}, ExitUsage, "terraform apply brings the agent up to date"},
		"an argument":              {[]string{"atoll-agent", "version", "now"}, ExitUsage, `unexpected argument "now"`},
		"help":                     {[]string{"atoll-agent", "help"}, ExitDone, "do something"},
		"version for a person":     {[]string{"atoll-agent", "version"}, ExitDone, "protocols 1 to 1, roles fail, work"},
	} {
		t.Run(name, func(t *testing.T) {
			code, out, problems := run(test.line...)
			if code != test.code || !strings.Contains(out+problems, test.says) {
				t.Errorf("exit code %d, said %q and %q", code, out, problems)
			}
		})
	}
}

func TestVersionIsReadByTheProvider(t *testing.T) {
	code, out, problems := run("atoll-agent", "version", "--json")
	version, err := model.ParseVersion([]byte(out))
	if code != ExitDone || err != nil {
		t.Fatalf("exit code %d, %v, %s", code, err, problems)
	}
	if protocol, err := model.Agree(version); err != nil || protocol != model.Newest {
		t.Errorf("protocol %d, %v", protocol, err)
	}
	if len(version.Build) != 64 || strings.Join(version.Roles, " ") != "fail work" {
		t.Errorf("%+v", version)
	}
}
