// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package agent

import (
	"errors"
	"fmt"
	"path"
	"strings"
	"sync"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
	model "github.com/atollhq/terraform-provider-atoll/internal/model/agent"
)

// Program is where the agent lies in a home.
func Program(home string) string { return path.Join(home, "atoll-agent") }

// machines are what kernels call the architectures (uname -m).
var machines = map[string]string{"x86_64": "amd64", "aarch64": "arm64"}

// Items put the agent into a home, a directory of its owner's alone: so each
// owner brings it up to date when its own units can be restarted, and takes
// away none that another one needs. It is written once for a version, since its
// content is compared, and takes the place of the one before.
func Items(home string, restart ...string) ([]converge.Item, error) {
	carried, err := builds()
	if err != nil {
		return nil, err
	}
	return items(carried, home, restart), nil
}

// builds are made once a process.
var builds = sync.OnceValues(func() (map[string]converge.Build, error) {
	found := map[string]converge.Build{}
	for machine, architecture := range machines {
		packed, err := Packed(architecture)
		if err != nil {
			return nil, err
		}
		if found[machine], err = converge.NewBuild(packed); err != nil {
			return nil, fmt.Errorf("the agent for %s: %w", architecture, err)
		}
	}
	return found, nil
})

func items(carried map[string]converge.Build, home string, restart []string) []converge.Item {
	// Whoever runs it has to get there: the ways to it are open, whoever made them.
	ways := []converge.Item{converge.Directory{Path: home, Mode: 0o755}}
	for way := path.Dir(home); strings.HasPrefix(way, root); way = path.Dir(way) {
		ways = append([]converge.Item{converge.Directory{Path: way, Mode: 0o755}}, ways...)
	}
	return append(ways,
		converge.Program{Path: Program(home), Mode: 0o755, Builds: carried, Restart: restart},
		converge.Check[model.Version]{Question: Version(home), Differs: func(model.Version) []converge.Line { return nil }},
	)
}

// root is where all that is ours lies on a machine.
const root = "/var/lib/atoll"

// Version asks the agent in a home what it speaks. One that is too new for this
// provider is an error, so that an older provider does not put an older agent in
// its place. One that is missing, or does not run, has no version: the content
// of its file says what to do.
func Version(home string) converge.Question[model.Version] {
	program := "'" + strings.ReplaceAll(Program(home), "'", `'\''`) + "'"
	return converge.Question[model.Version]{
		Name: "the agent's version",
		// What is no agent may print or wait for anything.
		Script: "if [ -x " + program + " ]; then timeout 10 " + program + " version --json 2>/dev/null | head -c 4000; fi\n" +
			"echo; echo '" + converge.WholeMark + "'",
		Read: readVersion,
	}
}

func readVersion(output string) (model.Version, error) {
	text, err := converge.Whole(output)
	if err != nil {
		return model.Version{}, err
	}
	version, err := model.ParseVersion([]byte(strings.TrimSpace(text)))
	if err != nil {
		return model.Version{}, nil //nolint:nilerr // it does not run
	}
	var mismatch *model.MismatchError
	if _, err := model.Agree(version); errors.As(err, &mismatch) && mismatch.Age == model.Newer {
		return version, err
	}
	return version, nil
}
