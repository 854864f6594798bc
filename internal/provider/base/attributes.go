// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package base

import (
	"github.com/hashicorp/terraform-plugin-framework-validators/int64validator"
	"github.com/hashicorp/terraform-plugin-framework-validators/setvalidator"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/int64default"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringdefault"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
)

// Number is a number with a default, bounded on both sides.
func Number(fallback, least, most int64, description string) schema.Int64Attribute {
	return schema.Int64Attribute{
		CustomType: Integer{},
		Optional:   true, Computed: true, Default: int64default.StaticInt64(fallback),
		Description: description, Validators: []validator.Int64{int64validator.Between(least, most)},
	}
}

// Choice is one of several words, with a default.
func Choice(fallback, description string, words ...string) schema.StringAttribute {
	return schema.StringAttribute{
		Optional: true, Computed: true, Default: stringdefault.StaticString(fallback),
		Description: description, Validators: []validator.String{OneOf(words...)},
	}
}

// Given is a string that has to be written.
func Given(description string, check Text) schema.StringAttribute {
	return schema.StringAttribute{Required: true, Description: description, Validators: []validator.String{check}}
}

// Optional is a string that may be left out.
func Optional(description string, check Text) schema.StringAttribute {
	return schema.StringAttribute{Optional: true, Description: description, Validators: []validator.String{check}}
}

// Replacing is a string that has to be written, and of which another value is
// another resource.
func Replacing(description string, check Text) schema.StringAttribute {
	attribute := Given(description, check)
	attribute.PlanModifiers = []planmodifier.String{stringplanmodifier.RequiresReplace()}
	return attribute
}

// Group is an object that may be left out.
func Group(description string, attributes map[string]schema.Attribute) schema.SingleNestedAttribute {
	return schema.SingleNestedAttribute{Optional: true, Description: description, Attributes: attributes}
}

// ShowsGroup is an object that the provider fills.
func ShowsGroup(description string, attributes map[string]schema.Attribute) schema.SingleNestedAttribute {
	return schema.SingleNestedAttribute{Computed: true, Description: description, Attributes: attributes}
}

// TextsOf asks of a set of strings that it has one at least, none that is null,
// and that a check finds nothing wrong with any.
func TextsOf(check Text) []validator.Set {
	return []validator.Set{setvalidator.SizeAtLeast(1), setvalidator.NoNullValues(), setvalidator.ValueStringsAre(check)}
}

// Shows is a string that the provider fills.
func Shows(description string) schema.StringAttribute {
	return schema.StringAttribute{Computed: true, Description: description}
}

// ShowsNumber is a number that the provider fills.
func ShowsNumber(description string) schema.Int64Attribute {
	return schema.Int64Attribute{Computed: true, Description: description}
}

// ExportedText and ExportedNumber stand in an object that another resource
// exports, in a map that takes it: see Whole. Nothing that is written into a file
// by lines has more than one.
func ExportedText(description string) schema.StringAttribute {
	return schema.StringAttribute{Optional: true, Description: description, Validators: []validator.String{Line()}}
}

// ExportedNumber is the number beside ExportedText.
func ExportedNumber(description string) schema.Int64Attribute {
	return schema.Int64Attribute{CustomType: Integer{}, Optional: true, Description: description}
}
