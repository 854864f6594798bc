// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/atollhq/terraform-provider-atoll/internal/provider/base"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/node"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// sshOptions turns the provider block's ssh object into what the pool takes. A
// missing block means no key at all, which is told when the first machine is
// contacted. pending names what is not known before the apply.
func sshOptions(block types.Object, diags *diag.Diagnostics) (options remote.Options, pending string) {
	options = remote.Options{Keys: map[string]remote.PrivateKey{}}
	if block.IsUnknown() {
		return options, "ssh"
	}
	texts := func(name string) map[string]string {
		known, whole := base.TextMap(base.Member[types.Map](block, name))
		if !whole {
			pending = "ssh." + name
		}
		return known
	}
	passphrases := texts("passphrases")
	for name, text := range texts("keys") {
		options.Keys[name] = remote.PrivateKey{PEM: []byte(text), Passphrase: passphrases[name]}
	}
	for name, file := range texts("key_files") {
		at := path.Root("ssh").AtName("key_files").AtMapKey(name)
		if _, twice := options.Keys[name]; twice {
			diags.AddAttributeError(at, "Key Is Given Twice",
				fmt.Sprintf("The key %q stands in ssh.keys and in ssh.key_files. Remove one of them.", name))
			continue
		}
		content, err := os.ReadFile(expandHome(file))
		if err != nil {
			diags.AddAttributeError(at, "Unable to Read Key File", fmt.Sprintf("%s = %q: %v", at, file, err)+". Check the path, which is relative to where Terraform runs.")
			continue
		}
		options.Keys[name] = remote.PrivateKey{PEM: content, Passphrase: passphrases[name], File: file}
	}
	environmentKey(&options, passphrases[defaultKey], diags)
	options.SudoPasswords = texts("sudo_passwords")
	if flag(base.Member[types.Bool](block, "watcher"), "ATOLL_WATCHER", diags) {
		options.Watcher = node.Watcher
	}
	agent := base.Member[types.Bool](block, "agent")
	if agent.IsUnknown() {
		pending = "ssh.agent"
	}
	options.Agent = agent.ValueBool()
	if !block.IsNull() && pending == "" && len(options.Keys) == 0 && !options.Agent && !diags.HasError() {
		diags.AddAttributeWarning(path.Root("ssh"), "Missing Keys",
			"ssh has neither keys nor key_files, and agent is not true: there is no key to log in with on any machine. "+
				"If one is written there, look at the spelling: Terraform drops attributes that an object does not have, without a word.")
	}
	// The validator has seen that it parses; an unknown one is the default.
	options.DialTimeout, _ = time.ParseDuration(base.Member[types.String](block, "timeout").ValueString())
	return options, pending
}

// hasKey says by name which keys there are; nil where that is not known.
func hasKey(options remote.Options, pending string) func(name string) bool {
	if pending != "" || options.Agent || options.Watcher != "" {
		return nil
	}
	return func(name string) bool {
		_, found := options.Keys[name]
		return found
	}
}

// environmentKey takes the default key from the environment where the block
// gives none, so that a job needs no file and no variable for it.
func environmentKey(options *remote.Options, passphrase string, diags *diag.Diagnostics) {
	if _, given := options.Keys[defaultKey]; given {
		return
	}
	if text := os.Getenv("ATOLL_SSH_KEY"); text != "" {
		options.Keys[defaultKey] = remote.PrivateKey{PEM: []byte(text), Passphrase: passphrase, Variable: "ATOLL_SSH_KEY"}
		return
	}
	file := os.Getenv("ATOLL_SSH_KEY_FILE")
	if file == "" {
		return
	}
	content, err := os.ReadFile(expandHome(file))
	if err != nil {
		diags.AddError("Unable to Read Key File", "The environment's ATOLL_SSH_KEY_FILE: "+err.Error()+". Check the path, or give the key in ssh.keys.")
		return
	}
	options.Keys[defaultKey] = remote.PrivateKey{PEM: content, Passphrase: passphrase, File: file, Variable: "ATOLL_SSH_KEY_FILE"}
}

// defaultKey is the name of the key that connections without one use.
const defaultKey = "default"

// flag is an attribute's value, or the environment's where there is none.
func flag(configured types.Bool, variable string, diags *diag.Diagnostics) bool {
	if !configured.IsNull() {
		// One that is not known yet may forbid something.
		return configured.IsUnknown() || configured.ValueBool()
	}
	text := os.Getenv(variable)
	if text == "" {
		return false
	}
	value, err := strconv.ParseBool(text)
	if err != nil {
		diags.AddError("Invalid Environment", fmt.Sprintf("%s = %q is neither true nor false.", variable, text))
	}
	return value
}

func expandHome(file string) string {
	if rest, found := strings.CutPrefix(file, "~/"); found {
		if home, err := os.UserHomeDir(); err == nil {
			return filepath.Join(home, rest)
		}
	}
	return file
}
