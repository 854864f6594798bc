// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package base

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// publicKeyTypes are those of RFC 4253, 5656, 8709 and OpenSSH's PROTOCOL.u2f.
var publicKeyTypes = []string{
	"ssh-ed25519", "ssh-rsa", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521",
	"sk-ssh-ed25519@openssh.com", "sk-ecdsa-sha2-nistp256@openssh.com",
}

const publicKeyForm = "give the whole line of the machine's /etc/ssh/ssh_host_ed25519_key.pub, such as \"ssh-ed25519 AAAA…\""

// HostKey asks for a public SSH key, and tells what else it is.
func HostKey() Text {
	return Text{Must: "be a public SSH host key", Check: func(value string) error { return checkPublicKey(value, publicKeyForm) }}
}

const loginKeyForm = "give the line of a file such as ~/.ssh/id_ed25519.pub, as \"ssh-ed25519 AAAA… name\""

// keyOptions is what sshd takes in front of a key in an authorized_keys file.
var keyOptions = regexp.MustCompile(`(?i)^((command|environment|expiry-time|from|permitlisten|permitopen|principals|tunnel)="|` +
	`(no-[a-z0-9-]+|agent-forwarding|cert-authority|port-forwarding|pty|restrict|user-rc|verify-required|x11-forwarding)[,\s])`)

// LoginKey asks for a public SSH key that may log in, as one line without a break.
func LoginKey() Text {
	return Text{Must: "be a public SSH key", Check: func(value string) error {
		if strings.TrimSpace(value) != value {
			return errors.New("must be a public key without blanks and line breaks around it: trimspace(…) takes them away")
		}
		if keyOptions.MatchString(value) {
			return errors.New("has options of an authorized_keys file in front, and none are taken: " + loginKeyForm)
		}
		return checkPublicKey(value, loginKeyForm)
	}}
}

func checkPublicKey(value, form string) error {
	fields := strings.Fields(value)
	switch {
	case strings.Contains(value, "PRIVATE KEY"):
		return errors.New("is a private key: " + form)
	case strings.ContainsAny(strings.TrimRight(value, "\n"), "\n\r"):
		return errors.New("has several lines: " + form)
	case strings.HasPrefix(value, "SHA256:"), strings.HasPrefix(value, "MD5:"), strings.Count(value, ":") == 15:
		return errors.New("is the fingerprint of a key, which says too little to check it by: " + form)
	case len(fields) >= 3 && !slices.Contains(publicKeyTypes, fields[0]) && slices.Contains(publicKeyTypes, fields[1]):
		return fmt.Errorf("is a line of a known_hosts file: leave out its first word, so that it begins with %q", fields[1])
	case len(fields) == 1 && strings.HasPrefix(value, "AAAA"):
		return errors.New("lacks the type of the key in front: " + form)
	case len(fields) < 2 || !slices.Contains(publicKeyTypes, fields[0]):
		return errors.New("is not a public SSH key: " + form)
	}
	return checkKeyData(fields[0], fields[1], form)
}

// checkKeyData reads the key itself: strings with their lengths in front, the
// first of which is the type again (RFC 4253, 6.6).
func checkKeyData(kind, encoded, form string) error {
	data, err := base64.StdEncoding.DecodeString(encoded)
	for first := true; err == nil && (first || len(data) > 0); first = false {
		if len(data) < 4 {
			return errors.New("is cut short: " + form)
		}
		length := uint64(binary.BigEndian.Uint32(data))
		if length > uint64(len(data)-4) {
			return errors.New("is cut short: " + form)
		}
		if first && string(data[4:4+length]) != kind {
			return fmt.Errorf("says %s in front and is a key of another type: %s", kind, form)
		}
		data = data[4+length:]
		if first && len(data) == 0 {
			return errors.New("is cut short: " + form)
		}
	}
	if err != nil {
		return errors.New("is cut short or has characters that no key has: " + form)
	}
	return nil
}
