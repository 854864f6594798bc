// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package base

import (
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// The address of a machine that is yet to be made is not known, which is not that
// there is none: Terraform holds the provider to a null.
func TestAddressOfAMachineYetToBeMadeIsUnknown(t *testing.T) {
	for want, connection := range map[types.String]types.Object{
		types.StringUnknown():             types.ObjectUnknown(ConnectionType().AttrTypes),
		types.StringValue("203.0.113.11"): ConnectionFor(remote.Target{Host: "203.0.113.11"}),
	} {
		if got := (&Node{Connection: connection}).Address(); !got.Equal(want) {
			t.Errorf("%s, want %s", got, want)
		}
	}
}
