// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package fsmonitor

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

var quick = pace{quiet: 10 * time.Millisecond, patience: 100 * time.Millisecond, gather: 30 * time.Millisecond}

// monkey does what applications do, at random, in a tree and beside it.
type monkey struct {
	t       *testing.T
	random  *rand.Rand
	root    string
	outside string
	made    int
}

var odd = []string{"plain", "with space", "new\nline", "percent%41", "no\xff\xfeutf8", "quote\"'", "ünï", "-dash", ".hidden"}

func (m *monkey) name() string {
	m.made++
	return fmt.Sprintf("%s%d", odd[m.random.IntN(len(odd))], m.made)
}

// pick gives some existing path: a directory, or anything but the root.
func (m *monkey) pick(directory bool) string {
	var found []string
	_ = filepath.WalkDir(m.root, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && (directory && entry.IsDir() || !directory && path != m.root) {
			found = append(found, path)
		}
		return nil
	})
	if len(found) == 0 {
		return ""
	}
	return found[m.random.IntN(len(found))]
}

func (m *monkey) act() {
	here := filepath.Join(m.pick(true), m.name())
	there := m.pick(false)
	var err error
	switch choice := m.random.IntN(16); {
	case choice < 4 || there == "":
		err = os.WriteFile(here, []byte("first"), 0o600)
	case choice < 6:
		err = os.MkdirAll(filepath.Join(here, "a", "b"), 0o700)
		err = errors.Join(err, os.WriteFile(filepath.Join(here, "a", "b", "at once"), nil, 0o600))
	case choice < 8:
		err = m.append(there)
	case choice < 10:
		err = os.Rename(there, here)
	case choice == 10:
		err = unix.Renameat2(unix.AT_FDCWD, there, unix.AT_FDCWD, m.pick(false), unix.RENAME_EXCHANGE)
	case choice == 11:
		err = os.RemoveAll(there)
	case choice == 12:
		err = os.Symlink("nowhere", here)
	case choice == 13:
		err = os.Chmod(there, 0o700|os.FileMode(m.random.IntN(64)))
	case choice == 14:
		err = os.Rename(there, filepath.Join(m.outside, m.name()))
	case choice == 15:
		if back, _ := os.ReadDir(m.outside); len(back) > 0 {
			err = os.Rename(filepath.Join(m.outside, back[m.random.IntN(len(back))].Name()), here)
		}
	}
	// A move into itself or onto a directory with content is refused, and a link
	// may lead nowhere.
	for _, fine := range []error{unix.EINVAL, unix.ENOTEMPTY, unix.ENOENT, unix.EEXIST, unix.ENOTDIR, unix.EISDIR} {
		if errors.Is(err, fine) {
			return
		}
	}
	if err != nil {
		m.t.Error(err)
	}
}

func (m *monkey) append(path string) error {
	file, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = file.WriteString("more")
	return errors.Join(err, file.Close())
}

func TestNoChangeIsLost(t *testing.T) {
	seeds := uint64(4)
	if text := os.Getenv("ATOLL_TEST_SEEDS"); text != "" {
		var err error
		if seeds, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	for seed := range seeds {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			top := t.TempDir()
			m := &monkey{t: t, random: rand.New(rand.NewPCG(seed, 7)), root: filepath.Join(top, "tree"), outside: filepath.Join(top, "outside")}
			if err := errors.Join(os.Mkdir(m.root, 0o700), os.Mkdir(m.outside, 0o700)); err != nil {
				t.Fatal(err)
			}
			for range 40 {
				m.act()
			}
			u := begin(t, m.root, quick)
			for range 6 {
				burst := make(chan struct{})
				go func() {
					defer close(burst)
					for range 1 + m.random.IntN(60) {
						m.act()
					}
				}()
				// Reading goes on while the tree changes, and again until all is known.
				for running := true; running; {
					select {
					case <-burst:
						running = false
					default:
						for _, path := range u.changes() {
							u.scan(path)
						}
					}
				}
				u.follow()
			}
		})
	}
}
