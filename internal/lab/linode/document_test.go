// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package linode

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
)

// referenceVariable names the directory with what the emulator is held to: Linode's
// own OpenAPI document (linode-openapi.json) and the conversations that linodego
// recorded (linode-recordings/*.yaml). They are other people's, and not in here.
const referenceVariable = "ATOLL_LINODE_REFERENCE"

// reference gives the path of a part of it, and skips the test where there is none.
func reference(t *testing.T, name string) string {
	t.Helper()
	directory := os.Getenv(referenceVariable)
	if directory == "" {
		t.Skip(referenceVariable + " names no directory with Linode's document and recordings")
	}
	return filepath.Join(directory, name)
}

func documentOf(t *testing.T) *openapi3.T {
	t.Helper()
	document, err := loadDocument(reference(t, "linode-openapi.json"))
	if err != nil {
		t.Fatal(err)
	}
	return document
}

// Keys that real answers have and document 4.189.0 lacks, by object, from the
// recordings of linodego and its types.
var undocumented = map[string][]string{
	"settings": {"interfaces_for_new_linodes", "maintenance_policy"},
	"device":   {"parent_entity"},
	"instance": {"site_type", "disk_encryption", "interface_generation", "maintenance_policy", "specs.accelerated_devices"},
	"firewall": {"entities"},
	"region":   {"site_type", "monitors", "placement_group_limits.maximum_linodes_per_flexible_pg"},
	"type":     {"accelerated_devices"},
	"address":  {"interface_id", "reserved", "vpc_nat_1_1"},
	"config":   {"created", "updated", "initrd"},
	"placing":  {"migrations"},
}

// Keys that the document has and answers may do without: optional in a rule,
// null where there is nothing, or another spelling of a real one.
var absent = []string{
	"description", "ports", "ipv4", "ipv6", // of a rule
	"site-type", // the real key is site_type
	"vpc_nat_1_1", "disk_id", "volume_id", "filesystem_path",
}

// newer are operations that came after document 4.189.0, with what tells of them.
var newer = map[string]string{
	"PUT /linode/instances/{linodeId}/firewalls":  "Linode's changelog of 28 April 2025; linodego",
	"GET /linode/instances/{linodeId}/interfaces": "Linode's guide on Linode interfaces; linodego",
	"GET /networking/firewalls/settings":          "linodego",
	"PUT /networking/firewalls/settings":          "linodego",
}

// What the document says otherwise than real answers do, or cannot mean.
var outside = []string{
	`resizing`,                         // a status that linodego knows
	`secondary_entity/id`,              // a text for images, a number for configs
	`a-z, A-Z, 0-9, /, _, -`,           // prose instead of a pattern
	`property "data" is unsupported`,   // of three lists: two closed objects of which an answer has to be both
	`/entity/type`,                     // vpc is missing among the types
	`"authorized_keys" is unsupported`, // of a rebuild: two closed objects of which a request has to be both
}

func TestAnswersAreThoseOfTheDocument(t *testing.T) {
	document := documentOf(t)
	_, client, heard := open(t)
	converse(t, client)
	checked, told := map[string]bool{}, map[string]bool{}
	for _, one := range heard.all {
		route, _ := routeOf(one.method, one.path)
		operation := operationOf(document, route)
		if operation == nil {
			if newer[route] == "" {
				t.Errorf("%s is not in the document", route)
			}
			continue
		}
		for _, wrong := range append(requestWithDocument(operation, one), compareWithDocument(operation, one)...) {
			if line := route + ": " + wrong; !told[line] {
				told[line] = true
				t.Errorf("%s\n%s", line, one.answer)
			}
		}
		checked[route] = true
	}
	t.Logf("%d operations hold to the document", len(checked))
}

