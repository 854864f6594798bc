// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package remote

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"

	"golang.org/x/crypto/ssh"
)

// parseHostKey reads a pin in authorized_keys form.
func parseHostKey(text string) (ssh.PublicKey, error) {
	key, _, _, _, err := ssh.ParseAuthorizedKey([]byte(text))
	if err != nil {
		return nil, fmt.Errorf("host key %.40q is not of the form \"ssh-ed25519 AAAA…\": %w", text, err)
	}
	return key, nil
}

// keyLine is the form in which a user pins a key.
func keyLine(key ssh.PublicKey) string {
	return strings.TrimSpace(string(ssh.MarshalAuthorizedKey(key)))
}

// hostKeyAlgorithms asks the host for exactly the key that is pinned: without
// it x/crypto prefers ECDSA over Ed25519 and a good host would look changed. Where
// none is, Ed25519 comes first: it is the key that people look up, as we tell them.
func hostKeyAlgorithms(pinned ssh.PublicKey) []string {
	switch {
	case pinned == nil:
		others := slices.DeleteFunc(ssh.SupportedAlgorithms().HostKeys, func(name string) bool { return name == ssh.KeyAlgoED25519 })
		return append([]string{ssh.KeyAlgoED25519}, others...)
	case pinned.Type() == ssh.KeyAlgoRSA:
		return []string{ssh.KeyAlgoRSASHA512, ssh.KeyAlgoRSASHA256}
	}
	return []string{pinned.Type()}
}

// verdict collects why a host key was refused: x/crypto flattens the error of
// the callback into text, so it is kept aside.
type verdict struct {
	refusal *Error
}

// callback refuses every key but the pinned one. It runs before anything of
// ours is sent, so a refusal has given nothing away.
func (v *verdict) callback(address string, pinned ssh.PublicKey) ssh.HostKeyCallback {
	return func(_ string, _ net.Addr, shown ssh.PublicKey) error {
		switch {
		case pinned == nil:
			v.refusal = &Error{Kind: ErrHostKeyUnknown, Address: address, Shown: keyLine(shown), Detail: fmt.Sprintf(
				"the host shows %s %s.\nIf that is the host's own fingerprint, add to the connection:\n  host_key = %q",
				shown.Type(), ssh.FingerprintSHA256(shown), keyLine(shown))}
		case !bytes.Equal(shown.Marshal(), pinned.Marshal()):
			v.refusal = &Error{Kind: ErrHostKeyMismatch, Address: address, Shown: keyLine(shown), Detail: fmt.Sprintf(
				"declared is %s %s, shown was %s %s. Either the machine was reinstalled, or somebody is in between. Nothing was sent.\nThe shown key:\n  host_key = %q",
				pinned.Type(), ssh.FingerprintSHA256(pinned), shown.Type(), ssh.FingerprintSHA256(shown), keyLine(shown))}
		default:
			return nil
		}
		return v.refusal
	}
}

// classifyHandshake turns a failed handshake into one of our classes.
func (v *verdict) classifyHandshake(address, who string, pinned ssh.PublicKey, err error) error {
	if v.refusal != nil {
		return v.refusal
	}
	var negotiation *ssh.AlgorithmNegotiationError
	if errors.As(err, &negotiation) && pinned != nil {
		return &Error{Kind: ErrHostKeyMismatch, Address: address, Err: err, Detail: fmt.Sprintf(
			"the host has no key of the declared type %s. Nothing was sent", pinned.Type())}
	}
	var auth *ssh.ServerAuthError
	if errors.As(err, &auth) || strings.Contains(err.Error(), "unable to authenticate") {
		return &Error{Kind: ErrAuthentication, Address: address, Detail: who, Err: err}
	}
	return &Error{Kind: ErrUnreachable, Address: address, Err: err, Detail: "handshake failed"}
}
