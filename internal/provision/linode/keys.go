// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package linode

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// authorizedKeys is the file that Linode writes at provisioning, and that we
// keep afterwards: no machine is replaced for a key.
const authorizedKeys = "/root/.ssh/authorized_keys"

// ReadKeys reads who may log in as root, one line a key, without comments and
// empty lines.
func ReadKeys(ctx context.Context, host remote.Host) ([]string, error) {
	result, err := host.Run(ctx, remote.Command{Name: "reading authorized_keys", Reads: true, Script: "cat " + authorizedKeys + " 2>/dev/null || :"})
	if err != nil {
		return nil, err
	}
	return keyLines(string(result.Stdout)), nil
}

func keyLines(text string) []string {
	var keys []string
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			keys = append(keys, line)
		}
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}

// writeKeysScript writes the file from standard input and keeps the former one.
const writeKeysScript = `set -e
umask 077
mkdir -p /root/.ssh
[ ! -e ` + authorizedKeys + ` ] || cp -p ` + authorizedKeys + ` ` + authorizedKeys + `.atoll-former
cat >` + authorizedKeys + `.atoll-new
sync ` + authorizedKeys + `.atoll-new
mv -f ` + authorizedKeys + `.atoll-new ` + authorizedKeys

const restoreKeysScript = `mv -f ` + authorizedKeys + `.atoll-former ` + authorizedKeys

// WriteKeys makes exactly these keys the ones that may log in as root. It is
// proved over a fresh connection: where we would have locked ourselves out, the
// former file comes back.
func WriteKeys(ctx context.Context, host remote.Host, keys []string) error {
	present, err := ReadKeys(ctx, host)
	if err != nil || slices.Equal(present, keyLines(strings.Join(keys, "\n"))) {
		return err
	}
	content := strings.Join(keyLines(strings.Join(keys, "\n")), "\n") + "\n"
	if _, err := host.Run(ctx, remote.Command{Name: "writing authorized_keys", Script: writeKeysScript, Stdin: strings.NewReader(content)}); err != nil {
		return err
	}
	if err := host.Prove(ctx); err != nil {
		_, restoreErr := host.Run(ctx, remote.Command{Name: "restoring authorized_keys", Script: restoreKeysScript})
		return errors.Join(fmt.Errorf("with these authorized_keys nobody can log in as Atoll does, so the former ones are back: %w", err), restoreErr)
	}
	_, err = host.Run(ctx, remote.Command{Name: "keeping authorized_keys", Script: "rm -f " + authorizedKeys + ".atoll-former"})
	return err
}
