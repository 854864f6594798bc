// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package linode

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"mime/multipart"
	"net/textproto"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// pair is an SSH host key that is made here for the first contact. The private
// half goes into the user data and nowhere else.
type pair struct {
	private []byte
	// public in authorized_keys form.
	public string
}

func newPair() (pair, error) {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return pair{}, fmt.Errorf("making a host key: %w", err)
	}
	block, err := ssh.MarshalPrivateKey(private, "")
	if err != nil {
		return pair{}, fmt.Errorf("making a host key: %w", err)
	}
	key, err := ssh.NewPublicKey(public)
	if err != nil {
		return pair{}, fmt.Errorf("making a host key: %w", err)
	}
	return pair{pem.EncodeToMemory(block), strings.TrimSpace(string(ssh.MarshalAuthorizedKey(key)))}, nil
}

// userDataLimit is Linode's, of the data before they are encoded.
const userDataLimit = 65535

// kinds of user data by how they begin (cloud-init's formats).
var kinds = map[string]string{
	"#cloud-config": "text/cloud-config", "#!": "text/x-shellscript", "#cloud-boothook": "text/cloud-boothook", "#include": "text/x-include-url",
}

func kindOf(userData string) string {
	for prefix, kind := range kinds {
		if strings.HasPrefix(userData, prefix) {
			return kind
		}
	}
	return ""
}

// CheckUserData says what is wrong with the user's own user data.
func CheckUserData(userData string, trust Trust) error {
	switch {
	case userData == "":
		return nil
	case kindOf(userData) == "":
		return errors.New(`it must begin with "#cloud-config", "#!", "#cloud-boothook" or "#include"`)
	case trust == TrustInjected && strings.Contains(userData, "\nssh_keys:"):
		return errors.New("it sets ssh_keys, and so does Atoll: leave it out, or give the key that it sets as host_key")
	case len(userData) > userDataLimit-4096:
		return fmt.Errorf("it has %d bytes; Linode takes %d, and Atoll adds up to 4096 of its own", len(userData), userDataLimit)
	}
	return nil
}

// encode puts the host key and the user's own data into what Linode takes.
func encode(key *pair, userData string) (string, error) {
	if key == nil {
		return base64.StdEncoding.EncodeToString([]byte(userData)), nil
	}
	ours := &strings.Builder{}
	fmt.Fprintf(ours, "#cloud-config\nssh_deletekeys: true\nssh_keys:\n  ed25519_public: %s\n  ed25519_private: |\n", key.public)
	for line := range strings.Lines(string(key.private)) {
		ours.WriteString("    " + line)
	}
	if userData == "" {
		return base64.StdEncoding.EncodeToString([]byte(ours.String())), nil
	}
	var body bytes.Buffer
	parts := multipart.NewWriter(&body)
	for _, part := range [][2]string{{"text/cloud-config", ours.String()}, {kindOf(userData), userData}} {
		writer, err := parts.CreatePart(textproto.MIMEHeader{"Content-Type": {part[0] + `; charset="utf-8"`}, "Mime-Version": {"1.0"}})
		if err != nil {
			return "", err
		}
		if _, err := writer.Write([]byte(part[1])); err != nil {
			return "", err
		}
	}
	if err := parts.Close(); err != nil {
		return "", err
	}
	text := fmt.Sprintf("Content-Type: multipart/mixed; boundary=%q\nMIME-Version: 1.0\n\n%s", parts.Boundary(), body.String())
	return base64.StdEncoding.EncodeToString([]byte(text)), nil
}

// rotateScript makes a new host key on the host and prints its public half.
// The old pair stays beside it until keepScript or restoreScript has run.
const rotateScript = `set -e
cd /etc/ssh
if [ ! -e ssh_host_ed25519_key.atoll-former ]; then
  rm -f ssh_host_ed25519_key.atoll-new ssh_host_ed25519_key.atoll-new.pub
  ssh-keygen -q -t ed25519 -N '' -C '' -f ssh_host_ed25519_key.atoll-new
  cp -p ssh_host_ed25519_key ssh_host_ed25519_key.atoll-former
  mv -f ssh_host_ed25519_key.atoll-new.pub ssh_host_ed25519_key.pub
  mv -f ssh_host_ed25519_key.atoll-new ssh_host_ed25519_key
  for other in ssh_host_*_key ssh_host_*_key.pub; do
    case $other in ssh_host_ed25519_key|ssh_host_ed25519_key.pub) ;; *) rm -f "$other" ;; esac
  done
  sync
fi
systemctl reload ssh 2>/dev/null || systemctl reload sshd 2>/dev/null || systemctl is-active -q ssh.socket
cut -d' ' -f1,2 ssh_host_ed25519_key.pub`

const keepScript = `rm -f /etc/ssh/ssh_host_ed25519_key.atoll-former`

const restoreScript = `cd /etc/ssh && mv -f ssh_host_ed25519_key.atoll-former ssh_host_ed25519_key &&
ssh-keygen -y -f ssh_host_ed25519_key >ssh_host_ed25519_key.pub && { systemctl reload ssh 2>/dev/null || systemctl reload sshd; }`

// Hosts gives the one Host of a target.
type Hosts interface {
	Host(target remote.Target) remote.Host
}

// rotate replaces the host key that was injected by one that the host makes
// itself, over the verified channel, and proves it over a fresh connection; if
// that fails the former one comes back.
func rotate(ctx context.Context, hosts Hosts, target remote.Target) (string, error) {
	host := hosts.Host(target)
	result, err := host.Run(ctx, remote.Command{Name: "making a host key", Script: rotateScript, Long: true})
	if err != nil {
		return "", err
	}
	renewed := target
	renewed.HostKey = strings.TrimSpace(string(result.Stdout))
	proof := hosts.Host(renewed)
	if err := prove(ctx, proof); err != nil {
		_, restoreErr := host.Run(ctx, remote.Command{Name: "restoring the host key", Script: restoreScript, Long: true})
		return "", errors.Join(fmt.Errorf("the host key that the host made does not let us in: %w", err), restoreErr)
	}
	_, err = proof.Run(ctx, remote.Command{Name: "keeping the host key", Script: keepScript})
	return renewed.HostKey, err
}

// proofPatience is how long sshd may take to read its new key: the signal to do
// so returns before it has.
const (
	proofPatience = 20 * time.Second
	proofPause    = 250 * time.Millisecond
)

func prove(ctx context.Context, host remote.Host) error {
	for deadline := time.Now().Add(proofPatience); ; {
		err := host.Prove(ctx)
		if err == nil || time.Now().After(deadline) || ctx.Err() != nil {
			return err
		}
		if err := remote.Pause(ctx, proofPause); err != nil {
			return err
		}
	}
}
