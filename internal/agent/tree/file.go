// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package tree

import (
	"errors"
	"fmt"
	"io"

	"golang.org/x/sys/unix"
)

// file is an open regular file. It is less than an os.File, which asks the
// kernel more about each file than there is to know of a small one.
type file struct {
	fd   int
	dir  *Dir
	name string
}

// openFile opens a regular file for reading, and gives its look.
func (d *Dir) openFile(name string) (*file, unix.Stat_t, error) {
	var stat unix.Stat_t
	flags := unix.O_RDONLY | unix.O_NOFOLLOW | unix.O_NONBLOCK | unix.O_NOCTTY | unix.O_CLOEXEC
	fd, err := retry(func() (int, error) { return unix.Openat(d.fd, name, flags, 0) })
	if errors.Is(err, unix.ELOOP) || errors.Is(err, unix.ENXIO) {
		return nil, stat, fmt.Errorf("%q is no file any longer: %w", d.at(name), ErrMoving)
	}
	if err != nil {
		return nil, stat, fmt.Errorf("unable to open %q: %w", d.at(name), err)
	}
	f := &file{fd, d, name}
	stat, err = f.stat()
	if err == nil && stat.Mode&unix.S_IFMT != unix.S_IFREG {
		err = fmt.Errorf("%q is no file any longer: %w", f, ErrMoving)
	}
	if err != nil {
		f.close()
		return nil, stat, err
	}
	return f, stat, nil
}

// createFile makes a file that was not there.
func (d *Dir) createFile(name string) (*file, error) {
	fd, err := retry(func() (int, error) {
		return unix.Openat(d.fd, name, unix.O_RDWR|unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o600)
	})
	if err != nil {
		return nil, fmt.Errorf("unable to make %q: %w", d.at(name), err)
	}
	return &file{fd, d, name}, nil
}

func (f *file) String() string { return f.dir.at(f.name) }

func (f *file) close() { _ = unix.Close(f.fd) }

func (f *file) stat() (unix.Stat_t, error) {
	var stat unix.Stat_t
	if err := unix.Fstat(f.fd, &stat); err != nil {
		return stat, fmt.Errorf("unable to look at %q: %w", f, err)
	}
	return stat, nil
}

func (f *file) readAt(buffer []byte, offset int64) (int, error) {
	n, err := retry(func() (int, error) { return unix.Pread(f.fd, buffer, offset) })
	if err != nil {
		return 0, fmt.Errorf("unable to read %q: %w", f, err)
	}
	return n, nil
}

func (f *file) writeAt(text []byte, offset int64) error {
	for len(text) > 0 {
		n, err := retry(func() (int, error) { return unix.Pwrite(f.fd, text, offset) })
		if err == nil && n == 0 {
			err = io.ErrShortWrite
		}
		if err != nil {
			return fmt.Errorf("unable to write %q: %w", f, err)
		}
		text, offset = text[n:], offset+int64(n)
	}
	return nil
}

func (f *file) sync() error {
	if err := unix.Fsync(f.fd); err != nil {
		return fmt.Errorf("unable to write %q to disk: %w", f, err)
	}
	return nil
}
