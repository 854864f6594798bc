// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package base

import (
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// warnOfMissingKeys speaks where a misspelt attribute is missed: Terraform drops
// what an object type does not have, without a word.
func warnOfMissingKeys(connection types.Object, diags *diag.Diagnostics) {
	for at, hop := range hops(connection) {
		if Member[types.String](hop, "host_key").IsNull() {
			diags.AddAttributeWarning(path.Root("ssh"), "Missing Host Key",
				at+".host_key is not set, so nothing will be sent to the machine; the error of the apply prints the key that it shows. "+
					"An ssh that is taken whole from an atoll_linode has it from host_key there. "+
					"If it is written there, look at its spelling: Terraform drops attributes that an object does not have, without a word.")
		}
	}
}

// refuseUnknownKeys refuses names under which the provider has no key, as an apply would.
func refuseUnknownKeys(connection types.Object, has func(name string) bool, diags *diag.Diagnostics) {
	for at, hop := range hops(connection) {
		// The one named default is the same as none, of which the provider block warns.
		if name := Member[types.String](hop, "key"); name.ValueString() != "" && name.ValueString() != "default" && !has(name.ValueString()) {
			diags.AddAttributeError(path.Root("ssh"), "Key Is Not There",
				fmt.Sprintf("%s.key%s is the name of no key: the provider block has none of it in ssh.keys or ssh.key_files, and takes none from an agent. "+
					"Put the key there under that name, or give the name of one that is there.", at, Shown(name.ValueString())))
		}
	}
}

// hops are the machines of a connection that are known, by where they are written.
func hops(connection types.Object) map[string]types.Object {
	all := map[string]types.Object{}
	add := func(at string, value attr.Value) {
		if hop, isObject := value.(types.Object); isObject && !hop.IsNull() && !hop.IsUnknown() {
			all[at] = hop
		}
	}
	add("ssh", connection)
	for i, element := range Member[types.List](connection, "jumps").Elements() {
		add(fmt.Sprintf("ssh.jumps[%d]", i), element)
	}
	return all
}
