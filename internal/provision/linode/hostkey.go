// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package linode

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/crypto/ssh"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
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

// Hosts gives the one Host of a target.
type Hosts interface {
	Host(target remote.Target) remote.Host
}

const (
	hostKeyFile = "/etc/ssh/ssh_host_ed25519_key"
	newHostKey  = hostKeyFile + ".atoll-new"
	// reloadSSH lets sshd read keys and settings again; one that a socket starts
	// reads them for each connection.
	reloadSSH = "systemctl reload ssh 2>/dev/null || systemctl reload sshd 2>/dev/null || systemctl is-active -q ssh.socket"
)

// makeKeyScript makes a host key beside the one in use, and prints its public
// half. One that a killed run has made is as good.
const makeKeyScript = `set -e
new=` + newHostKey + `
if ! ssh-keygen -y -P '' -f $new >/dev/null 2>&1; then
  rm -f $new $new.pub
  ssh-keygen -q -t ed25519 -N '' -C '' -f $new
fi
ssh-keygen -y -P '' -f $new | cut -d' ' -f1,2`

// switchKeyScript puts the new key in its place, and takes those of other types
// away: of them nobody knows who else has them.
const switchKeyScript = `new=` + newHostKey + `
[ "$(ssh-keygen -y -P '' -f $new | cut -d' ' -f1,2)" = %[1]s ] || { echo "another key was made in the meantime" >&2; exit 1; }
printf '%%s\n' %[1]s >$new.pub
chmod 0644 $new.pub
mv -f $new.pub ` + hostKeyFile + `.pub
mv -f $new ` + hostKeyFile + `
for other in /etc/ssh/ssh_host_*_key /etc/ssh/ssh_host_*_key.pub; do
  case $other in ` + hostKeyFile + `|` + hostKeyFile + `.pub) ;; *) rm -f "$other" ;; esac
done
sync /etc/ssh
` + reloadSSH

// HostKeyChange puts a key that MakeHostKey made in the place of the one that
// target names, proven by it.
func HostKeyChange(hosts Hosts, target remote.Target, public string) converge.Reversible {
	renewed := target
	renewed.HostKey = public
	change := converge.Reversible{
		Name: "host-key", Reload: reloadSSH,
		Steps: []converge.Step{{
			Title: "change the host key", Effect: converge.Effect{Kind: converge.EffectWrite, Name: hostKeyFile},
			Script: fmt.Sprintf(switchKeyScript, remote.Quote(public)),
		}},
		Prove: func(ctx context.Context) (remote.Host, error) {
			host := hosts.Host(renewed)
			return host, host.Prove(ctx)
		},
	}
	for _, kind := range []string{"ed25519", "ecdsa", "rsa", "dsa"} {
		file := "/etc/ssh/ssh_host_" + kind + "_key"
		change.Keep = append(change.Keep, file, file+".pub")
	}
	return change
}

// MakeHostKey lets the host make a key that is not in use yet, and gives its
// public half in authorized_keys form.
func MakeHostKey(ctx context.Context, host remote.Host) (string, error) {
	result, err := host.Run(ctx, remote.Command{Name: "making a host key", Script: makeKeyScript, Long: true})
	if err != nil {
		return "", err
	}
	public, _, _, _, err := ssh.ParseAuthorizedKey(result.Stdout)
	if err != nil {
		return "", fmt.Errorf("making a host key on %s: %w", host.Target().Host, err)
	}
	return strings.TrimSpace(string(ssh.MarshalAuthorizedKey(public))), nil
}

// rotate replaces the host key that was injected by one that the host makes
// itself, over the verified channel. Where that does not let us in, or this run
// ends, the host takes it back.
func rotate(ctx context.Context, hosts Hosts, target remote.Target) (string, error) {
	host := hosts.Host(target)
	public, err := MakeHostKey(ctx, host)
	if err != nil {
		return "", err
	}
	err = HostKeyChange(hosts, target, public).Apply(ctx, host)
	if errors.Is(err, converge.ErrUnproven) {
		err = fmt.Errorf("the host key that the host made does not let us in: %w", err)
	}
	return public, err
}
