// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package mysqld

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/atollhq/terraform-provider-atoll/internal/provision/mysqlroot/machinetest"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// What mysqld 9.7 says of values that it takes as others, and of what is none of that.
//
//nolint:misspell // it is MySQL's
const adjusting = `2026-11-28T09:18:38.662436Z 0 [Warning] [MY-000081] [Server] option 'innodb-flush-log-at-trx-commit': unsigned value 7 adjusted to 2.
2026-11-28T09:18:38.696620Z 0 [Warning] [MY-000081] [Server] option 'wait_timeout': unsigned value 999999999999 adjusted to 31536000.
2026-11-28T09:18:39.056436Z 0 [Warning] [MY-000083] [Server] option 'long_query_time': value -3 adjusted to 0.5.
2026-11-28T09:18:39.000105Z 0 [Warning] [MY-000076] [Server] option 'innodb-print-all-deadlocks': boolean value 'may be' was not recognized. Set to OFF.
2026-11-28T09:18:39.488158Z 0 [Warning] [MY-010085] [Server] net_buffer_length (16384) is set to be larger than max_allowed_packet (4096). Please rectify.
2026-11-28T09:18:39.488158Z 0 [Warning] [MY-000081] [Server] option 'port': unsigned value 99999 adjusted to 65535.
`

func TestAdjusted(t *testing.T) {
	for _, row := range []struct {
		own  map[string]string
		want []string
	}{
		{map[string]string{"innodb_flush_log_at_trx_commit": "7", "wait-timeout": "999999999999", "loose_long_query_time": "-3", "innodb_print_all_deadlocks": "may be", "max_allowed_packet": "4096"}, []string{
			`settings["innodb_flush_log_at_trx_commit"] = "7": MySQL does not take that value and would use 2: give one that it takes, or take it out`,
			`settings["innodb_print_all_deadlocks"] = "may be": MySQL does not take that value and would use OFF: give one that it takes, or take it out`,
			`settings["loose_long_query_time"] = "-3": MySQL does not take that value and would use 0.5: give one that it takes, or take it out`,
			`settings["wait-timeout"] = "999999999999": MySQL does not take that value and would use 31536000: give one that it takes, or take it out`,
		}},
		{map[string]string{"net_buffer_length": "16384", "timeout": "7"}, nil},
		{nil, nil},
	} {
		got := ""
		if err := (Config{Own: row.own}).adjusted(adjusting); err != nil {
			got = err.Error()
		}
		if got != strings.Join(row.want, "\n") {
			t.Errorf("%v: %s", row.own, got)
		}
	}
}

// validator is a machine on which mysqld says something of every file.
type validator struct {
	*machinetest.Machine
	says string
}

func (v validator) Run(ctx context.Context, command remote.Command) (remote.Result, error) {
	result, err := v.Machine.Run(ctx, command)
	if command.Name == "validating the settings" {
		result.Stdout = []byte(v.says)
	}
	return result, err
}

// What mysqld says of the file that it is given is heard, also when it would start with it.
func TestValidateHearsWarnings(t *testing.T) {
	config := Config{Address: "10.0.0.2", Port: 3306, ServerID: 2, Own: map[string]string{"wait_timeout": "999999999999"}}
	for says, refused := range map[string]bool{adjusting: true, "": false} {
		if err := config.validate(t.Context(), validator{machinetest.New(t, secondary), says}); (err != nil) != refused {
			t.Errorf("%q: %v", says, err)
		}
	}
}

func TestConnectionsForThoseWhoNeedThem(t *testing.T) {
	for value, refused := range map[string]bool{
		"-5": true, "0": true, "1": true, "31": true, "32": false, "151": false, "'10'": true, "1K": false, "12x": false, "": false, "99999999999999999999": false,
	} {
		err := errors.Join(CheckSettings(map[string]string{"max-connections": value})...)
		if (err != nil) != refused || err != nil && (!strings.Contains(err.Error(), `settings["max-connections"] = "`+value+`"`) || !strings.Contains(err.Error(), "Give 32 or more")) {
			t.Errorf("%q: %v", value, err)
		}
	}
	for value, refused := range map[string]bool{"0": false, "10": true, "100": false} {
		if got := CheckSettings(map[string]string{"max_user_connections": value}); (len(got) > 0) != refused {
			t.Errorf("%q for each user: %v", value, got)
		}
	}
}

// What the server lets set is an error where it is not what the user has set.
func TestSetScript(t *testing.T) {
	for said, refused := range map[string]bool{
		"": false,
		"ERROR 1238 (HY000) at line 1: Variable 'x' is a read only variable":                                false,
		"ERROR 1231 (42000) at line 1: Variable 'sql_mode' can't be set to the value of 'x'":                true,
		"Warning (Code 1292): Truncated incorrect binlog_cache_size value: '5000'":                          true,
		"Warning (Code 1292): Truncated incorrect innodb_buffer_pool_size value: '1000000000'":              false,
		"Warning (Code 1292): Truncated incorrect host_cache_size value: '-1'":                              false, // which is nobody's
		"Warning (Code 1287): 'x' is deprecated and will be removed in a future release":                    false,
		"ERROR 1238 (HY000) at line 1: x\nWarning (Code 1292): Truncated incorrect wait_timeout value: '9'": true,
	} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "mysql"), []byte("#!/bin/sh\nprintf '"+strings.ReplaceAll(said, "'", `'\''`)+"\n'\n"), 0o755); err != nil {
			t.Fatal(err)
		}
		command := exec.Command("sh", "-c", setScript([]string{"SET GLOBAL x = 1"}, Config{Own: map[string]string{"wait_timeout": "9", "binlog-cache-size": "5000", poolName: "1000000000"}}.exact()))
		command.Env = append(os.Environ(), "PATH="+dir+":"+os.Getenv("PATH"))
		if output, err := command.CombinedOutput(); (err != nil) != refused {
			t.Errorf("%q: %v, %s", said, err, output)
		}
	}
}