func loadDocument(path string) (*openapi3.T, error) {
	// The API's times have no zone, which the format's own rule demands.
	openapi3.DefineStringFormatValidator("date-time", openapi3.NewRegexpFormatValidator(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d$`))
	return openapi3.NewLoader().LoadFromFile(path)
}

// inside drops what is known to be outside of the document.
func inside(lines []string) []string {
	return slices.DeleteFunc(lines, func(line string) bool {
		return slices.ContainsFunc(outside, func(known string) bool { return strings.Contains(line, known) })
	})
}

func operationOf(document *openapi3.T, route string) *openapi3.Operation {
	method, path, _ := strings.Cut(route, " ")
	item := document.Paths.Find("/{apiVersion}" + path)
	if item == nil {
		return nil
	}
	return item.GetOperation(method)
}

func compareWithDocument(operation *openapi3.Operation, one exchange) []string {
	response := operation.Responses.Status(one.status)
	if response == nil {
		return []string{fmt.Sprintf("status %d is not in the document", one.status)}
	}
	media := response.Value.Content.Get("application/json")
	if media == nil || media.Schema == nil {
		return nil
	}
	var answer any
	if err := json.Unmarshal(one.answer, &answer); err != nil {
		return []string{err.Error()}
	}
	wrong := compareKeys(media.Schema.Value, answer, "")
	// The schema's own rules, over what is left without the undocumented keys.
	if err := media.Schema.Value.VisitJSON(stripped(media.Schema.Value, answer), openapi3.MultiErrors()); err != nil {
		wrong = append(wrong, inside(schemaErrors(err))...)
	}
	return wrong
}

// requestWithDocument checks what linodego asks for: known keys, valid values.
func requestWithDocument(operation *openapi3.Operation, one exchange) []string {
	var asked any
	if len(one.asked) == 0 || operation.RequestBody == nil || json.Unmarshal(one.asked, &asked) != nil {
		return nil
	}
	schema := operation.RequestBody.Value.Content.Get("application/json").Schema.Value
	object, documented := asked.(map[string]any), properties(schema)
	var wrong []string
	for name := range object {
		if _, known := documented[name]; !known && !slices.Contains(undocumentedRequests, name) {
			wrong = append(wrong, "request: "+name+" is neither documented nor allowed for")
		}
	}
	if err := schema.VisitJSON(stripped(schema, asked), openapi3.MultiErrors(), openapi3.VisitAsRequest()); err != nil {
		for _, line := range inside(schemaErrors(err)) {
			wrong = append(wrong, "request: "+line)
		}
	}
	return wrong
}

// undocumentedRequests are create options of linodego that document 4.189.0
// lacks.
var undocumentedRequests = []string{"disk_encryption", "interface_generation", "network_helper", "maintenance_policy", "kernel", "boot_size", "ipv4", "interfaces_for_new_linodes", "init_rd"}

func schemaErrors(err error) []string {
	var lines []string
	if many, isMany := err.(openapi3.MultiError); isMany { //nolint:errorlint // it is this very type
		for _, one := range many {
			lines = append(lines, schemaErrors(one)...)
		}
		return lines
	}
	text := err.Error()
	// Patterns with look-ahead cannot be compiled; the label's is checked by hand.
	if strings.Contains(text, "error parsing regexp") || strings.Contains(text, "nullable") || strings.Contains(text, "Value is not nullable") {
		return nil
	}
	first, _, _ := strings.Cut(text, "\n")
	return []string{first}
}

// properties of a schema, those of its parts included.
func properties(schema *openapi3.Schema) map[string]*openapi3.Schema {
	all := map[string]*openapi3.Schema{}
	for _, part := range slices.Concat(schema.AllOf, schema.OneOf, schema.AnyOf) {
		maps.Copy(all, properties(part.Value))
	}
	for name, property := range schema.Properties {
		all[name] = property.Value
	}
	return all
}

// compareKeys asks for the same keys in every object, both ways.
func compareKeys(schema *openapi3.Schema, value any, at string) []string {
	switch value := value.(type) {
	case []any:
		if schema.Items == nil || len(value) == 0 {
			return nil
		}
		return compareKeys(schema.Items.Value, value[0], at)
	case map[string]any:
		return compareObject(properties(schema), value, at)
	}
	return nil
}

func compareObject(documented map[string]*openapi3.Schema, value map[string]any, at string) []string {
	var wrong []string
	if len(documented) == 0 {
		return nil
	}
	for name, property := range documented {
		inner, found := value[name]
		switch {
		case found:
			wrong = append(wrong, compareKeys(property, inner, at+"."+name)...)
		case !slices.Contains(absent, name) && !property.WriteOnly:
			wrong = append(wrong, fmt.Sprintf("%s.%s is documented and missing", at, name))
		}
	}
	for name := range value {
		if _, known := documented[name]; !known && !allowed(name) {
			wrong = append(wrong, fmt.Sprintf("%s.%s is neither documented nor allowed for", at, name))
		}
	}
	slices.Sort(wrong)
	return wrong
}

func allowed(name string) bool {
	for _, names := range undocumented {
		for _, known := range names {
			if known[strings.LastIndexByte(known, '.')+1:] == name {
				return true
			}
		}
	}
	return false
}

// stripped is a value without the keys that its schema lacks.
func stripped(schema *openapi3.Schema, value any) any {
	switch value := value.(type) {
	case []any:
		if schema.Items == nil {
			return value
		}
		rest := make([]any, 0, len(value))
		for _, one := range value {
			rest = append(rest, stripped(schema.Items.Value, one))
		}
		return rest
	case map[string]any:
		documented, rest := properties(schema), map[string]any{}
		for name, inner := range value {
			property, known := documented[name]
			if inner == nil || !known && len(documented) > 0 {
				continue // null stands for "not there" all over the API
			}
			if known {
				inner = stripped(property, inner)
			}
			rest[name] = inner
		}
		return rest
	}
	return value
}
