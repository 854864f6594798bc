// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package base

import (
	"context"
	"fmt"
	"time"

	"github.com/hashicorp/terraform-plugin-framework-timeouts/resource/timeouts"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// Deadline bounds one operation by the timeouts attribute: pass the method of
// timeouts.Value that goes with it.
func Deadline(ctx context.Context, configured func(context.Context, time.Duration) (time.Duration, diag.Diagnostics),
	fallback time.Duration, diags *diag.Diagnostics,
) (context.Context, context.CancelFunc) {
	timeout, problems := configured(ctx, fallback)
	diags.Append(problems...)
	return context.WithTimeout(ctx, timeout)
}

// RefuseLost raises an error at plan time for something new on a machine that
// the provider block declares lost.
func (d *Data) RefuseLost(target remote.Target, at path.Path, diags *diag.Diagnostics) {
	if d.Lost[target.Host] {
		diags.AddAttributeError(at, "Machine Is Declared Lost",
			fmt.Sprintf("%s = %q stands in the provider's lost list, so nothing can be made on it. "+
				"Remove what is declared on this machine, or take it out of the list when it is back.", at, target.Host))
	}
}

// NoTimeouts is the timeouts attribute of a resource that was just imported.
func NoTimeouts() timeouts.Value {
	return timeouts.Value{Object: types.ObjectNull(map[string]attr.Type{
		"create": types.StringType, "read": types.StringType, "update": types.StringType, "delete": types.StringType,
	})}
}
