// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package agent

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// WriteStatus puts what a role tells where others read it, whole at any moment. On a disk
// without any room it writes into the blocks that the file has: what it says must not be
// that all is well, from before the disk was full. Who reads it just then finds no
// status, and reads again. Where it may be longer than what was told before, a shorter text
// follows that is told where there is no room for the first.
func WriteStatus(path string, text []byte, shorter ...[]byte) error {
	err := replace(path, text)
	for _, text := range shorter {
		if !full(err) {
			break
		}
		err = overwrite(path, text)
	}
	if err != nil {
		return fmt.Errorf("unable to write the status: %w", err)
	}
	return nil
}

func replace(path string, text []byte) error {
	err := os.WriteFile(path+".new", text, 0o644)
	if err == nil {
		err = os.Rename(path+".new", path)
	}
	if full(err) {
		_ = os.Remove(path + ".new") // it has room that the file may need
		err = overwrite(path, text)
	}
	return err
}

func full(err error) bool { return errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT) }

func overwrite(path string, text []byte) error {
	file, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = file.Write(text)
	return errors.Join(err, file.Truncate(int64(len(text))), file.Close())
}

// OneLine is a text without line ends, as a status lists it: errors that were joined have
// some.
func OneLine(text string) string {
	var lines []string
	for line := range strings.Lines(text) {
		lines = append(lines, strings.TrimSpace(line))
	}
	return strings.Join(lines, "; ")
}
