// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package unison

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/atollhq/terraform-provider-atoll/internal/model/tier"
)

// lockFile is held as long as a unison of the pair runs on this node, whoever
// started it; its text is the process.
const lockFile = "held"

// takeOver makes this process the only one that works on the pair here. One that
// is left of a connection that broke unseen would wait for ever: it is ended.
func takeOver(ctx context.Context, pair tier.Pair) (*os.File, error) {
	file, err := os.OpenFile(filepath.Join(pair.State, lockFile), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	var left leftover
	for attempt := 0; ; attempt++ {
		err := unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if err == nil {
			return file, hold(file)
		}
		if !errors.Is(err, unix.EWOULDBLOCK) {
			return nil, errors.Join(fmt.Errorf("unable to lock the pair: %w", err), file.Close())
		}
		signal := unix.SIGTERM
		if attempt > 10 {
			signal = unix.SIGKILL
		}
		if process := holder(file); left.stays(process) {
			end(process, file, signal)
		}
		select {
		case <-ctx.Done():
			return nil, errors.Join(ctx.Err(), file.Close())
		case <-time.After(300 * time.Millisecond):
		}
	}
}

// leftover is who holds the pair, as it was read the last time.
type leftover struct{ process int }

// stays says whether the same process was read twice. Between the lock and the
// number that is written under it, the file has the number of the one before.
func (l *leftover) stays(process int) bool {
	before := l.process
	l.process = process
	return process > 1 && process != os.Getpid() && process == before
}

// end signals a process that has the pair's lock open, and no other: the number in
// the file may be another process' by now.
func end(process int, lock *os.File, signal os.Signal) {
	// It stands for this process from here on, even when its number is given anew.
	found, err := os.FindProcess(process)
	if err != nil {
		return
	}
	defer func() { _ = found.Release() }()
	if has(process, lock) {
		_ = found.Signal(signal)
	}
}

// has says whether a process has a file open.
func has(process int, file *os.File) bool {
	want, err := file.Stat()
	if err != nil {
		return false
	}
	directory := filepath.Join("/proc", strconv.Itoa(process), "fd")
	open, err := os.ReadDir(directory)
	if err != nil {
		return false
	}
	for _, one := range open {
		if found, err := os.Stat(filepath.Join(directory, one.Name())); err == nil && os.SameFile(found, want) {
			return true
		}
	}
	return false
}

func hold(file *os.File) error {
	text := strconv.Itoa(os.Getpid()) + "\n"
	_, err := file.WriteAt([]byte(text), 0)
	return errors.Join(err, file.Truncate(int64(len(text))))
}

func holder(file *os.File) int {
	text := make([]byte, 16)
	n, _ := file.ReadAt(text, 0)
	process, err := strconv.Atoi(strings.TrimSpace(string(text[:n])))
	if err != nil {
		return 0
	}
	return process
}

// tidy removes what a unison that was killed left in the way of the next. It may
// be called only by who holds the pair: then nobody uses a lock that is there.
func tidy(pair tier.Pair) error {
	locks, err := filepath.Glob(filepath.Join(pair.State, "lk*"))
	for _, lock := range locks {
		if removed := os.Remove(lock); !errors.Is(removed, fs.ErrNotExist) {
			err = errors.Join(err, removed)
		}
	}
	return errors.Join(err, putBack(pair))
}

// notice is what unison leaves when it ends between two renames: of what was
// there to a temporary name, and of what comes into its place (files.ml,
// writeCommitLog). It refuses to start while the notice is there.
const notice = "DANGER.README"

// putBack ends such a replacement the safe way: what was there is put back where
// nothing has come into its place. What was to come is carried again.
func putBack(pair tier.Pair) error {
	file := filepath.Join(pair.State, notice)
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	target, via := replaced(text)
	if within(pair.Hot, target) && within(pair.Hot, via) {
		// NOREPLACE: what is at the target now is newer than what was there.
		err := unix.Renameat2(unix.AT_FDCWD, via, unix.AT_FDCWD, target, unix.RENAME_NOREPLACE)
		if err != nil && !errors.Is(err, unix.EEXIST) && !errors.Is(err, unix.ENOENT) {
			return fmt.Errorf("unable to put %q back to %q, where unison was killed while it replaced it: %w", via, target, err)
		}
	}
	return os.Remove(file)
}

// within keeps what the notice says inside of the tree.
func within(root, path string) bool {
	return strings.HasPrefix(path, root+"/") && filepath.Clean(path) == path
}

// replaced reads the notice: what was replaced, and where it was put meanwhile.
func replaced(text []byte) (target, via string) {
	var paths []string
	for line := range bytes.Lines(text) {
		if path, indented := bytes.CutPrefix(bytes.TrimRight(line, "\n"), []byte("   ")); indented {
			paths = append(paths, unescape(string(path)))
		}
	}
	if len(paths) < 3 {
		return "", ""
	}
	return paths[1], paths[2]
}

// unescape reverses OCaml's String.escaped.
func unescape(text string) string {
	if !strings.Contains(text, `\`) {
		return text
	}
	var plain strings.Builder
	for i := 0; i < len(text); i++ {
		if text[i] != '\\' || i+1 == len(text) {
			plain.WriteByte(text[i])
			continue
		}
		i++
		switch text[i] {
		case 'n':
			plain.WriteByte('\n')
		case 't':
			plain.WriteByte('\t')
		case 'r':
			plain.WriteByte('\r')
		case 'b':
			plain.WriteByte('\b')
		default:
			if number, err := strconv.ParseUint(text[i:min(i+3, len(text))], 10, 8); err == nil && i+3 <= len(text) {
				plain.WriteByte(byte(number))
				i += 2
			} else {
				plain.WriteByte(text[i])
			}
		}
	}
	return plain.String()
}
