// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package base

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/diag"

	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// AddError reports a failure in the project's one grammar: "Unable to <action>
// <subject>", the error with host and command, and what to do next.
func AddError(diags *diag.Diagnostics, action, subject string, err error) {
	detail := err.Error()
	if next := nextStep(action, err); next != "" {
		detail += "\n\n" + next
	}
	diags.AddError(fmt.Sprintf("Unable to %s %s", action, subject), detail)
}

// Sentence is what an error says, with a full stop where it does not end with a statement
// of SQL, which would not run with one.
func Sentence(err error) string {
	text := err.Error()
	if strings.HasSuffix(text, ";") || strings.HasSuffix(text, ".") {
		return text
	}
	return text + "."
}

// nextStep says what the user can do about a class of failure. After a destroy that is
// not to apply, which would make everything again.
func nextStep(action string, err error) string {
	var command *remote.CommandError
	again, next := "apply again", "by the next apply"
	if action == "Delete" {
		again, next = "run the destroy again", "when you run the destroy again, or the apply if it was one"
	}
	switch {
	case errors.Is(err, context.Canceled):
		return "The run was interrupted. What was begun is finished " + next + "."
	case errors.Is(err, remote.ErrReadOnly):
		return "The provider is read_only, by its block or by the environment's ATOLL_READ_ONLY. Nothing was changed; apply with a provider that may change things."
	case errors.Is(err, remote.ErrLost):
		return "The provider block declares this machine lost. Remove what is declared on it, or take it out of the lost list when it is back."
	case errors.Is(err, remote.ErrForward):
		return "The machine answers; what is named above on its side does not. If a service should listen there, see on the machine why it does not. If sshd forbids to forward, set AllowStreamLocalForwarding (for sockets) and AllowTcpForwarding (for ports, and on jump hosts) to yes in its sshd_config, or install perl there, which does without."
	case errors.Is(err, remote.ErrSession):
		return "The machine answers and lets Atoll in, but runs nothing for it. Check that the user's login shell works for commands (ssh <machine> true), that no ForceCommand stands in the way, and that MaxSessions in its sshd_config is 1 or more."
	case errors.Is(err, remote.ErrUnreachable):
		return "Check that the machine is up and that its sshd can be reached from here, then " + again + ". If the machine is gone for good, add its address to the provider's lost list and remove it from the configuration."
	case errors.Is(err, remote.ErrMute):
		return "The machine answers, and what is named above runs there and does not. Nothing was done to it. See there why, end or restart it, then " + again + "."
	case errors.Is(err, remote.ErrDenied):
		return "The machine answers, and what is named above runs there and does not let Atoll in. A restart changes nothing of that. Do what the error says, then " + again + "."
	case errors.Is(err, remote.ErrRefused):
		return "The machine answers, and what is named above runs there and answers with an error of its own, which says why. Mend that there, or restart it, one member of a group after the other, then " + again + "."
	case errors.Is(err, remote.ErrHostKeyMismatch):
		return "Do not go on before you know why the key changed. If the machine was reinstalled, put its new key into ssh.host_key and apply. Where ssh is that of an atoll_linode, taken whole, the place is host_key of the atoll_linode."
	case errors.Is(err, remote.ErrHostKeyUnknown):
		return "Compare the fingerprint with the machine's console, then add the line as ssh.host_key. Where ssh is that of an atoll_linode, taken whole, as after an import of it without a key, add it as host_key of the atoll_linode."
	case errors.Is(err, remote.ErrAuthentication):
		return "Check ssh.user and ssh.key, and that the public half of the key stands in the user's authorized_keys on the machine."
	case errors.Is(err, remote.ErrPrivilege):
		return "Allow the user to run sudo, without a password or with the one given in the provider's ssh.sudo_passwords, or log in as root."
	case errors.Is(err, context.DeadlineExceeded):
		return "The step did not end in time. What was done stays; " + again + " to go on, or raise the value under timeouts."
	case errors.As(err, &command) && action == "Create":
		return "Mend the cause named above and " + again + "." // no plan shows what is not in the state
	case errors.As(err, &command):
		return "The host is in a state that the next plan shows. Mend the cause named above and " + again + "."
	}
	return ""
}
