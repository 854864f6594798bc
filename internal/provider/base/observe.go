// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package base

import (
	"context"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// Observe asks a machine about a manifest, and says what of it differs. A
// machine without a record has nothing of its owner.
func Observe(ctx context.Context, host remote.Host, manifest converge.Manifest) (converge.Observation, Observed, error) {
	observation, err := converge.Observe(ctx, host, manifest)
	if err != nil {
		return observation, Observed{}, err
	}
	return observation, Observed{Drift: converge.Diff(manifest, observation).Drift, Absent: !observation.Recorded()}, nil
}
