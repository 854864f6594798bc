// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package tree

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

// ErrOpenForWriting means that somebody has a file open for writing.
var ErrOpenForWriting = errors.New("it is open for writing")

// idle asks whether nobody has an open file open for writing: only then the
// kernel grants a lease. Where there are no leases (another user's file, some
// file systems), only the times tell. The lease is given back at once, since it
// holds up whoever wants to write.
func idle(file *os.File) error {
	if err := hold(file); err != nil {
		return err
	}
	_, _ = unix.FcntlInt(file.Fd(), unix.F_SETLEASE, unix.F_UNLCK)
	return nil
}

// hold keeps writers waiting until the file is closed.
func hold(file *os.File) error {
	_, err := retry(func() (int, error) { return unix.FcntlInt(file.Fd(), unix.F_SETLEASE, unix.F_RDLCK) })
	if errors.Is(err, unix.EAGAIN) {
		return fmt.Errorf("%q: %w", file.Name(), ErrOpenForWriting)
	}
	return nil
}

var buffers = sync.Pool{New: func() any { buffer := make([]byte, 256<<10); return &buffer }}

// hashFile reads a whole file. fresh has it read from the disk, not from memory.
func hashFile(file *os.File, size int64, fresh bool) (string, error) {
	if fresh {
		if err := unix.Fadvise(int(file.Fd()), 0, 0, unix.FADV_DONTNEED); err != nil {
			return "", fmt.Errorf("unable to read %q from the disk: %w", file.Name(), err)
		}
	}
	sum := sha256.New()
	if err := segments(file, size, sum, nil); err != nil {
		return "", err
	}
	return text(sum.Sum(nil)), nil
}

// copyContent copies a file with its holes, and gives the hash of the content.
func copyContent(from, to *os.File, size int64) (string, error) {
	sum := sha256.New()
	err := segments(from, size, sum, func(part []byte, offset int64) error {
		if _, err := to.WriteAt(part, offset); err != nil {
			return fmt.Errorf("unable to write %q: %w", to.Name(), err)
		}
		return nil
	})
	if err != nil {
		return "", err
	}
	if err := to.Truncate(size); err != nil {
		return "", fmt.Errorf("unable to write %q: %w", to.Name(), err)
	}
	return text(sum.Sum(nil)), nil
}

// segments reads a file up to its size, jumping over holes, which count as
// zeros in the hash and are not handed on.
func segments(file *os.File, size int64, sum hash.Hash, hand func([]byte, int64) error) error {
	buffer := buffers.Get().(*[]byte)
	defer buffers.Put(buffer)
	for offset := int64(0); offset < size; {
		data, err := unix.Seek(int(file.Fd()), offset, unix.SEEK_DATA)
		if errors.Is(err, unix.ENXIO) {
			data, err = size, nil
		}
		if errors.Is(err, unix.EINVAL) {
			data, err = offset, nil
		}
		if err != nil {
			return fmt.Errorf("unable to read %q: %w", file.Name(), err)
		}
		data = min(data, size)
		zeros(sum, data-offset)
		end, err := unix.Seek(int(file.Fd()), data, unix.SEEK_HOLE)
		if err != nil {
			end = size
		}
		end = min(end, size)
		if offset, err = segment(file, data, end, *buffer, sum, hand); err != nil {
			return err
		}
	}
	return nil
}

func segment(file *os.File, offset, end int64, buffer []byte, sum hash.Hash, hand func([]byte, int64) error) (int64, error) {
	for offset < end {
		n, err := file.ReadAt(buffer[:min(int64(len(buffer)), end-offset)], offset)
		if n == 0 && errors.Is(err, io.EOF) {
			return 0, fmt.Errorf("%q became shorter: %w", file.Name(), ErrMoving)
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return 0, fmt.Errorf("unable to read %q: %w", file.Name(), err)
		}
		_, _ = sum.Write(buffer[:n])
		if hand != nil {
			if err := hand(buffer[:n], offset); err != nil {
				return 0, err
			}
		}
		offset += int64(n)
	}
	return offset, nil
}

var nothing [64 << 10]byte

func zeros(sum hash.Hash, count int64) {
	for count > 0 {
		n := min(count, int64(len(nothing)))
		_, _ = sum.Write(nothing[:n])
		count -= n
	}
}
