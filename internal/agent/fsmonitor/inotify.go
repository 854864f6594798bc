// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package fsmonitor

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// event is one thing that the kernel tells about a watch.
type event struct {
	watch int
	mask  uint32
	name  string
	at    time.Time
}

// inotify is the kernel's queue of events.
type inotify struct {
	fd   int
	file *os.File
}

const (
	// watched is what is asked for a directory, or a file that a link leads to.
	watched = unix.IN_ATTRIB | unix.IN_MODIFY | unix.IN_CLOSE_WRITE | unix.IN_CREATE | unix.IN_DELETE | unix.IN_DELETE_SELF |
		unix.IN_MOVE_SELF | unix.IN_MOVED_FROM | unix.IN_MOVED_TO | unix.IN_EXCL_UNLINK
	// watchedAbove is what is asked for the directories that lead to a tree:
	// when one of them goes away, the path means something else.
	watchedAbove = unix.IN_DELETE_SELF | unix.IN_MOVE_SELF | unix.IN_MASK_ADD
)

func newInotify() (*inotify, error) {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if errors.Is(err, unix.EMFILE) {
		return nil, fmt.Errorf("unable to watch for changes: the limit of watchers for this user is reached (sysctl fs.inotify.max_user_instances, now %s), or the process has too many open files", limit("max_user_instances"))
	}
	if err != nil {
		return nil, fmt.Errorf("unable to watch for changes: %w", err)
	}
	return &inotify{fd: fd, file: os.NewFile(uintptr(fd), "inotify")}, nil
}

func (i *inotify) close() error { return i.file.Close() }

// add watches a path, or changes its watch, and gives the watch's number.
func (i *inotify) add(path string, mask uint32) (int, error) {
	watch, err := unix.InotifyAddWatch(i.fd, path, mask)
	if errors.Is(err, unix.ENOSPC) {
		return none, fmt.Errorf("unable to watch %q: the limit of watched directories is reached (sysctl fs.inotify.max_user_watches, now %s): %w", path, limit("max_user_watches"), err)
	}
	if err != nil {
		return none, fmt.Errorf("unable to watch %q: %w", path, err)
	}
	return watch, nil
}

// remove ends a watch. One whose directory is gone has ended already.
func (i *inotify) remove(watch int) {
	_, _ = unix.InotifyRmWatch(i.fd, uint32(watch))
}

// read waits for events.
func (i *inotify) read(buffer []byte) ([]event, error) {
	n, err := i.file.Read(buffer)
	if err != nil {
		return nil, err
	}
	now := time.Now()
	var events []event
	for rest := buffer[:n]; len(rest) >= unix.SizeofInotifyEvent; {
		length := int(binary.NativeEndian.Uint32(rest[12:]))
		end := unix.SizeofInotifyEvent + length
		if end > len(rest) {
			return nil, fmt.Errorf("unable to read an event of inotify: it is longer than what came")
		}
		events = append(events, event{
			watch: int(int32(binary.NativeEndian.Uint32(rest))),
			mask:  binary.NativeEndian.Uint32(rest[4:]),
			name:  strings.TrimRight(string(rest[unix.SizeofInotifyEvent:end]), "\x00"),
			at:    now,
		})
		rest = rest[end:]
	}
	return events, nil
}

func limit(name string) string {
	text, err := os.ReadFile("/proc/sys/fs/inotify/" + name)
	if err != nil {
		return "unknown"
	}
	return strings.TrimSpace(string(text))
}
