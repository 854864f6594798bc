// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package agent

import (
	"bytes"
	"compress/gzip"
	"debug/elf"
	"errors"
	"os"
	"strings"
	"testing"
)

// What is carried must be small: it goes over the wire to every node.
const most = 8 << 20

// TestAgentIsOneSmallStaticFile builds the agent as make does.
func TestAgentIsOneSmallStaticFile(t *testing.T) {
	machines := map[string]elf.Machine{"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64}
	for _, architecture := range Architectures {
		t.Run(architecture, func(t *testing.T) {
			check(t, build(t, architecture), machines[architecture])
		})
	}
}

func check(t *testing.T, file string, machine elf.Machine) {
	t.Helper()
	binary, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var packed bytes.Buffer
	writer := gzip.NewWriter(&packed)
	if _, err := writer.Write(binary); err != nil {
		t.Fatal(err)
	}
	if err := writer.Close(); err != nil {
		t.Fatal(err)
	}
	if packed.Len() >= most {
		t.Errorf("%d bytes packed", packed.Len())
	}
	program, err := elf.NewFile(bytes.NewReader(binary))
	if err != nil {
		t.Fatal(err)
	}
	if program.Machine != machine {
		t.Errorf("it is for %s", program.Machine)
	}
	for _, part := range program.Progs {
		if part.Type == elf.PT_INTERP {
			t.Error("it wants a loader, so it is not static")
		}
	}
}

// What make has put beside this package must be whole; a build without make
// must say that it carries nothing.
func TestWhatIsCarried(t *testing.T) {
	for _, architecture := range Architectures {
		binary, err := Binary(architecture)
		_, missing := os.Stat("bin/atoll-agent-" + architecture + ".gz")
		switch {
		case missing != nil && !errors.Is(err, ErrNotCarried):
			t.Errorf("%s: nothing is carried, and it says %v", architecture, err)
		case missing == nil && (err != nil || !strings.HasPrefix(string(binary), "\x7fELF")):
			t.Errorf("%s: %d bytes, %v", architecture, len(binary), err)
		}
	}
	if _, err := Binary("sparc"); err == nil || errors.Is(err, ErrNotCarried) {
		t.Errorf("an agent for a processor that there is none for: %v", err)
	}
}
