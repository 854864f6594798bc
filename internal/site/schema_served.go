// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package site

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"

	"github.com/atollhq/terraform-provider-atoll/internal/provider"
)

// withServed adds what the provider serves and programs leave out when they print its schema:
// actions, which a Terraform before 1.14 and an OpenTofu do not know, and identities, which came
// with Terraform 1.12. The documentation is to be the same whoever writes it.
func withServed(ctx context.Context, printed []byte) ([]byte, error) {
	var all map[string]json.RawMessage
	var providers map[string]map[string]json.RawMessage
	if err := json.Unmarshal(printed, &all); err != nil {
		return nil, fmt.Errorf("reading the schema: %w", err)
	}
	if err := json.Unmarshal(all["provider_schemas"], &providers); err != nil {
		return nil, fmt.Errorf("reading the schema of the providers: %w", err)
	}
	server, err := providerserver.NewProtocol6WithError(provider.New("schema")())()
	if err != nil {
		return nil, err
	}
	schemas, err := server.GetProviderSchema(ctx, &tfprotov6.GetProviderSchemaRequest{})
	if err != nil {
		return nil, err
	}
	known, err := server.GetResourceIdentitySchemas(ctx, &tfprotov6.GetResourceIdentitySchemasRequest{})
	if err != nil {
		return nil, err
	}
	for _, one := range providers {
		if one["action_schemas"], err = json.Marshal(actions(schemas.ActionSchemas)); err != nil {
			return nil, err
		}
		if one["resource_identity_schemas"], err = json.Marshal(identities(known.IdentitySchemas)); err != nil {
			return nil, err
		}
	}
	if all["provider_schemas"], err = json.Marshal(providers); err != nil {
		return nil, err
	}
	return json.Marshal(all)
}

// actions and identities are as "terraform providers schema -json" writes them.
func actions(served map[string]*tfprotov6.ActionSchema) map[string]any {
	all := map[string]any{}
	for name, action := range served {
		block := described(action.Schema.Block.Description)
		block["attributes"] = attributes(action.Schema.Block.Attributes)
		all[name] = map[string]any{"block": block}
	}
	return all
}

func identities(served map[string]*tfprotov6.ResourceIdentitySchema) map[string]any {
	all := map[string]any{}
	for name, identity := range served {
		within := map[string]any{}
		for _, one := range identity.IdentityAttributes {
			within[one.Name] = map[string]any{
				"type": one.Type, "description": one.Description, "required_for_import": one.RequiredForImport, "optional_for_import": one.OptionalForImport,
			}
		}
		all[name] = map[string]any{"version": identity.Version, "attributes": within}
	}
	return all
}

// described is what each part of a schema has.
func described(description string) map[string]any {
	return map[string]any{"description": description, "description_kind": "plain"}
}

// attributes are as "terraform providers schema -json" writes them.
func attributes(list []*tfprotov6.SchemaAttribute) map[string]any {
	all := map[string]any{}
	for _, attribute := range list {
		one := described(attribute.Description)
		one["required"], one["optional"] = attribute.Required, attribute.Optional
		if nested := attribute.NestedType; nested != nil {
			one["nested_type"] = map[string]any{"attributes": attributes(nested.Attributes), "nesting_mode": nestings[nested.Nesting]}
		} else {
			one["type"] = attribute.Type // its JSON is that of the protocol, which is Terraform's
		}
		all[attribute.Name] = one
	}
	return all
}

var nestings = map[tfprotov6.SchemaObjectNestingMode]string{
	tfprotov6.SchemaObjectNestingModeSingle: "single", tfprotov6.SchemaObjectNestingModeList: "list",
	tfprotov6.SchemaObjectNestingModeSet: "set", tfprotov6.SchemaObjectNestingModeMap: "map",
}
