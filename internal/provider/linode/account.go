// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package linode

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/resource/identityschema"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
	"github.com/atollhq/terraform-provider-atoll/internal/provider/base"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/linode"
)

// account is what the kinds of this room share: they stand in an account, which
// is asked over its API and gives each thing a number.
type account struct{ base.Configured }

// client of the provider block; without one the run has failed.
func (a *account) client(run *base.Run, subject string) *linode.Client {
	client, err := a.Linode()
	run.Fail(subject, advise(err))
	return client
}

// asked is the client that a refresh asks; nil where there is none. Then the run has
// failed, or the account cannot be asked before the apply, since its token comes
// from another resource: that is said, and the state is kept. An import has none.
func (a *account) asked(run *base.Run, subject string, imported bool) *linode.Client {
	client, err := a.Linode()
	if errors.Is(err, base.ErrPending) && !imported {
		run.Diagnostics.AddWarning("Linode Account Was Not Asked", subject+" was not read, and its last known state is kept: "+base.Sentence(err))
		return nil
	}
	run.Fail(subject, advise(err))
	return client
}

// unheardOf is what a refresh makes of an error of the account. Where its API does not
// answer that is a line of drift, as a machine's silence is: the state is kept, and the
// plan of everything else goes on. An import has no state to keep.
func (a *account) unheardOf(run *base.Run, subject string, imported bool, err error) base.Observed {
	if imported || !errors.Is(err, linode.ErrUnavailable) {
		run.Fail(subject, advise(err))
		return base.Observed{}
	}
	run.Diagnostics.AddWarning("Linode Account Was Not Asked", fmt.Sprintf("%s was not read, and its last known state is kept: %v", subject, advise(err)))
	return base.Observed{Drift: []converge.Line{{Subject: "unreachable", Code: converge.CodeUnreachable, Text: converge.FirstLine(err)}}}
}

// advise adds to an error what its class asks of the user.
func advise(err error) error {
	for _, class := range []struct {
		kind error
		text string
	}{
		{linode.ErrToken, "Check linode.token in the provider block, or LINODE_TOKEN, and that it may read and write Linodes, firewalls, addresses (ips) and events, and VPCs where vpc_subnet_id is given."},
		{linode.ErrUnavailable, "The state is kept. Try again when the API answers; status.linode.com tells of its outages."},
		{linode.ErrLimited, "The account asked too often for too long. Try again in a few minutes, or with a smaller -parallelism."},
		{linode.ErrRefused, "Change what the API names, and apply again."},
		{linode.ErrEvent, "Look at the machine in Linode's Cloud Manager; the next plan shows its state."},
	} {
		if errors.Is(err, class.kind) {
			return fmt.Errorf("%w\n\n%s", err, class.text)
		}
	}
	return err
}

// numberIdentity finds a thing of the account again.
func numberIdentity(description string) map[string]identityschema.Attribute {
	return map[string]identityschema.Attribute{
		"id": identityschema.StringAttribute{RequiredForImport: true, Description: description},
	}
}

// find gives the number that an import asks for, of a thing called what: by the
// number, by the label, which labelled looks up (0 for none), or by the identity.
// rest is what follows a blank in an import id.
func (a *account) find(ctx context.Context, run *base.Run, asked base.Asked, what string,
	labelled func(ctx context.Context, client *linode.Client, label string) (int, error),
) (id types.String, rest string) {
	name := asked.ID
	if name == "" {
		name = asked.Text(ctx, run, "id")
	} else {
		name, rest, _ = strings.Cut(strings.TrimSpace(name), " ")
	}
	if _, err := strconv.Atoi(name); err == nil || run.Failed() {
		return types.StringValue(name), rest
	}
	subject := what + " " + name
	client := a.client(run, subject)
	if run.Failed() {
		return types.StringNull(), rest
	}
	number, err := labelled(ctx, client, name)
	if err == nil && number == 0 {
		err = fmt.Errorf("the account has none labelled %q. The import id is a number or a label; a machine's host key may follow after a blank", name)
	}
	run.Fail(subject, advise(err))
	return types.StringValue(strconv.Itoa(number)), rest
}

// numbered is the number of what was made or found before.
func numbered(id types.String) int {
	number, _ := strconv.Atoi(id.ValueString()) // ours, or checked at import
	return number
}
