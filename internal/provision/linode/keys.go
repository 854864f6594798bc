// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package linode

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/node"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// authorizedKeys is the file that Linode writes at provisioning, and that we
// keep afterwards: no machine is replaced for a key.
const authorizedKeys = "/root/.ssh/authorized_keys"

// loginKeys names the change of them, and with the machine's owner who asks for them.
const loginKeys = "login-keys"

// keysQuestion asks who may log in as root. While a change is neither proven nor
// taken back, the answer may not last.
func keysQuestion() converge.Question[presentKeys] {
	return converge.Question[presentKeys]{
		Name:  "root's authorized_keys",
		Asker: node.Owner + "." + loginKeys,
		Script: converge.ThereFunction + `if there ` + authorizedKeys + `; then cat -- ` + authorizedKeys + ` || exit; fi
echo
` + converge.StateOfChange(loginKeys).Script + `
echo '` + converge.WholeMark + `'`,
		Read: readPresentKeys,
	}
}

// presentKeys are one line a key, without comments and empty lines.
type presentKeys struct {
	keys  []string
	state converge.ChangeState
}

func readPresentKeys(output string) (presentKeys, error) {
	text, err := converge.Whole(output)
	if err != nil {
		return presentKeys{}, err
	}
	text = strings.TrimSuffix(text, "\n")
	end := strings.LastIndexByte(text, '\n')
	state, err := converge.StateOfChange(loginKeys).Read(text[end+1:])
	if end < 0 {
		err = errors.New("nothing is said about the keys")
	}
	return presentKeys{keyLines(text[:max(end, 0)]), state}, err
}

// ReadKeys reads who may log in as root, one line a key, without comments and
// empty lines. A change that a killed run has left is taken back first, by the
// host itself.
func ReadKeys(ctx context.Context, host remote.Host) ([]string, error) {
	for {
		present, err := converge.Ask(ctx, host, keysQuestion())
		if err != nil || present.state == converge.Settled {
			return present.keys, err
		}
		if err := converge.Settle(ctx, host, loginKeys); err != nil {
			return nil, err
		}
	}
}

func keyLines(text string) []string {
	var keys []string
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			keys = append(keys, line)
		}
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}

// LetsIn says whether a public key is among those that may log in, whatever their
// comments are.
func LetsIn(keys []string, own string) bool {
	return slices.ContainsFunc(keys, func(line string) bool { return bare(line) == bare(own) })
}

// SameKeys says whether the same keys may log in, whatever their comments are. What has
// options in front is another key than one without.
func SameKeys(a, b []string) bool {
	within := func(some, others []string) bool {
		return !slices.ContainsFunc(some, func(line string) bool { return !LetsIn(others, line) })
	}
	return within(a, b) && within(b, a)
}

// bare is a key without its comment. What begins with anything but the type of a key has
// options, which count, and is left whole.
func bare(line string) string {
	fields := strings.Fields(line)
	isType := func(prefix string) bool { return len(fields) > 1 && strings.HasPrefix(fields[0], prefix) }
	if !slices.ContainsFunc([]string{"ssh-", "ecdsa-", "sk-"}, isType) {
		return line
	}
	return fields[0] + " " + fields[1]
}

// KeysChange makes exactly these keys the ones that may log in as root.
func KeysChange(keys []string) converge.Reversible {
	content := strings.Join(keyLines(strings.Join(keys, "\n")), "\n") + "\n"
	return converge.Reversible{
		Name: loginKeys, Keep: []string{authorizedKeys},
		Steps: []converge.Step{
			{Title: "make root's .ssh", Effect: converge.Effect{Kind: converge.EffectWrite, Name: "/root/.ssh"}, Script: "umask 077\nmkdir -p /root/.ssh"},
			converge.WriteStep(converge.File{Path: authorizedKeys, Mode: 0o600, Content: []byte(content)}),
		},
	}
}

// WriteKeys makes exactly these keys the ones that may log in as root. It is
// proved over a fresh connection: where we would have locked ourselves out, or
// are cut off, the host takes the former ones back.
func WriteKeys(ctx context.Context, host remote.Host, keys []string) error {
	present, err := ReadKeys(ctx, host)
	if err != nil || slices.Equal(present, keyLines(strings.Join(keys, "\n"))) {
		return err
	}
	err = KeysChange(keys).Apply(ctx, host)
	if errors.Is(err, converge.ErrUnproven) {
		err = fmt.Errorf("with these authorized_keys nobody can log in as Atoll does, so the former ones are back: %w", err)
	}
	return err
}
