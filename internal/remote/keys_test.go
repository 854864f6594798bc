// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package remote_test

import (
	"crypto/ed25519"
	"encoding/pem"
	"errors"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"

	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// What is wrong with a key is said of where it was given, and repeats nothing of it.
func TestKeysThatAreNone(t *testing.T) {
	private := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	open, err := ssh.MarshalPrivateKey(private, "")
	if err != nil {
		t.Fatal(err)
	}
	closed, err := ssh.MarshalPrivateKeyWithPassphrase(private, "", []byte("sesame"))
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		key  remote.PrivateKey
		want string
	}{
		{remote.PrivateKey{PEM: pem.EncodeToMemory(open)}, ""},
		{remote.PrivateKey{PEM: pem.EncodeToMemory(open), Passphrase: "for another one"}, ""},
		{remote.PrivateKey{PEM: pem.EncodeToMemory(closed), Passphrase: "sesame"}, ""},
		{remote.PrivateKey{PEM: pem.EncodeToMemory(closed), Passphrase: "s3cret"}, `ssh.keys["default"] is protected by another passphrase: the one in ssh.passphrases["default"] does not open it`},
		{remote.PrivateKey{PEM: pem.EncodeToMemory(closed)}, `ssh.keys["default"] is protected: give its passphrase in ssh.passphrases["default"]`},
		{remote.PrivateKey{PEM: []byte("root:x"), File: "/etc/passwd"}, `ssh.key_files["default"] = "/etc/passwd" is not a private key in PEM form`},
		{remote.PrivateKey{PEM: []byte("root:x"), File: "/etc/passwd", Variable: "ATOLL_SSH_KEY_FILE"}, `the environment's ATOLL_SSH_KEY_FILE = "/etc/passwd" is not a private key in PEM form`},
		{remote.PrivateKey{PEM: []byte("root:x"), Variable: "ATOLL_SSH_KEY"}, `the environment's ATOLL_SSH_KEY is not a private key in PEM form`},
	} {
		pool, err := remote.New(remote.Options{Keys: map[string]remote.PrivateKey{"default": row.key}})
		if err == nil {
			_ = pool.Close()
		}
		if row.want == "" && err != nil || row.want != "" && (!errors.Is(err, remote.ErrConfiguration) || !strings.Contains(err.Error(), row.want) || strings.Contains(err.Error(), "root:x") || strings.Contains(err.Error(), "s3cret")) {
			t.Errorf("got %v, want %q", err, row.want)
		}
	}
}
