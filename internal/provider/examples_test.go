// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclparse"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
)

// foreign are the attributes and blocks that our examples use of other
// providers, whose plugins are not to be had here: from the pages of the
// registry for linode/linode 3.13, hetznercloud/hcloud 1.52, hashicorp/tls 4.1.
var foreign = map[string][]string{
	"linode_instance": {"label", "region", "type", "image", "authorized_keys", "metadata"},
	"hcloud_server":   {"name", "server_type", "location", "image", "user_data"},
	"tls_private_key": {"algorithm"},
}

// meta belong to Terraform itself.
var meta = []string{"for_each", "count", "depends_on", "lifecycle", "provider"}

// Every example parses, and names only what the schemas have; what they require
// is given.
func TestExamplesAreValid(t *testing.T) {
	all, checked, identified := schemas(t), 0, map[string]bool{}
	err := filepath.WalkDir("../../examples", func(path string, _ fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".tf" {
			return err
		}
		file, problems := hclparse.NewParser().ParseHCLFile(path)
		if problems.HasErrors() {
			t.Error(problems)
			return nil
		}
		body, _ := file.Body.(*hclsyntax.Body)
		for _, block := range body.Blocks {
			known := all.ResourceSchemas
			switch block.Type {
			case "resource":
			case "data":
				known = all.DataSourceSchemas
			case "ephemeral":
				known = all.EphemeralResourceSchemas
			case "action":
				checked++
				checkAction(t, block, all.ActionSchemas)
				continue
			case "import":
				if kind := checkImport(t, block); kind != "" {
					identified[kind] = true
				}
				continue
			default:
				continue
			}
			checked++
			name := block.Labels[0]
			if names, isForeign := foreign[name]; isForeign {
				checkNames(t, block, names)
				continue
			}
			schema := known[name]
			if schema == nil {
				t.Errorf("%s: there is no %s %s", block.DefRange(), block.Type, name)
				continue
			}
			checkSchema(t, block, schema.Block.Attributes)
		}
		return nil
	})
	if err != nil || checked < 20 || len(identified) < len(all.ResourceSchemas) {
		t.Errorf("%d resources checked, %d imports by identity: %v", checked, len(identified), err)
	}
}

// checkImport gives the kind of resource that an import is of, where that is by an identity,
// and looks whether it names what such a one has, and all that it needs.
func checkImport(t *testing.T, block *hclsyntax.Block) (kind string) {
	t.Helper()
	to, by := block.Body.Attributes["to"], block.Body.Attributes["identity"]
	if to == nil || by == nil {
		return ""
	}
	traversal, problems := hcl.AbsTraversalForExpr(to.Expr)
	given, problem := by.Expr.Value(nil)
	if problems = append(problems, problem...); problems.HasErrors() {
		t.Error(problems)
		return ""
	}
	kind = traversal.RootName()
	schema := start(t, machines(t), object{}).identities[kind]
	if schema == nil {
		t.Errorf("%s: %s has no identity", block.DefRange(), kind)
		return ""
	}
	left := given.AsValueMap()
	for _, attribute := range schema.IdentityAttributes {
		if _, found := left[attribute.Name]; attribute.RequiredForImport && !found {
			t.Errorf("%s: %s lacks %s", block.DefRange(), kind, attribute.Name)
		}
		delete(left, attribute.Name)
	}
	for name := range left {
		t.Errorf("%s: the identity of %s has no %s", block.DefRange(), kind, name)
	}
	return kind
}

// What looks at the mesh's peers and the cluster's members waits for both: an apply that
// replaces a member would look before it is in its group again.
func TestSiteStatusWaitsForWhatItLooksAt(t *testing.T) {
	file, problems := hclparse.NewParser().ParseHCLFile("../../examples/data-sources/atoll_site_status/data-source.tf")
	if problems.HasErrors() {
		t.Fatal(problems)
	}
	body, _ := file.Body.(*hclsyntax.Body)
	waits := map[string]bool{}
	for _, block := range body.Blocks {
		after := block.Body.Attributes["depends_on"]
		if block.Type != "data" || after == nil {
			continue
		}
		for _, reference := range after.Expr.Variables() {
			waits[reference.RootName()] = true
		}
	}
	if !waits["atoll_mesh"] || !waits["atoll_mysql_cluster"] {
		t.Errorf("it waits for %v", waits)
	}
}

