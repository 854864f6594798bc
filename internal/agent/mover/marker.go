// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package mover

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/atollhq/terraform-provider-atoll/internal/agent/tree"
)

// NotPreparedError is a tree that does not carry the tier's name.
type NotPreparedError struct{ Root, Tier, Found string }

func (e *NotPreparedError) Error() string {
	if e.Found != "" {
		return fmt.Sprintf("%[1]s belongs to the tier %[2]q, not to %[3]q: where that one was destroyed, days were on their way from one tree to the other, and it alone goes on with them: declare it again as %[2]q, with hot_days = 36500, until atoll_file_tier_status says that none is waiting", e.Root, e.Found, e.Tier)
	}
	return fmt.Sprintf("%s does not carry the name of the tier %q: if it is a mount point, mount it; nothing was touched", e.Root, e.Tier)
}

func openTree(root, name string) (whole, ours *tree.Dir, err error) {
	whole, err = tree.OpenRoot(root)
	if errors.Is(err, unix.ENOENT) {
		return nil, nil, fmt.Errorf("%w: it is not there", &NotPreparedError{Root: root, Tier: name})
	}
	if err != nil {
		return nil, nil, err
	}
	if _, err := whole.Stat(private); errors.Is(err, unix.ENOENT) {
		return whole, nil, &NotPreparedError{Root: root, Tier: name}
	}
	ours, err = whole.Private(private)
	if err != nil {
		return whole, nil, err
	}
	found, err := readMarker(ours)
	if err == nil && found != name {
		err = &NotPreparedError{Root: root, Tier: name, Found: found}
	}
	return whole, ours, err
}

func readMarker(ours *tree.Dir) (string, error) {
	file, err := ours.Open(marker)
	if errors.Is(err, unix.ENOENT) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	defer func() { _ = file.Close() }()
	text, err := io.ReadAll(io.LimitReader(file, 4096))
	return strings.TrimSpace(string(text)), err
}

// Prepare gives both trees the tier's name. It is done once, by a person or the
// provider: the mover itself never takes a tree that it does not know.
func Prepare(config Config) error {
	if err := config.check(); err != nil {
		return err
	}
	for _, root := range []string{config.Hot, config.Cold} {
		if err := prepare(root, config.Tier); err != nil {
			return err
		}
	}
	return nil
}

func prepare(root, name string) error {
	whole, err := tree.OpenRoot(root)
	if err != nil {
		return err
	}
	defer whole.Close()
	ours, err := whole.Private(private)
	if err != nil {
		return err
	}
	defer ours.Close()
	found, err := readMarker(ours)
	if err != nil || found == name {
		return err
	}
	if found != "" {
		return &NotPreparedError{Root: root, Tier: name, Found: found}
	}
	file, err := ours.Create(marker + newSuffix)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(file, name)
	err = errors.Join(err, file.Sync(), file.Close())
	if err != nil {
		return fmt.Errorf("unable to give %s the name of its tier: %w", root, err)
	}
	return errors.Join(ours.Replace(marker+newSuffix, ours, marker), ours.Sync(), whole.Sync())
}
