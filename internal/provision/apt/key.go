// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package apt

import (
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"strings"
)

const (
	armourBegin = "-----BEGIN PGP PUBLIC KEY BLOCK-----"
	armourEnd   = "-----END PGP PUBLIC KEY BLOCK-----"
)

// publicKey is an OpenPGP public key with its fingerprint, in upper case
// without blanks. packets are all that came in the armour.
type publicKey struct {
	fingerprint string
	packets     []byte
}

// readKey reads one ASCII-armoured public key. It refuses all in which another
// reader, such as apt's, might find more keys than this one: several blocks, text
// around the block, several keys in it.
func readKey(text string) (publicKey, error) {
	packets, err := unarmour(text)
	if err != nil {
		return publicKey{}, err
	}
	key := publicKey{packets: packets}
	for rest := packets; len(rest) > 0; {
		var tag byte
		var body []byte
		if tag, body, rest, err = nextPacket(rest); err != nil {
			return publicKey{}, err
		}
		switch {
		case tag == tagSecretKey || tag == tagSecretSubkey:
			return publicKey{}, errPrivate
		case tag == tagPublicKey && key.fingerprint != "":
			return publicKey{}, errors.New("holds several keys: export the one that signs the repository alone (gpg --armor --export FINGERPRINT)")
		case tag == tagPublicKey:
			if key.fingerprint, err = fingerprint(body); err != nil {
				return publicKey{}, err
			}
		case key.fingerprint == "":
			return publicKey{}, errors.New("does not begin with a key: it may be a signature")
		}
	}
	return key, nil
}

var (
	errNoKey   = errors.New("is no ASCII-armoured OpenPGP public key: it begins with " + armourBegin + ". A key that is binary becomes one with gpg --enarmor, or gpg --armor --export")
	errPrivate = errors.New("is a private key: give the public one")
	errDamaged = errors.New("is damaged: it is no whole OpenPGP public key. Copy it again, with its line breaks and blank lines")
)

// unarmour decodes the one block of a text, see RFC 9580, 6.2. The checksum that
// may end it is left out: the fingerprint says more.
func unarmour(text string) ([]byte, error) {
	lines := strings.Split(strings.TrimSpace(strings.ReplaceAll(text, "\r\n", "\n")), "\n")
	for i, line := range lines {
		lines[i] = strings.TrimRight(line, " \t")
	}
	last := len(lines) - 1
	switch {
	case strings.Contains(text, "PRIVATE KEY"):
		return nil, errPrivate
	case lines[0] != armourBegin:
		return nil, errNoKey
	case strings.Count(text, "-----BEGIN") > 1:
		return nil, errors.New("holds several blocks: give the one of the key that signs the repository")
	case lines[last] != armourEnd:
		return nil, errDamaged
	}
	body := lines[1:last]
	for i, line := range body {
		if line == "" {
			body = body[i+1:] // what stood before are headers
			break
		}
	}
	if length := len(body); length > 0 && strings.HasPrefix(body[length-1], "=") {
		body = body[:length-1]
	}
	packets, err := base64.StdEncoding.Strict().DecodeString(strings.Join(body, ""))
	if err != nil || len(packets) == 0 {
		return nil, errDamaged
	}
	return packets, nil
}

// Packet types of RFC 9580, 5.
const (
	tagSecretKey    = 5
	tagPublicKey    = 6
	tagSecretSubkey = 7
)

// nextPacket takes one packet off, see RFC 9580, 4.2. Lengths that are partial
// or left open belong to data, not to keys.
func nextPacket(data []byte) (tag byte, body, rest []byte, err error) {
	if len(data) < 2 || data[0]&0x80 == 0 {
		return 0, nil, nil, errDamaged
	}
	lengthAt := data[1:]
	var head, length int
	if data[0]&0x40 != 0 {
		tag = data[0] & 0x3f
		switch first := int(lengthAt[0]); {
		case first < 192:
			head, length = 1, first
		case first < 224 && len(lengthAt) >= 2:
			head, length = 2, (first-192)<<8+int(lengthAt[1])+192
		case first == 255 && len(lengthAt) >= 5:
			head, length = 5, int(binary.BigEndian.Uint32(lengthAt[1:]))
		default:
			return 0, nil, nil, errDamaged
		}
	} else {
		tag = data[0] >> 2 & 0x0f
		head = 1 << (data[0] & 3) // 1, 2 or 4 bytes, or no length at all
		if head == 8 || len(lengthAt) < head {
			return 0, nil, nil, errDamaged
		}
		for _, octet := range lengthAt[:head] {
			length = length<<8 + int(octet)
		}
	}
	if length < 0 || len(lengthAt) < head+length {
		return 0, nil, nil, errDamaged
	}
	return tag, lengthAt[head : head+length], lengthAt[head+length:], nil
}

// fingerprint of a public key's packet, see RFC 9580, 5.5.4.
func fingerprint(body []byte) (string, error) {
	if len(body) == 0 {
		return "", errDamaged
	}
	switch body[0] {
	case 4:
		if len(body) > 1<<16-1 {
			return "", errDamaged
		}
		sum := sha1.Sum(append(binary.BigEndian.AppendUint16([]byte{0x99}, uint16(len(body))), body...))
		return strings.ToUpper(hex.EncodeToString(sum[:])), nil
	case 6:
		sum := sha256.Sum256(append(binary.BigEndian.AppendUint32([]byte{0x9b}, uint32(len(body))), body...))
		return strings.ToUpper(hex.EncodeToString(sum[:])), nil
	}
	return "", fmt.Errorf("is an OpenPGP key of version %d: use one of version 4 or 6", body[0])
}

// armoured writes the key anew: nothing goes to a machine that was not read here.
func (k publicKey) armoured() []string {
	lines := []string{armourBegin, ""}
	for text := base64.StdEncoding.EncodeToString(k.packets); text != ""; {
		width := min(64, len(text))
		lines, text = append(lines, text[:width]), text[width:]
	}
	return append(lines, armourEnd)
}

var fingerprintPattern = regexp.MustCompile(`^([0-9A-F]{40}|[0-9A-F]{64})$`)

// plainFingerprint takes the blanks and the lower case off one that a person wrote.
func plainFingerprint(text string) (string, error) {
	plain := strings.ToUpper(strings.ReplaceAll(text, " ", ""))
	if !fingerprintPattern.MatchString(plain) {
		return "", errors.New("must be a whole fingerprint: 40 hexadecimal digits, with or without blanks (gpg --show-keys FILE prints it). The short id of a key is not enough")
	}
	return plain, nil
}