// checkAction looks at the config of an action, which is all that it has of its own, and
// has the provider plan it where that can be done without a Terraform.
func checkAction(t *testing.T, block *hclsyntax.Block, known map[string]*tfprotov6.ActionSchema) {
	t.Helper()
	schema := known[block.Labels[0]]
	if schema == nil || len(block.Body.Blocks) != 1 || block.Body.Blocks[0].Type != "config" {
		t.Errorf("%s: there is no action %s, or it is not one with a config block alone", block.DefRange(), block.Labels[0])
		return
	}
	config := block.Body.Blocks[0]
	checkSchema(t, config, schema.Schema.Block.Attributes)
	given := object{}
	for name, attribute := range config.Body.Attributes {
		given[name] = evaluated(t, attribute.Expr)
	}
	tf := start(t, machines(t), object{})
	if warnings, problems := tf.order(block.Labels[0], write(tf.orderKind(block.Labels[0]), given)); problems != "" || warnings != "" {
		t.Errorf("%s: %s%s", block.DefRange(), problems, warnings)
	}
}

// evaluated is what stands in an example: text, a list of it, or a reference, which is
// not known yet.
func evaluated(t *testing.T, expression hcl.Expression) any {
	t.Helper()
	if len(expression.Variables()) > 0 {
		return unknown{}
	}
	value, problems := expression.Value(nil)
	switch {
	case problems.HasErrors():
		t.Error(problems)
	case value.Type().FriendlyName() == "string":
		return value.AsString()
	default:
		list := []any{}
		for _, element := range value.AsValueSlice() {
			list = append(list, element.AsString())
		}
		return list
	}
	return nil
}

func checkNames(t *testing.T, block *hclsyntax.Block, names []string) {
	t.Helper()
	for name, attribute := range block.Body.Attributes {
		if !slices.Contains(names, name) && !slices.Contains(meta, name) {
			t.Errorf("%s: %s has no %s", attribute.SrcRange, strings.Join(block.Labels, "."), name)
		}
	}
	for _, inner := range block.Body.Blocks {
		if !slices.Contains(names, inner.Type) && !slices.Contains(meta, inner.Type) {
			t.Errorf("%s: %s has no block %s", inner.DefRange(), strings.Join(block.Labels, "."), inner.Type)
		}
	}
}

func checkSchema(t *testing.T, block *hclsyntax.Block, attributes []*tfprotov6.SchemaAttribute) {
	t.Helper()
	var names []string
	for _, attribute := range attributes {
		given, found := block.Body.Attributes[attribute.Name]
		if attribute.Required && !found {
			t.Errorf("%s: %s lacks %s", block.DefRange(), strings.Join(block.Labels, "."), attribute.Name)
		}
		if attribute.Required || attribute.Optional {
			names = append(names, attribute.Name)
		}
		if found && attribute.NestedType != nil && attribute.NestedType.Nesting == tfprotov6.SchemaObjectNestingModeSingle {
			checkObject(t, given.Expr, attribute)
		}
	}
	checkNames(t, block, names)
}

// checkObject looks at an object that is written out.
func checkObject(t *testing.T, expression hcl.Expression, attribute *tfprotov6.SchemaAttribute) {
	t.Helper()
	object, isWritten := expression.(*hclsyntax.ObjectConsExpr)
	if !isWritten {
		return
	}
	for _, item := range object.Items {
		name := hcl.ExprAsKeyword(item.KeyExpr)
		if !slices.ContainsFunc(attribute.NestedType.Attributes, func(a *tfprotov6.SchemaAttribute) bool { return a.Name == name }) {
			t.Errorf("%s: %s has no %s", item.KeyExpr.Range(), attribute.Name, name)
		}
	}
}
