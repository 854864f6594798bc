// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"fmt"
	"maps"
	"slices"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

// propose is what Terraform proposes before it asks the provider: what is
// written, and of computed attributes that are not, what was.
func propose(attributes []*tfprotov6.SchemaAttribute, prior, config tftypes.Value) tftypes.Value {
	if !config.IsKnown() || config.IsNull() {
		return config
	}
	before, all := members(prior), members(config)
	for _, attribute := range attributes {
		was, given := before[attribute.Name]
		written := all[attribute.Name]
		switch {
		case attribute.WriteOnly:
			all[attribute.Name] = tftypes.NewValue(attribute.ValueType(), nil)
		case attribute.Computed && written.IsNull() && given:
			all[attribute.Name] = was
		case attribute.NestedType != nil && attribute.NestedType.Nesting == tfprotov6.SchemaObjectNestingModeSingle:
			all[attribute.Name] = propose(attribute.NestedType.Attributes, was, written)
		case attribute.NestedType != nil && attribute.NestedType.Nesting == tfprotov6.SchemaObjectNestingModeMap && written.IsKnown() && !written.IsNull():
			elements, former := members(written), members(was)
			for key, element := range elements {
				elements[key] = propose(attribute.NestedType.Attributes, former[key], element)
			}
			all[attribute.Name] = tftypes.NewValue(written.Type(), elements)
		}
	}
	return tftypes.NewValue(config.Type(), all)
}

// invalid holds a plan to Terraform's rules, as it does itself ("Provider
// produced invalid plan"): what is written is planned as it is written, and only
// what is computed may be anything else.
func invalid(attributes []*tfprotov6.SchemaAttribute, prior, config, planned tftypes.Value, at string) []string {
	var problems []string
	before, given, made := members(prior), members(config), members(planned)
	for _, attribute := range attributes {
		name := at + "." + attribute.Name
		was, written, now := before[attribute.Name], given[attribute.Name], made[attribute.Name]
		same := now.Equal(written) || !written.IsNull() && !was.IsNull() && now.Equal(was)
		nested := attribute.NestedType != nil && written.IsKnown() && !written.IsNull() && now.IsKnown() && !now.IsNull()
		switch {
		case attribute.WriteOnly && now.IsNull():
		case attribute.WriteOnly:
			problems = append(problems, fmt.Sprintf("Provider produced invalid plan: %s is write-only, and planned as %s", name, now))
		case same, written.IsNull() && attribute.Computed:
		case nested && attribute.NestedType.Nesting == tfprotov6.SchemaObjectNestingModeSingle:
			problems = append(problems, invalid(attribute.NestedType.Attributes, was, written, now, name)...)
		case nested && attribute.NestedType.Nesting == tfprotov6.SchemaObjectNestingModeMap:
			for key, element := range members(written) {
				problems = append(problems, invalid(attribute.NestedType.Attributes, members(was)[key], element, members(now)[key], name+"["+key+"]")...)
			}
		default:
			problems = append(problems, fmt.Sprintf("Provider produced invalid plan: %s is planned as %s, and %s is written", name, now, written))
		}
	}
	return problems
}

// inconsistent holds a new state to what was planned ("Provider produced
// inconsistent result after apply").
func inconsistent(planned, made tftypes.Value, at string) []string {
	if !planned.IsKnown() || planned.Equal(made) {
		return nil
	}
	before, after := members(planned), members(made)
	var listed, became []tftypes.Value
	if planned.As(&listed) == nil && made.As(&became) == nil && len(listed) == len(became) && !planned.IsNull() {
		for i := range listed {
			before[fmt.Sprint(i)], after[fmt.Sprint(i)] = listed[i], became[i]
		}
	}
	if len(before) == 0 || len(before) != len(after) {
		return []string{fmt.Sprintf("Provider produced inconsistent result after apply: %s was planned as %s and became %s", at, planned, made)}
	}
	var problems []string
	for _, name := range slices.Sorted(maps.Keys(before)) {
		problems = append(problems, inconsistent(before[name], after[name], at+"."+name)...)
	}
	return problems
}

// hostKey is that of all simulated machines, otherKey of none.
const (
	hostKey  = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJQ0JQJZ2bD7pV1wqvWm7mV9YqzE2yqDXHqT5m0gk3vU"
	otherKey = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB2fQk1oYw0dU1Xl0f0w0uT3jv9m0G0hX8f1k2l3m4n5"
)
