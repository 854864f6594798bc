// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package agent

import (
	"bytes"
	"compress/gzip"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
	model "github.com/atollhq/terraform-provider-atoll/internal/model/agent"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
	"github.com/atollhq/terraform-provider-atoll/internal/remote/remotetest"
)

const home = "/var/lib/atoll/files"

// host is a simulated machine, and the agent that this test built.
func host(t *testing.T) (*remotetest.Machine, remote.Host, converge.Manifest) {
	t.Helper()
	machine, err := remotetest.NewMachine(t.TempDir(), "203.0.113.1", "key")
	if err != nil {
		t.Fatal(err)
	}
	network := &remotetest.Network{Machines: map[string]*remotetest.Machine{"203.0.113.1": machine}}
	binary, err := os.ReadFile(build(t, runtime.GOARCH))
	if err != nil {
		t.Fatal(err)
	}
	return machine, network.Host(remote.Target{Host: "203.0.113.1", HostKey: "key"}), converge.Manifest{Owner: "files/test", Items: items(builtFor(t, binary), home, nil)}
}

// build builds the agent as make does.
func build(t *testing.T, architecture string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "atoll-agent")
	command := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-ldflags", "-s -w -buildid=", "-o", file, "../../agent/cmd/atoll-agent")
	command.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+architecture)
	if out, err := command.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return file
}

func drift(t *testing.T, host remote.Host, m converge.Manifest) string {
	t.Helper()
	observation, err := converge.Observe(t.Context(), host, m)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(converge.Texts(converge.Diff(m, observation).Drift), "; ")
}

// The agent is put there once, mended when it is another, and taken back.
func TestAgentIsPutThere(t *testing.T) {
	machine, host, m := host(t)
	program := filepath.Join(machine.Root, Program(home))
	for name, spoil := range map[string]func() error{
		"missing":         func() error { return os.RemoveAll(program) },
		"another content": func() error { return os.WriteFile(program, []byte("#!/bin/sh\necho hello\n"), 0o755) },
		"not a program":   func() error { return os.WriteFile(program, []byte("\x7fELF"), 0o755) },
		"hangs up":        func() error { return os.WriteFile(program, []byte("#!/bin/sh\nkill -9 $$\n"), 0o755) },
		"an older agent": func() error {
			return os.WriteFile(program, []byte("#!/bin/sh\necho '{\"oldest\":1,\"newest\":1}'\n"), 0o755)
		},
		"not executable": func() error { return os.Chmod(program, 0o644) },
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := converge.Converge(t.Context(), host, m); err != nil {
				t.Fatal(err)
			}
			if err := spoil(); err != nil {
				t.Fatal(err)
			}
			if found := drift(t, host, m); !strings.Contains(found, Program(home)) {
				t.Errorf("drift: %q", found)
			}
			observation, err := converge.Converge(t.Context(), host, m)
			if err != nil {
				t.Fatal(err)
			}
			if found := drift(t, host, m); found != "" {
				t.Errorf("drift: %q", found)
			}
			version, err := Version(home).Answer(observation)
			if err != nil || version.Newest != model.Newest || len(version.Roles) == 0 {
				t.Errorf("%+v, %v", version, err)
			}
		})
	}
	if err := converge.Remove(t.Context(), host, m.Owner); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Dir(program)); !os.IsNotExist(err) {
		t.Errorf("the home is left: %v", err)
	}
}

// An older provider must not put its older agent in the place of a newer one.
func TestNewerAgentStays(t *testing.T) {
	machine, host, m := host(t)
	newer := "#!/bin/sh\necho '{\"oldest\":1001,\"newest\":1002,\"roles\":[\"all\"]}'\n"
	program := filepath.Join(machine.Root, Program(home))
	if err := os.MkdirAll(filepath.Dir(program), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(program, []byte(newer), 0o755); err != nil {
		t.Fatal(err)
	}
	_, err := converge.Converge(t.Context(), host, m)
	if err == nil || !strings.Contains(err.Error(), "the provider is older; use the provider version that last applied here") {
		t.Errorf("%v", err)
	}
	if text, err := os.ReadFile(program); err != nil || string(text) != newer {
		t.Errorf("the newer agent is %.40q now, %v", text, err)
	}
}

// builtFor carries one agent for this very machine.
func builtFor(t *testing.T, binary []byte) map[string]converge.Build {
	t.Helper()
	var packed bytes.Buffer
	writer := gzip.NewWriter(&packed)
	if _, err := writer.Write(binary); err != nil {
		t.Fatal(err)
	}
	if err := writer.Close(); err != nil {
		t.Fatal(err)
	}
	build, err := converge.NewBuild(packed.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]converge.Build{}
	for machine, architecture := range machines {
		if architecture == runtime.GOARCH {
			found[machine] = build
		}
	}
	return found
}

func TestProcessorWithoutAnAgent(t *testing.T) {
	_, host, m := host(t)
	m.Items = items(map[string]converge.Build{"riscv64": {}}, home, nil)
	_, err := converge.Converge(t.Context(), host, m)
	if err == nil || !strings.Contains(err.Error(), "there is one for riscv64") {
		t.Errorf("%v", err)
	}
}

func TestVersionThatDoesNotComeWhole(t *testing.T) {
	for _, output := range []string{"", "\n", `{"oldest":1,"newest":1}`, `{"oldest":1,"newest":1}` + "\n"} {
		if version, err := readVersion(output); err == nil {
			t.Errorf("%q is read as %+v", output, version)
		}
	}
}
