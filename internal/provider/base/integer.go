// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package base

import (
	"context"
	"fmt"
	"math/big"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types/basetypes"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

// Integer is the type of a number that somebody writes. Terraform knows no whole
// numbers, and the framework calls half a one "always an error in the provider"; this
// type names the attribute and the value. What it reads are the framework's own values.
type Integer struct{ basetypes.Int64Type }

// Equal takes the framework's own type for the same, which computed values have.
func (Integer) Equal(other attr.Type) bool {
	switch other.(type) {
	case Integer, basetypes.Int64Type:
		return true
	}
	return false
}

// ValueFromTerraform leaves to Validate what is no whole number: an error here would be
// the framework's own, without a path.
func (t Integer) ValueFromTerraform(ctx context.Context, value tftypes.Value) (attr.Value, error) {
	if _, whole := number(value); !whole {
		return basetypes.NewInt64Unknown(), nil
	}
	return t.Int64Type.ValueFromTerraform(ctx, value)
}

// Validate asks for a whole number of 64 bits. The framework has it called in each place
// where a value is read, for a type whose values are its own.
func (t Integer) Validate(_ context.Context, value tftypes.Value, at path.Path) (problems diag.Diagnostics) {
	if given, whole := number(value); !whole {
		problems.AddAttributeError(at, "Invalid Attribute Value", fmt.Sprintf("%s = %s must be a whole number.", at, given.Text('g', -1)))
	}
	return problems
}

// number tells whether a value is a whole number of 64 bits, or none at all yet.
func number(value tftypes.Value) (given *big.Float, whole bool) {
	if value.IsNull() || !value.IsKnown() || value.As(&given) != nil {
		return nil, true
	}
	_, rounded := given.Int64()
	return given, rounded == big.Exact
}
