// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"fmt"
	"maps"
	"math/big"
	"strings"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

// at reads one value of a state as Go: text, number, truth, list or object.
func (s *state) at(path ...string) any {
	value := s.value
	for _, name := range path {
		var members map[string]tftypes.Value
		if value.IsNull() || value.As(&members) != nil {
			return nil
		}
		value = members[name]
	}
	return plain(value)
}

// lines are the drift of a state.
func (s *state) lines() string { return fmt.Sprint(s.at("drift")) }

func plain(value tftypes.Value) any {
	if !value.IsKnown() {
		return unknown{}
	}
	if value.IsNull() {
		return nil
	}
	var text string
	var number big.Float
	var truth bool
	var list []tftypes.Value
	var members map[string]tftypes.Value
	switch {
	case value.As(&text) == nil:
		return text
	case value.As(&number) == nil:
		if whole, accuracy := number.Int64(); accuracy == big.Exact {
			return whole
		}
		part, _ := number.Float64()
		return part
	case value.As(&truth) == nil:
		return truth
	case value.As(&list) == nil:
		all := []any{}
		for _, one := range list {
			all = append(all, plain(one))
		}
		return all
	case value.As(&members) == nil:
		all := object{}
		for name, one := range members {
			all[name] = plain(one)
		}
		return all
	}
	return fmt.Sprint(value)
}

// write makes a value of a type; what an object leaves out is null.
func write(kind tftypes.Type, given any) tftypes.Value {
	if _, isUnknown := given.(unknown); isUnknown {
		return tftypes.NewValue(kind, tftypes.UnknownValue)
	}
	if value, isValue := given.(tftypes.Value); isValue {
		return value
	}
	if given == nil {
		return tftypes.NewValue(kind, nil)
	}
	switch typed := kind.(type) {
	case tftypes.Object:
		members := map[string]tftypes.Value{}
		for name, inner := range typed.AttributeTypes {
			members[name] = write(inner, given.(object)[name]) // the test's own
		}
		return tftypes.NewValue(kind, members)
	case tftypes.Map:
		members := map[string]tftypes.Value{}
		for name, inner := range given.(object) { // the test's own
			members[name] = write(typed.ElementType, inner)
		}
		return tftypes.NewValue(kind, members)
	case tftypes.List:
		return tftypes.NewValue(kind, elements(typed.ElementType, given))
	case tftypes.Set:
		return tftypes.NewValue(kind, elements(typed.ElementType, given))
	}
	return tftypes.NewValue(kind, given)
}

func elements(kind tftypes.Type, given any) []tftypes.Value {
	all := []tftypes.Value{}
	for _, one := range given.([]any) { // the test's own
		all = append(all, write(kind, one))
	}
	return all
}

func errorsIn(diagnostics []*tfprotov6.Diagnostic) string {
	return said(diagnostics, tfprotov6.DiagnosticSeverityError)
}

func warningsIn(diagnostics []*tfprotov6.Diagnostic) string {
	return said(diagnostics, tfprotov6.DiagnosticSeverityWarning)
}

func said(diagnostics []*tfprotov6.Diagnostic, severity tfprotov6.DiagnosticSeverity) string {
	var all []string
	for _, one := range diagnostics {
		if one.Severity == severity {
			at := ""
			if one.Attribute != nil {
				at = " at " + one.Attribute.String()
			}
			all = append(all, one.Summary+at+": "+one.Detail)
		}
	}
	return strings.Join(all, "\n")
}

// members are the attributes of an object that is there.
func members(value tftypes.Value) map[string]tftypes.Value {
	all := map[string]tftypes.Value{}
	if value.IsKnown() && !value.IsNull() {
		_ = value.As(&all)
	}
	return maps.Clone(all)
}
