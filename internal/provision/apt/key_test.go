// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package apt

import (
	"bytes"
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The fingerprints that gpg prints of the keys in testdata, which it made.
const (
	ofEd25519 = "011BAA842FCAEB185798B69330F506F7DFC3E73C"
	ofRSA     = "62A3C0312ECD2226C027D4750E8DEAAE93728D5A"
)

func read(t *testing.T, name string) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// What a key is does not depend on how its armour was laid out.
func TestReadKey(t *testing.T) {
	one := read(t, "ed25519.asc")
	for name, row := range map[string]struct{ text, want string }{
		"as gpg writes it":                   {one, ofEd25519},
		"with a subkey":                      {read(t, "rsa.asc"), ofRSA},
		"of Windows":                         {strings.ReplaceAll(one, "\n", "\r\n"), ofEd25519},
		"with headers":                       {strings.Replace(one, "\n\n", "\nVersion: x\nComment: y: z\n\n", 1), ofEd25519},
		"without checksum":                   {strings.Replace(one, "=uc8N\n", "", 1), ofEd25519},
		"indented at the end, blanks around": {"\n " + strings.ReplaceAll(strings.TrimSpace(one), "\n", "  \n") + "\n\n", ofEd25519},
	} {
		key, err := readKey(row.text)
		if err != nil || key.fingerprint != row.want {
			t.Errorf("%s: %s, %v", name, key.fingerprint, err)
			continue
		}
		again, err := readKey(strings.Join(key.armoured(), "\n"))
		if err != nil || !bytes.Equal(again.packets, key.packets) {
			t.Errorf("%s: written anew it is another: %v", name, err)
		}
	}
}

// armour of packets that no key has.
func armour(packets []byte) string { return strings.Join(publicKey{packets: packets}.armoured(), "\n") }

// Whatever might hold another key for another reader is refused, and so is what
// is none.
func TestReadKeyRefuses(t *testing.T) {
	one := read(t, "ed25519.asc")
	key, err := readKey(one)
	if err != nil {
		t.Fatal(err)
	}
	changed := func(at int, to byte) []byte {
		copied := bytes.Clone(key.packets)
		copied[at] = to
		return copied
	}
	for name, row := range map[string]struct{ text, want string }{
		"empty":                    {"", "no ASCII-armoured"},
		"a private key's armour":   {"-----BEGIN PGP PRIVATE KEY BLOCK-----\n\nAAAA\n-----END PGP PRIVATE KEY BLOCK-----\n", "private key"},
		"a private key inside":     {armour(changed(0, 0x94)), "private key"},
		"an SSH key":               {"ssh-ed25519 AAAA", "no ASCII-armoured"},
		"binary":                   {string(key.packets), "no ASCII-armoured"},
		"base64 alone":             {base64.StdEncoding.EncodeToString(key.packets), "no ASCII-armoured"},
		"a signature's armour":     {strings.ReplaceAll(one, "PUBLIC KEY BLOCK", "SIGNATURE"), "no ASCII-armoured"},
		"a signature inside":       {armour(key.packets[53:]), "does not begin with a key"},
		"two keys in a block":      {read(t, "both.asc"), "several keys"},
		"two blocks":               {one + read(t, "rsa.asc"), "several blocks"},
		"text before":              {"the key:\n" + one, "no ASCII-armoured"},
		"text behind":              {one + "and so on", "damaged"},
		"without its end":          {one[:len(one)-60], "damaged"},
		"a letter changed to none": {strings.Replace(one, "mDME", "m*ME", 1), "damaged"},
		"no version that we know":  {armour(changed(2, 3)), "version 3"},
		"nothing in it":            {armourBegin + "\n\n" + armourEnd, "damaged"},
		"an open length":           {armour(changed(0, 0x9b)), "damaged"},
		"a partial length":         {armour(append([]byte{0xc6, 0xe0}, key.packets[2:]...)), "damaged"},
	} {
		if found, err := readKey(row.text); err == nil || !strings.Contains(err.Error(), row.want) {
			t.Errorf("%s: %q, %v, want %q", name, found.fingerprint, err, row.want)
		}
	}
	for end := range key.packets {
		found, err := readKey(armour(key.packets[:end]))
		// Between two packets it is whole, and the same key with less said of it.
		if err == nil && found.fingerprint != ofEd25519 {
			t.Errorf("cut after %d bytes: %q", end, found.fingerprint)
		}
	}
}

// Bytes of any kind end in a key or an error.
func FuzzReadKey(f *testing.F) {
	f.Add([]byte{0x98, 1, 4})
	f.Add([]byte{0xc6, 255, 255, 255, 255, 255})
	f.Add([]byte{0x9a, 255, 255, 255, 255, 4})
	f.Fuzz(func(t *testing.T, packets []byte) {
		if key, err := readKey(armour(packets)); err == nil && key.fingerprint == "" {
			t.Error("a key without a fingerprint")
		}
	})
}
