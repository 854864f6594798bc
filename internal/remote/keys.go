// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package remote

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"strings"

	"golang.org/x/crypto/ssh"
)

// PrivateKey is one key to log in with. It never leaves the process.
type PrivateKey struct {
	// PEM is the file's content.
	PEM []byte
	// Passphrase opens a protected key; "" for an open one.
	Passphrase string
	// File is where PEM was read, and Variable which of the environment gave the file or
	// the key; "" for none. An error names them.
	File, Variable string
}

const defaultKey = "default"

// keyring finds the one key that a login offers. Offering several would count
// as failed attempts with sshd, which since OpenSSH 9.8 bans the sender.
type keyring struct {
	signers map[string]ssh.Signer
	// socket of the agent; "" without one.
	socket string
}

func newKeyring(options Options) (*keyring, error) {
	ring := &keyring{signers: map[string]ssh.Signer{}}
	for name, key := range options.Keys {
		signer, err := parseKey(name, key)
		if err != nil {
			return nil, fmt.Errorf("%w: %s %w", ErrConfiguration, key.given(name), err)
		}
		ring.signers[name] = signer
	}
	if options.Agent {
		ring.socket = options.AgentSocket
		if ring.socket == "" {
			ring.socket = os.Getenv("SSH_AUTH_SOCK")
		}
		if ring.socket == "" {
			return nil, &Error{Kind: ErrConfiguration, Address: "ssh.agent", Detail: "SSH_AUTH_SOCK is not set: start an agent, or give a key in ssh.keys"}
		}
	}
	return ring, nil
}

// PublicKey gives the public half of the key that a login by this name offers, in
// authorized_keys form without a comment; "" is the default one. An agent is asked
// for it.
func PublicKey(ctx context.Context, options Options, name string) (string, error) {
	ring, err := newKeyring(options)
	if err != nil {
		return "", err
	}
	key, err := ring.signer(ctx, "ssh.keys", name)
	if err != nil {
		return "", err
	}
	defer key.release()
	return strings.TrimSpace(string(ssh.MarshalAuthorizedKey(key.signer.PublicKey()))), nil
}

// given names what gave a key of that name.
func (k PrivateKey) given(name string) string {
	switch {
	case k.Variable != "" && k.File != "":
		return fmt.Sprintf("the environment's %s = %q", k.Variable, k.File)
	case k.Variable != "":
		return "the environment's " + k.Variable
	case k.File != "":
		return fmt.Sprintf("ssh.key_files[%q] = %q", name, k.File)
	}
	return fmt.Sprintf("ssh.keys[%q]", name)
}

// parseKey never quotes the key in its error.
func parseKey(name string, key PrivateKey) (ssh.Signer, error) {
	signer, err := ssh.ParsePrivateKey(key.PEM)
	var missing *ssh.PassphraseMissingError
	if errors.As(err, &missing) && key.Passphrase != "" {
		signer, err = ssh.ParsePrivateKeyWithPassphrase(key.PEM, []byte(key.Passphrase))
	}
	switch {
	case errors.As(err, &missing):
		return nil, fmt.Errorf("is protected: give its passphrase in ssh.passphrases[%q], or load it into an agent", name)
	case errors.Is(err, x509.IncorrectPasswordError):
		return nil, fmt.Errorf("is protected by another passphrase: the one in ssh.passphrases[%q] does not open it", name)
	case err != nil:
		return nil, fmt.Errorf("is not a private key in PEM form: %w", err)
	}
	return signer, nil
}
