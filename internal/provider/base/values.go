// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package base

import (
	"slices"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// TextMap gives the strings of a map. Those that are null or not known yet are
// left out; whole is false if any is not known, or the map itself.
func TextMap(values types.Map) (texts map[string]string, whole bool) {
	texts, whole = map[string]string{}, !values.IsUnknown()
	for key, element := range values.Elements() {
		text, _ := element.(types.String)
		if text.IsUnknown() {
			whole = false
		} else if !text.IsNull() {
			texts[key] = text.ValueString()
		}
	}
	return texts, whole
}

// TextSet gives the strings of a set, sorted, as TextMap does.
func TextSet(values types.Set) (texts []string, whole bool) {
	whole = !values.IsUnknown()
	for _, element := range values.Elements() {
		text, _ := element.(types.String)
		if text.IsUnknown() {
			whole = false
		} else if !text.IsNull() {
			texts = append(texts, text.ValueString())
		}
	}
	slices.Sort(texts)
	return texts, whole
}

// OptionalText is null for an empty text.
func OptionalText(text string) types.String {
	if text == "" {
		return types.StringNull()
	}
	return types.StringValue(text)
}

// Member gives an attribute of an object; the zero value, which is null, where
// there is none.
func Member[V attr.Value](object types.Object, name string) V {
	value, _ := object.Attributes()[name].(V)
	return value
}
