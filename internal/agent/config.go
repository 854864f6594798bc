// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package agent

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
)

// ReadConfig reads the file that a role's --config names; "" says that it named none.
func ReadConfig(role, file string) ([]byte, error) {
	if file == "" {
		return nil, &UsageError{Problem: role + ": --config FILE is missing"}
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("unable to read the configuration: %w", err)
	}
	return text, nil
}

// DecodeConfig takes a role's configuration over. A field that is not known comes
// from a newer provider, and may be one that matters.
func DecodeConfig(role string, text []byte, into any) error {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		return &UsageError{Problem: role + ": unable to read the configuration: " + err.Error()}
	}
	return nil
}

// CheckPath refuses what is no directory that a role may be sent to, under the name
// that it was given by.
func CheckPath(name, path string) error {
	if !filepath.IsAbs(path) || filepath.Clean(path) != path || path == "/" {
		return fmt.Errorf("%s is %q: give an absolute path in its shortest form, other than /", name, path)
	}
	return nil
}
