// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

// Package agent carries the agent's binaries inside the provider, and puts
// them on machines.
package agent

import (
	"bytes"
	"compress/gzip"
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
)

//go:embed bin
var carried embed.FS

// Architectures are what the agent is built for, in Go's own names.
var Architectures = []string{"amd64", "arm64"}

// ErrNotCarried is what a provider gives that was built without make: the
// binaries of the agent are made first, by a build of their own.
var ErrNotCarried = errors.New("this provider was built without the agent: build it with make, or use a release")

// Packed gives the agent for an architecture as it is carried: compressed by gzip.
func Packed(architecture string) ([]byte, error) {
	if !slices.Contains(Architectures, architecture) {
		return nil, fmt.Errorf("unable to give an agent for a processor of the kind %q: there is one for %v", architecture, Architectures)
	}
	packed, err := carried.ReadFile("bin/atoll-agent-" + architecture + ".gz")
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrNotCarried
	}
	return packed, err
}

// Binary gives the agent for an architecture.
func Binary(architecture string) ([]byte, error) {
	packed, err := Packed(architecture)
	if err != nil {
		return nil, err
	}
	reader, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, fmt.Errorf("unable to unpack the agent for %s: %w", architecture, err)
	}
	binary, err := io.ReadAll(reader)
	if err != nil {
		return nil, fmt.Errorf("unable to unpack the agent for %s: %w", architecture, err)
	}
	return binary, reader.Close()
}
