// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package lab

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// fill allocates blocks to a file until the file system has none left, in ever
// smaller pieces.
func fill(path string) error {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return fmt.Errorf("filling the disk: %w", err)
	}
	defer func() { _ = file.Close() }()
	offset := int64(0)
	for piece := int64(1 << 30); piece >= 4096; {
		err := unix.Fallocate(int(file.Fd()), 0, offset, piece)
		switch {
		case err == nil:
			offset += piece
		case errors.Is(err, unix.ENOSPC):
			piece /= 2
		case errors.Is(err, unix.EINTR):
		default:
			return fmt.Errorf("filling the disk: %w", err)
		}
	}
	return nil
}
