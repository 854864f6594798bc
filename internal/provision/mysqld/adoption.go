// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package mysqld

import (
	"context"
	"errors"
	"fmt"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/preflight"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// unfit says why data that are not ours yet cannot be those of a member, or is
// nil. A server that does not run is asked by the apply.
func unfit(found preflight.Facts) error {
	if !found.Answers {
		return nil
	}
	return preflight.Refusal(preflight.One(found))
}

// adoptable refuses data that a group would not take, before anything of ours
// stands beside them. A server that is down is started for the question, with
// the settings that it has.
func (c Config) adoptable(ctx context.Context, host remote.Host) error {
	found, err := converge.Ask(ctx, host, preflight.Question())
	if err != nil || found.Answers {
		return errors.Join(err, unfit(found))
	}
	run := func(name, script string) error {
		_, err := host.Run(ctx, remote.Command{Name: name, Script: script, Long: true})
		return err
	}
	if err := run("starting the server to look at its data", converge.StartScript(Unit)); err != nil {
		return err
	}
	if found, err = converge.Ask(ctx, host, preflight.Question()); err == nil && !found.Answers {
		err = fmt.Errorf("the server on %s holds data and does not stay up to be asked about them: its error log says why", host.Target().Host)
	}
	if err = errors.Join(err, unfit(found)); err != nil {
		return errors.Join(err, run("stopping the server again", "systemctl stop "+Unit))
	}
	return nil
}
