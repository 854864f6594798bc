// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package lab

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

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

// throttle bounds the writes a second to one device. It is the root group's of the
// kernel's first version of control groups: only there also what the file system
// itself writes for a host counts, such as its journal.
const throttle = "/sys/fs/cgroup/blkio/blkio.throttle.write_iops_device"

// slowDisk lets the host's disk do at most that many writes a second; 0 is no bound.
func (m *machine) slowDisk(writes int) error {
	if writes < 0 {
		return fmt.Errorf("slowing the disk of %s: %d writes a second are less than none", m.spec.Name, writes)
	}
	out, err := exec.Command("losetup", "--noheadings", "--output", "MAJ:MIN", "--associated", filepath.Join(m.paths.disk(m.spec.Name), "image")).Output()
	if err != nil {
		return fmt.Errorf("slowing the disk of %s: asking for its loop device: %w", m.spec.Name, err)
	}
	devices := strings.Fields(string(out))
	if len(devices) == 0 {
		return fmt.Errorf("slowing the disk of %s: it has no loop device", m.spec.Name)
	}
	file, err := os.OpenFile(throttle, os.O_WRONLY, 0)
	if err != nil {
		return fmt.Errorf("slowing the disk of %s needs the blkio controller of control groups v1: %w", m.spec.Name, err)
	}
	for _, device := range devices {
		_, written := fmt.Fprintf(file, "%s %d", device, writes)
		err = errors.Join(err, written)
	}
	return errors.Join(err, file.Close())
}
