// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package tree

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"path"

	"golang.org/x/sys/unix"
)

// aside names a version that lost its name. The same version always gets the
// same name, so that it is kept once.
func aside(name string, entry Entry) string {
	sum := sha256.Sum256([]byte{byte(entry.Kind)})
	if entry.Content != "" {
		sum = sha256.Sum256([]byte(entry.Content))
	}
	suffix := ".conflict-" + hex.EncodeToString(sum[:4])
	return name[:min(len(name), 255-len(suffix))] + suffix
}

// putAside moves what the archive has out of the way.
func (m *merging) putAside(name, where string, there Entry) error {
	other := aside(name, there)
	err := m.into().Rename(name, m.into(), other)
	if errors.Is(err, unix.EEXIST) && there.Content != "" {
		err = m.into().Replace(name, m.into(), other)
	}
	if err == nil {
		m.Conflict(where, path.Join(path.Dir(where), other))
	}
	return err
}

// keepAside places what is prepared under another name.
func (m *merging) keepAside(v *Visit, entry Entry) error {
	other := aside(v.Name, entry)
	err := m.Scratch.Rename(incoming, m.into(), other)
	if errors.Is(err, unix.EEXIST) {
		return m.Scratch.RemoveAll(incoming)
	}
	if err == nil {
		m.Conflict(v.Path, path.Join(path.Dir(v.Path), other))
	}
	return err
}
