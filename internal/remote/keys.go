// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package remote

import (
	"context"
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
		signer, err := parseKey(key)
		if err != nil {
			return nil, &Error{Kind: ErrConfiguration, Address: "ssh.keys", Detail: fmt.Sprintf("key %q: %v", name, err)}
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

// parseKey never quotes the key in its error.
func parseKey(key PrivateKey) (ssh.Signer, error) {
	var signer ssh.Signer
	var err error
	if key.Passphrase != "" {
		signer, err = ssh.ParsePrivateKeyWithPassphrase(key.PEM, []byte(key.Passphrase))
	} else {
		signer, err = ssh.ParsePrivateKey(key.PEM)
	}
	var missing *ssh.PassphraseMissingError
	switch {
	case errors.As(err, &missing):
		return nil, errors.New("is protected: give its passphrase in ssh.passphrases, or load it into an agent")
	case err != nil:
		return nil, fmt.Errorf("is not a private key in PEM form: %w", err)
	}
	return signer, nil
}
