// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package tree

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"sync"

	"golang.org/x/sys/unix"
)

// ErrOpenForWriting means that somebody has a file open for writing.
var ErrOpenForWriting = errors.New("it is open for writing")

// idle asks whether nobody has an open file open for writing: only then the
// kernel grants a lease. Where there are no leases (another user's file, some
// file systems), only the times tell. The lease is given back at once, since it
// holds up whoever wants to write.
func (f *file) idle() error {
	if err := f.hold(); err != nil {
		return err
	}
	_, _ = unix.FcntlInt(uintptr(f.fd), unix.F_SETLEASE, unix.F_UNLCK)
	return nil
}

// hold keeps writers waiting until the file is closed.
func (f *file) hold() error {
	_, err := retry(func() (int, error) { return unix.FcntlInt(uintptr(f.fd), unix.F_SETLEASE, unix.F_RDLCK) })
	if errors.Is(err, unix.EAGAIN) {
		return fmt.Errorf("%q: %w", f, ErrOpenForWriting)
	}
	return nil
}

var buffers = sync.Pool{New: func() any { buffer := make([]byte, 256<<10); return &buffer }}

// hash reads a whole file. fresh has it read from the disk, not from memory.
func (f *file) hash(stat unix.Stat_t, fresh bool) (string, error) {
	if fresh {
		if err := unix.Fadvise(f.fd, 0, 0, unix.FADV_DONTNEED); err != nil {
			return "", fmt.Errorf("unable to read %q from the disk: %w", f, err)
		}
	}
	sum := sha256.New()
	if err := f.segments(stat, sum, nil); err != nil {
		return "", err
	}
	return text(sum.Sum(nil)), nil
}

// copyInto copies a file with its holes, and gives the hash of the content.
func (f *file) copyInto(to *file, stat unix.Stat_t) (string, error) {
	sum, written := sha256.New(), int64(0)
	err := f.segments(stat, sum, func(part []byte, offset int64) error {
		written = offset + int64(len(part))
		return to.writeAt(part, offset)
	})
	if err != nil {
		return "", err
	}
	if written != stat.Size {
		if err := unix.Ftruncate(to.fd, stat.Size); err != nil {
			return "", fmt.Errorf("unable to write %q: %w", to, err)
		}
	}
	return text(sum.Sum(nil)), nil
}

// segments reads a file up to the size that it had, jumping over holes, which
// count as zeros in the hash and are not handed on.
func (f *file) segments(stat unix.Stat_t, sum hash.Hash, hand func([]byte, int64) error) error {
	buffer := buffers.Get().(*[]byte)
	defer buffers.Put(buffer)
	if stat.Blocks*512 >= stat.Size {
		_, err := f.segment(0, stat.Size, *buffer, sum, hand)
		return err
	}
	for offset := int64(0); offset < stat.Size; {
		data, err := unix.Seek(f.fd, offset, unix.SEEK_DATA)
		if errors.Is(err, unix.ENXIO) {
			data, err = stat.Size, nil
		}
		if errors.Is(err, unix.EINVAL) {
			data, err = offset, nil
		}
		if err != nil {
			return fmt.Errorf("unable to read %q: %w", f, err)
		}
		data = min(data, stat.Size)
		zeros(sum, data-offset)
		end, err := unix.Seek(f.fd, data, unix.SEEK_HOLE)
		if err != nil {
			end = stat.Size
		}
		if offset, err = f.segment(data, min(end, stat.Size), *buffer, sum, hand); err != nil {
			return err
		}
	}
	return nil
}

func (f *file) segment(offset, end int64, buffer []byte, sum hash.Hash, hand func([]byte, int64) error) (int64, error) {
	for offset < end {
		n, err := f.readAt(buffer[:min(int64(len(buffer)), end-offset)], offset)
		if err == nil && n == 0 {
			err = fmt.Errorf("%q became shorter: %w", f, ErrMoving)
		}
		if err != nil {
			return 0, err
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
