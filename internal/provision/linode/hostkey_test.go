// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package linode

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/mail"
	"slices"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"
	"golang.org/x/crypto/ssh"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
	"github.com/atollhq/terraform-provider-atoll/internal/converge/convergetest"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
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

// archive is what cloud-init's make-mime writes.
const archive = "Content-Type: multipart/mixed; boundary=\"inner\"\nMIME-Version: 1.0\n\n--inner\nContent-Type: text/x-shellscript\n\n#!/bin/sh\n--inner\nContent-Type: text/cloud-config\n\n#cloud-config\n--inner--\n"

// An archive of the user's stays one: cloud-init walks into it.
func TestArchivesOfTheUserAreNested(t *testing.T) {
	key, err := newPair()
	if err != nil {
		t.Fatal(err)
	}
	text, err := encode(&key, archive)
	if err != nil {
		t.Fatal(err)
	}
	decoded, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	message, err := mail.ReadMessage(bytes.NewReader(decoded))
	if err != nil {
		t.Fatal(err)
	}
	_, parameters, err := mime.ParseMediaType(message.Header.Get("Content-Type"))
	if err != nil {
		t.Fatal(err)
	}
	outer := multipart.NewReader(message.Body, parameters["boundary"])
	if _, err := outer.NextPart(); err != nil {
		t.Fatal(err)
	}
	nested, err := outer.NextPart()
	if err != nil {
		t.Fatal(err)
	}
	kind, parameters, err := mime.ParseMediaType(nested.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/mixed" {
		t.Fatalf("the user's part is %s: %v", kind, err)
	}
	inner := multipart.NewReader(nested, parameters["boundary"])
	for _, want := range []string{"text/x-shellscript", "text/cloud-config"} {
		part, err := inner.NextPart()
		if err != nil || part.Header.Get("Content-Type") != want {
			t.Errorf("want %s: %v", want, err)
		}
	}
}

func TestUserDataThatCannotWorkAreRefused(t *testing.T) {
	for text, want := range map[string]string{
		"":                                    "",
		"#!/bin/sh\n":                         "",
		"#cloud-config\nruncmd: []\n":         "",
		"hello":                               "must begin with",
		"## template: jinja\n#cloud-config\n": "",
		"#cloud-config-archive\n- x\n":        "",
		"#part-handler\n":                     "",
		archive:                               "",
		"Content-Type: text/plain\n\nhello":   "must begin with",
		"#cloud-config\nssh_keys:\n  x: y":    "ssh_keys",
		"#cloud-config\nfoo: [bar":            "is no YAML, near line 1",
		"#cloud-config\nfoo: {secret: *here}": "is no YAML",
		"#cloud-config\nreboot":               "has no settings by name",
		"#cloud-config\n":                     "",
		"#cloud-config\na: 1\na: 2\n":         "",
		"## template: jinja\n#cloud-config\n{% if v1 %}\na: [\n": "",
		"#!" + strings.Repeat("x", 65000):                        "65535",
	} {
		err := CheckUserData(text, TrustInjected)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%.30q: %v", text, err)
		}
		if err != nil && strings.Contains(err.Error(), "here") {
			t.Errorf("the data are repeated: %v", err)
		}
	}
	if err := CheckUserData("#cloud-config\nssh_keys:\n  x: y", TrustGiven); err != nil {
		t.Errorf("with a key of the user's: %v", err)
	}
}

// An authorized_keys that was not read is not an empty one.
func TestKeysFailClosed(t *testing.T) {
	good := "# a comment\nssh-ed25519 BBBB b\n\nssh-ed25519 AAAA a\n\nsettled\n" + converge.WholeMark + "\n"
	if got, err := ReadKeys(t.Context(), convergetest.Says{Output: good}); err != nil || !slices.Equal(got, []string{"ssh-ed25519 AAAA a", "ssh-ed25519 BBBB b"}) {
		t.Errorf("%q, %v", got, err)
	}
	if got, err := ReadKeys(t.Context(), convergetest.Says{Output: "\nsettled\n" + converge.WholeMark + "\n"}); err != nil || len(got) > 0 {
		t.Errorf("no keys: %q, %v", got, err)
	}
	for end := range len(good) - 1 {
		if got, err := ReadKeys(t.Context(), convergetest.Says{Output: good[:end]}); err == nil {
			t.Errorf("cut after %q: %q", good[:end], got)
		}
	}
	for name, machine := range map[string]convergetest.Says{
		"exit code 1": {Output: good, ExitCode: 1}, "only the mark": {Output: converge.WholeMark}, "garbled": {Output: strings.ReplaceAll(good, "settled", "settlde")},
	} {
		if got, err := ReadKeys(t.Context(), machine); err == nil {
			t.Errorf("%s: %q", name, got)
		}
	}
	// A change that a killed run left is waited for.
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if got, err := ReadKeys(ctx, unproven{convergetest.Says{Output: strings.ReplaceAll(good, "settled", "unproven")}}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("unproven: %q, %v", got, err)
	}
}

// unproven is a machine whose change stays so.
type unproven struct{ convergetest.Says }

func (u unproven) Run(ctx context.Context, command remote.Command) (remote.Result, error) {
	if strings.Contains(command.Name, "state of changes") {
		u.Output = "unproven\n"
	}
	return u.Says.Run(ctx, command)
}
