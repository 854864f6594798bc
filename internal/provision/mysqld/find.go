// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package mysqld

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// ErrNoServer says that the machine answered, and no server of Atoll's is on it.
var ErrNoServer = errors.New("there is no MySQL server of Atoll's on the machine")

// Find reads the declaration of a server back from its machine, for import.
func Find(ctx context.Context, host remote.Host) (Config, error) {
	result, err := host.Run(ctx, remote.Command{
		Name: "reading the server's settings", Reads: true,
		Script: fmt.Sprintf("cat %s 2>/dev/null\nsed -n 's/^After=/after /p' /etc/systemd/system/mysql.service.d/atoll.conf 2>/dev/null\n[ -e /etc/systemd/system/%s ] || echo unguarded\n:",
			settingsFile, GuardianUnit),
	})
	if err != nil {
		return Config{}, err
	}
	config, err := parseFile(string(result.Stdout))
	if err != nil {
		return config, fmt.Errorf("%w: %w; declare it, and apply adopts a server that stands there", ErrNoServer, err)
	}
	facts, err := config.AskFacts(ctx, host)
	config.Version, config.MemoryBytes = facts.Installed, facts.MemoryBytes
	config.dropDefaults()
	return config, err
}

var settingLine = regexp.MustCompile(`^(\w+) = (.*)$`)

// parseFile is the other direction of Config.file.
func parseFile(text string) (Config, error) {
	config := Config{Own: map[string]string{}}
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		if unit, found := strings.CutPrefix(line, "after "); found {
			config.After = unit
		}
		if line == "unguarded" {
			config.Unguarded = true
		}
		parts := settingLine.FindStringSubmatch(line)
		if parts == nil {
			continue
		}
		switch name, value := normalName(parts[1]), parseFileValue(parts[2]); name {
		case "bind_address":
			config.Address = value
		case "port":
			config.Port, _ = strconv.Atoi(value)
		case generatedKeys:
			config.GeneratesKeys = value
		case "server_id":
			config.ServerID, _ = strconv.ParseInt(value, 10, 64)
		default:
			config.Own[name] = value
		}
	}
	if config.Address == "" || config.Port == 0 || config.ServerID == 0 {
		return config, fmt.Errorf("%s is missing or does not give address, port and server_id", settingsFile)
	}
	return config, nil
}

// dropDefaults leaves only what the user must have declared.
func (c *Config) dropDefaults() {
	bare := *c
	bare.Own = nil
	for _, setting := range bare.Settings() {
		if c.Own[normalName(setting.Name)] == setting.Value {
			delete(c.Own, normalName(setting.Name))
		}
	}
}
