// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package base

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// Whole asks of a map of exported objects that each is there and has what is
// needed of it. To Terraform the attributes are optional: it takes a required one
// of an object that is not known yet for missing.
type Whole struct {
	// Of says what each object is ("peer of an atoll_mesh_peer").
	Of string
	// Needs are the attributes, such as "address" and "ssh.host".
	Needs []string
}

// Description says what is asked for.
func (v Whole) Description(context.Context) string {
	return "each must be the whole " + v.Of
}

// MarkdownDescription says the same.
func (v Whole) MarkdownDescription(ctx context.Context) string { return v.Description(ctx) }

// ValidateMap names what is missing by key and attribute.
func (v Whole) ValidateMap(_ context.Context, req validator.MapRequest, resp *validator.MapResponse) {
	elements := req.ConfigValue.Elements()
	for _, key := range slices.Sorted(maps.Keys(elements)) {
		v.validate(elements[key], req.Path.AtMapKey(key), &resp.Diagnostics)
	}
}

// ValidateList names what is missing by index and attribute.
func (v Whole) ValidateList(_ context.Context, req validator.ListRequest, resp *validator.ListResponse) {
	for i, element := range req.ConfigValue.Elements() {
		v.validate(element, req.Path.AtListIndex(i), &resp.Diagnostics)
	}
}

func (v Whole) validate(element attr.Value, at path.Path, diags *diag.Diagnostics) {
	object, _ := element.(types.Object)
	switch {
	case object.IsUnknown():
		return
	case object.IsNull():
		diags.AddAttributeError(at, "Missing Object", fmt.Sprintf("%s is null: hand over the whole %s, or leave the entry out.", at, v.Of))
		return
	}
	for _, need := range v.Needs {
		if missing, found := lacking(object, at, strings.Split(need, ".")); found {
			diags.AddAttributeError(missing, "Missing Attribute", fmt.Sprintf("%s is missing: hand over the whole %s.", missing, v.Of))
		}
	}
}

// lacking finds the first null on the way to an attribute.
func lacking(object types.Object, at path.Path, names []string) (missing path.Path, found bool) {
	value := object.Attributes()[names[0]]
	at = at.AtName(names[0])
	switch {
	case value == nil || value.IsNull():
		return at, true
	case value.IsUnknown() || len(names) == 1:
		return at, false
	}
	inner, _ := value.(types.Object)
	return lacking(inner, at, names[1:])
}

// CheckMember finds what is wrong with an exported object, whatever exported it:
// its port, its ssh, and that another one of the map is on the same machine.
// machines collects those that were seen, by address.
func CheckMember(object types.Object, at path.Path, machines map[string]string, diags *diag.Diagnostics) {
	complain := func(at path.Path, value string, err error) {
		if err != nil {
			diags.AddAttributeError(at, "Invalid Attribute Value", fmt.Sprintf("%s%s %v.", at, value, err))
		}
	}
	port := Member[types.Int64](object, "port")
	if number := port.ValueInt64(); !port.IsNull() && !port.IsUnknown() && (number < 1 || number > 65535) {
		complain(at.AtName("port"), fmt.Sprintf(" = %d", number), errors.New("must be between 1 and 65535"))
	}
	connection := Member[types.Object](object, "ssh")
	checkHop := func(hop types.Object, at path.Path) {
		for name, check := range map[string]Text{"host": Address(), "user": UserName(), "host_key": HostKey(), "key": KeyName()} {
			if value := Member[types.String](hop, name); !value.IsNull() && !value.IsUnknown() {
				complain(at.AtName(name), Shown(value.ValueString()), check.Check(value.ValueString()))
			}
		}
	}
	checkHop(connection, at.AtName("ssh"))
	for i, element := range Member[types.List](connection, "jumps").Elements() {
		jump, _ := element.(types.Object)
		checkHop(jump, at.AtName("ssh").AtName("jumps").AtListIndex(i))
	}
	target, known := Target(connection)
	if !known {
		return
	}
	if other, taken := machines[target.Address()]; taken {
		complain(at.AtName("ssh"), "", fmt.Errorf("is the machine of %s as well: each has to be on a machine of its own", other))
	}
	machines[target.Address()] = at.String()
}
