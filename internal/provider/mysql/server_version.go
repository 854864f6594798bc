// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package mysql

import (
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/path"

	"github.com/atollhq/terraform-provider-atoll/internal/provider/base"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/mysqld"
)

// moveVersion gives the config the version that is declared, and says whether the
// server has to be brought to it. What the last refresh saw run is the first to be
// asked for a way there.
func moveVersion(change *base.Change[serverModel], config *mysqld.Config) (moves bool) {
	config.Wanted = mysqld.ParseVersion(change.Config.Version.ValueString())
	if !config.Wanted.Known() || change.State == nil {
		return config.Wanted.Known()
	}
	runs := mysqld.ParseVersion(change.State.Version.ValueString())
	if change.Same && runs.Known() {
		refuseVersion(change, runs.UpgradesTo(config.Wanted))
	}
	return !change.Same || runs != config.Wanted
}

// refuseVersion says why a server cannot have the version that is declared for it.
func refuseVersion(change *base.Change[serverModel], err error) {
	if err != nil {
		change.Diagnostics.AddAttributeError(path.Root("version"), "Version Cannot Be Had",
			fmt.Sprintf("version%s of the server %s: %v.", base.Shown(change.Plan.Version.ValueString()), change.Plan.ID.ValueString(), err))
	}
}
