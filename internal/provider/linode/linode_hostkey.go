// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package linode

import (
	"errors"
	"fmt"
	"strings"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
	"github.com/atollhq/terraform-provider-atoll/internal/provider/base"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// anotherHostKey is what to do where a machine shows one: its argument is not ssh's.
func (m *linodeModel) anotherHostKey() string {
	return "Do not go on before you know why the key changed. If the machine was rebuilt or reinstalled elsewhere, such as in Linode's Cloud Manager, compare the key that it shows with the one at its console, " +
		"give that as host_key of this atoll_linode, and apply; ssh has it from there. " +
		fmt.Sprintf("If it is to be made anew instead, add %q to lost in the provider block for the terraform apply -replace that does so: nothing on it is asked then whether the site can spare it.", m.IPv4.ValueString())
}

// renewed says that the machine itself, and not another that is asked on its way,
// shows another host key than the known one.
func (m *linodeModel) renewed(err error) bool {
	var shown *remote.Error
	return errors.As(err, &shown) && errors.Is(shown.Kind, remote.ErrHostKeyMismatch) && strings.HasPrefix(shown.Address, m.IPv4.ValueString()+":")
}

// advise adds to an error what its class asks of the user. What it says of a host key
// takes the place of the advice for machines that are named by an ssh attribute.
func (m *linodeModel) advise(err error) error {
	if m.renewed(err) {
		return errors.New(err.Error() + "\n\n" + m.anotherHostKey()) // its class would bring the other advice
	}
	return advise(err)
}

// unheard tells what it means that the machine could not be asked.
func (k *linodeKind) unheard(run *base.Run, model *linodeModel, target remote.Target, err error) []converge.Line {
	line, _ := converge.NotAsked(err)
	if !model.renewed(err) {
		return k.Unheard(run, model.Subject(), target, err).Drift
	}
	run.Diagnostics.AddWarning("Host Key of "+model.Subject()+" Changed", fmt.Sprintf("%v\n\nNothing was read from the machine, and its last known state is kept. %s", err, model.anotherHostKey()))
	return []converge.Line{line}
}

// givenHostKey reads what follows the number or the label in an import id.
func givenHostKey(run *base.Run, subject, text string) string {
	if text == "" {
		return ""
	}
	if err := base.HostKey().Check(text); err != nil {
		run.Fail(subject, fmt.Errorf("the machine's SSH host key, which may follow a blank in the import id,%s %w", base.Shown(text), err))
	}
	return text
}
