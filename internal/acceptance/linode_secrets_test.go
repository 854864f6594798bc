// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package acceptance

import (
	"encoding/base64"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// createTraced applies with the loudest log, which holds neither the token nor
// the host key and the user data that a machine is made with.
func (a *account) createTraced() {
	a.Helper()
	log := filepath.Join(a.TempDir(), "trace.log")
	loud := *a.terraform
	loud.Env = append(slices.Clone(loud.Env), "TF_LOG=TRACE", "TF_LOG_PATH="+log)
	a.must(loud.Apply(a.Context()))
	trace, err := os.ReadFile(log)
	a.must(err)
	for what, text := range map[string]string{
		"the token": "Bearer ", "a private key": "PRIVATE KEY", // Whole groups of three bytes, which read the same whatever follows.
		"user data": base64.RawStdEncoding.EncodeToString([]byte("#cloud-config")[:12]),
	} {
		if strings.Contains(string(trace), text) {
			a.Errorf("%s stands in the log", what)
		}
	}
	if !strings.Contains(string(trace), "linode_boot") {
		a.Error("the log does not tell how far the machine is")
	}
}

// noLiveKey: what the metadata service and the state hold lets nobody pose as
// the machine.
func (a *account) noLiveKey(made vps) {
	a.Helper()
	state, err := a.terraform.State(a.Context())
	a.must(err)
	if strings.Contains(string(state), "PRIVATE KEY") || strings.Contains(string(state), "write_files") {
		a.Error("the state holds a private key, or the user data")
	}
	injected := a.in(made, "grep -h ed25519_public /var/lib/cloud/instance/user-data.txt* | head -n 1")
	_, injected, _ = strings.Cut(injected, "ed25519_public: ")
	if !strings.HasPrefix(injected, "ssh-ed25519 ") {
		a.Fatalf("the user data hold no host key: %q", injected)
	}
	if strings.TrimSpace(injected) == made.HostKey || strings.HasPrefix(made.HostKey, injected) {
		a.Error("the host still has the key that was injected")
	}
}
