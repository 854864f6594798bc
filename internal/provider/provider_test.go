// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"context"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
)

// schemas asks the provider as Terraform does.
func schemas(t *testing.T) *tfprotov6.GetProviderSchemaResponse {
	t.Helper()
	server, err := providerserver.NewProtocol6WithError(New("test")())()
	if err != nil {
		t.Fatal(err)
	}
	response, err := server.GetProviderSchema(context.Background(), &tfprotov6.GetProviderSchemaRequest{})
	if err != nil {
		t.Fatal(err)
	}
	for _, problem := range response.Diagnostics {
		t.Errorf("%s: %s", problem.Summary, problem.Detail)
	}
	return response
}

// The docs are made of the descriptions, so each attribute needs one that ends
// as a sentence does.
func TestEveryAttributeIsDescribed(t *testing.T) {
	response := schemas(t)
	check := func(where string, attributes []*tfprotov6.SchemaAttribute) { describe(t, where, attributes) }
	check("provider", response.Provider.Block.Attributes)
	if len(response.ResourceSchemas) < 8 {
		t.Errorf("%d resources", len(response.ResourceSchemas))
	}
	for name, resource := range response.ResourceSchemas {
		if resource.Block.Description == "" {
			t.Errorf("%s has no description", name)
		}
		check(name, resource.Block.Attributes)
	}
	for name, action := range response.ActionSchemas {
		if action.Schema.Block.Description == "" {
			t.Errorf("%s has no description", name)
		}
		check(name, action.Schema.Block.Attributes)
	}
}

func describe(t *testing.T, where string, attributes []*tfprotov6.SchemaAttribute) {
	t.Helper()
	for _, attribute := range attributes {
		path := where + "." + attribute.Name
		if attribute.Name == "timeouts" {
			continue // the library's own
		}
		if text := strings.TrimSpace(attribute.Description); text == "" || !strings.HasSuffix(strings.TrimSuffix(text, ")"), ".") {
			t.Errorf("%s: the description %q is no sentence", path, text)
		}
		if attribute.NestedType != nil {
			describe(t, path, attribute.NestedType.Attributes)
		}
	}
}

// Secrets are taken by the provider block alone, where no state holds them.
func TestOnlyTheProviderTakesSecrets(t *testing.T) {
	for name, resource := range schemas(t).ResourceSchemas {
		for _, attribute := range resource.Block.Attributes {
			if attribute.Sensitive && !attribute.WriteOnly || strings.Contains(attribute.Name, "password") || attribute.Name == "private_key" {
				t.Errorf("%s.%s would put a secret into the state", name, attribute.Name)
			}
		}
	}
}
