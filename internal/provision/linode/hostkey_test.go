// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package linode

import (
	"bytes"
	"encoding/base64"
	"io"
	"mime"
	"mime/multipart"
	"net/mail"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
	"golang.org/x/crypto/ssh"
)

// cloudConfig is what cloud-init's ssh module reads.
type cloudConfig struct {
	SSHKeys struct {
		Public  string `yaml:"ed25519_public"`
		Private string `yaml:"ed25519_private"`
	} `yaml:"ssh_keys"`
}

func TestUserDataCarryTheHostKey(t *testing.T) {
	key, err := newPair()
	if err != nil {
		t.Fatal(err)
	}
	for name, own := range map[string]string{"alone": "", "with a script": "#!/bin/sh\necho hi\n", "with a config": "#cloud-config\npackages: [tinc]\n"} {
		t.Run(name, func(t *testing.T) {
			text, err := encode(&key, own)
			if err != nil {
				t.Fatal(err)
			}
			decoded, err := base64.StdEncoding.DecodeString(text)
			if err != nil {
				t.Fatal(err)
			}
			ours := decoded
			if own != "" {
				parts := parse(t, decoded)
				if len(parts) != 2 || string(parts[1]) != own {
					t.Fatalf("the user's own part: %q", parts)
				}
				ours = parts[0]
			}
			var read cloudConfig
			if err := yaml.Unmarshal(ours, &read); err != nil {
				t.Fatal(err)
			}
			signer, err := ssh.ParsePrivateKey([]byte(read.SSHKeys.Private))
			if err != nil {
				t.Fatal(err)
			}
			if line := strings.TrimSpace(string(ssh.MarshalAuthorizedKey(signer.PublicKey()))); line != key.public || read.SSHKeys.Public != key.public {
				t.Errorf("public %q, private gives %q, want %q", read.SSHKeys.Public, line, key.public)
			}
		})
	}
}

// parse reads a multi-part message as cloud-init does.
func parse(t *testing.T, text []byte) [][]byte {
	t.Helper()
	message, err := mail.ReadMessage(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	_, parameters, err := mime.ParseMediaType(message.Header.Get("Content-Type"))
	if err != nil {
		t.Fatal(err)
	}
	var parts [][]byte
	reader := multipart.NewReader(message.Body, parameters["boundary"])
	for {
		part, err := reader.NextPart()
		if err != nil {
			return parts
		}
		content, err := io.ReadAll(part)
		if err != nil {
			t.Fatal(err)
		}
		parts = append(parts, content)
	}
}

func TestUserDataThatCannotWorkAreRefused(t *testing.T) {
	for text, want := range map[string]string{
		"":                                 "",
		"#!/bin/sh\n":                      "",
		"#cloud-config\nruncmd: []\n":      "",
		"hello":                            "must begin with",
		"#cloud-config\nssh_keys:\n  x: y": "ssh_keys",
		"#!" + strings.Repeat("x", 65000):  "65535",
	} {
		err := CheckUserData(text, TrustInjected)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%.30q: %v", text, err)
		}
	}
	if err := CheckUserData("#cloud-config\nssh_keys:\n  x: y", TrustGiven); err != nil {
		t.Errorf("with a key of the user's: %v", err)
	}
}
