// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package innodbcluster

import (
	"fmt"

	"github.com/atollhq/terraform-provider-atoll/internal/provision/preflight"
)

// replica refuses a server as a new member that replicates from elsewhere, whether that
// runs now or not: a restart lets it go on. What a member of the group has, others saw to.
func (d *diagnosing) replica(key string) error {
	seen := d.seen[key]
	if d.configured(seen) || seen.group().Own().Alive() {
		return nil
	}
	if err := preflight.Replica(seen.Channels); err != nil {
		return fmt.Errorf("member %s: %w", key, err)
	}
	return nil
}
