// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"fmt"
	"maps"
	"math/big"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/atollhq/terraform-provider-atoll/internal/provider/base"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
	"github.com/atollhq/terraform-provider-atoll/internal/remote/remotetest"
)

// terraform speaks with the provider as Terraform does, over its protocol and in
// this process, and holds what it answers to Terraform's own rules.
type terraform struct {
	*testing.T
	server           tfprotov6.ProviderServer
	network          *remotetest.Network
	schemas, sources map[string]*tfprotov6.Schema
	actions          map[string]*tfprotov6.ActionSchema
	// warnings came with the provider block.
	warnings string
}

// object and unknown write values down: object becomes an object or a map.
type (
	object  = map[string]any
	unknown struct{}
)

// state is what Terraform keeps of one resource.
type state struct {
	value   tftypes.Value
	private []byte
	// warnings came with it.
	warnings string
}

// start configures a provider whose machines are a network's.
func start(t *testing.T, network *remotetest.Network, block object) *terraform {
	t.Helper()
	tf, problems := configured(t, network, block)
	if problems != "" {
		t.Fatal(problems)
	}
	return tf
}

func configured(t *testing.T, network *remotetest.Network, block object) (*terraform, string) {
	t.Helper()
	hosts := func(options remote.Options) (base.Hosts, error) {
		network.Lost = map[string]bool{}
		for _, address := range options.Lost {
			network.Lost[address] = true
		}
		return network, nil
	}
	server, err := providerserver.NewProtocol6WithError(newWith("test", hosts)())()
	if err != nil {
		t.Fatal(err)
	}
	tf := &terraform{T: t, server: server, network: network}
	all, err := server.GetProviderSchema(t.Context(), &tfprotov6.GetProviderSchemaRequest{})
	tf.must(err)
	tf.schemas, tf.sources, tf.actions = all.ResourceSchemas, all.DataSourceSchemas, all.ActionSchemas
	kind := all.Provider.ValueType()
	config := tf.dynamic(kind, write(kind, block))
	validated, err := server.ValidateProviderConfig(t.Context(), &tfprotov6.ValidateProviderConfigRequest{Config: config})
	tf.must(err)
	if problems := errorsIn(validated.Diagnostics); problems != "" {
		return tf, problems
	}
	response, err := server.ConfigureProvider(t.Context(), &tfprotov6.ConfigureProviderRequest{Config: config, TerraformVersion: "1.14.0"})
	tf.must(err)
	tf.warnings = warningsIn(response.Diagnostics)
	return tf, errorsIn(response.Diagnostics)
}

func (tf *terraform) must(err error) {
	tf.Helper()
	if err != nil {
		tf.Fatal(err)
	}
}

func (tf *terraform) kind(resource string) tftypes.Type {
	tf.Helper()
	schema, found := tf.schemas[resource]
	if !found {
		tf.Fatalf("there is no resource %s", resource)
	}
	return schema.ValueType()
}

func (tf *terraform) dynamic(kind tftypes.Type, value tftypes.Value) *tfprotov6.DynamicValue {
	tf.Helper()
	dynamic, err := tfprotov6.NewDynamicValue(kind, value)
	tf.must(err)
	return &dynamic
}

func (tf *terraform) value(kind tftypes.Type, dynamic *tfprotov6.DynamicValue) tftypes.Value {
	tf.Helper()
	value, err := dynamic.Unmarshal(kind)
	tf.must(err)
	return value
}

// wrong is what the provider finds wrong with a configuration; none, which destroys,
// is not validated.
func (tf *terraform) wrong(resource string, config tftypes.Value) string {
	tf.Helper()
	if config.IsNull() {
		return ""
	}
	validated, err := tf.server.ValidateResourceConfig(tf.Context(), &tfprotov6.ValidateResourceConfigRequest{
		TypeName: resource, Config: tf.dynamic(tf.kind(resource), config),
		ClientCapabilities: &tfprotov6.ValidateResourceConfigClientCapabilities{WriteOnlyAttributesAllowed: true},
	})
	tf.must(err)
	return errorsIn(validated.Diagnostics)
}

// plan validates a configuration and plans it over a state; nil is none. It gives
// the planned state and the errors of the provider.
func (tf *terraform) plan(resource string, prior *state, config tftypes.Value) (*state, string) {
	tf.Helper()
	kind := tf.kind(resource)
	if problems := tf.wrong(resource, config); problems != "" {
		return nil, problems
	}
	before := tftypes.NewValue(kind, nil)
	var private []byte
	if prior != nil {
		before, private = prior.value, prior.private
	}
	attributes := tf.schemas[resource].Block.Attributes
	response, err := tf.server.PlanResourceChange(tf.Context(), &tfprotov6.PlanResourceChangeRequest{
		TypeName: resource, PriorState: tf.dynamic(kind, before), PriorPrivate: private, Config: tf.dynamic(kind, config),
		ProposedNewState: tf.dynamic(kind, propose(attributes, before, config)),
	})
	tf.must(err)
	if problems := errorsIn(response.Diagnostics); problems != "" {
		return nil, problems
	}
	planned := &state{tf.value(kind, response.PlannedState), response.PlannedPrivate, warningsIn(response.Diagnostics)}
	return planned, strings.Join(invalid(attributes, before, config, planned.value, resource), "\n")
}

// apply plans and applies, and refuses what Terraform would refuse.
func (tf *terraform) apply(resource string, prior *state, config object) (*state, string) {
	tf.Helper()
	kind := tf.kind(resource)
	written := write(kind, config)
	planned, problems := tf.plan(resource, prior, written)
	if problems != "" {
		return prior, problems
	}
	before := tftypes.NewValue(kind, nil)
	if prior != nil {
		before = prior.value
	}
	response, err := tf.server.ApplyResourceChange(tf.Context(), &tfprotov6.ApplyResourceChangeRequest{
		TypeName: resource, PriorState: tf.dynamic(kind, before), PlannedState: tf.dynamic(kind, planned.value),
		Config: tf.dynamic(kind, written), PlannedPrivate: planned.private,
	})
	tf.must(err)
	if problems := errorsIn(response.Diagnostics); problems != "" {
		return prior, problems
	}
	made := &state{tf.value(kind, response.NewState), response.Private, warningsIn(response.Diagnostics)}
	if !made.value.IsFullyKnown() {
		tf.Errorf("%s: the state holds unknown values: %s", resource, made.value)
	}
	return made, strings.Join(inconsistent(planned.value, made.value, resource), "\n")
}

// made applies what has to work.
func (tf *terraform) made(resource string, prior *state, config object) *state {
	tf.Helper()
	made, problems := tf.apply(resource, prior, config)
	if problems != "" {
		tf.Fatalf("%s: %s", resource, problems)
	}
	return made
}

// read refreshes; a value that is null has left the state.
func (tf *terraform) read(resource string, prior *state) (*state, string) {
	tf.Helper()
	kind := tf.kind(resource)
	response, err := tf.server.ReadResource(tf.Context(), &tfprotov6.ReadResourceRequest{
		TypeName: resource, CurrentState: tf.dynamic(kind, prior.value), Private: prior.private,
	})
	tf.must(err)
	return &state{tf.value(kind, response.NewState), response.Private, warningsIn(response.Diagnostics)}, errorsIn(response.Diagnostics)
}

// refreshed reads what can be read.
func (tf *terraform) refreshed(resource string, prior *state) *state {
	tf.Helper()
	read, problems := tf.read(resource, prior)
	if problems != "" {
		tf.Fatalf("%s: %s", resource, problems)
	}
	return read
}

// planRemoval plans that a resource is taken back, and gives the errors.
func (tf *terraform) planRemoval(resource string, prior *state) string {
	tf.Helper()
	kind := tf.kind(resource)
	none := tf.dynamic(kind, tftypes.NewValue(kind, nil))
	response, err := tf.server.PlanResourceChange(tf.Context(), &tfprotov6.PlanResourceChangeRequest{
		TypeName: resource, PriorState: tf.dynamic(kind, prior.value), PriorPrivate: prior.private, Config: none, ProposedNewState: none,
	})
	tf.must(err)
	return errorsIn(response.Diagnostics)
}

// destroy takes a resource back.
func (tf *terraform) destroy(resource string, prior *state) string {
	tf.Helper()
	kind := tf.kind(resource)
	none := tf.dynamic(kind, tftypes.NewValue(kind, nil))
	response, err := tf.server.ApplyResourceChange(tf.Context(), &tfprotov6.ApplyResourceChangeRequest{
		TypeName: resource, PriorState: tf.dynamic(kind, prior.value), PlannedState: none, Config: none, PlannedPrivate: prior.private,
	})
	tf.must(err)
	return errorsIn(response.Diagnostics)
}

// find imports by id, and refreshes as Terraform does.
func (tf *terraform) find(resource, id string) (*state, string) {
	tf.Helper()
	response, err := tf.server.ImportResourceState(tf.Context(), &tfprotov6.ImportResourceStateRequest{TypeName: resource, ID: id})
	tf.must(err)
	if problems := errorsIn(response.Diagnostics); problems != "" {
		return nil, problems
	}
	imported := response.ImportedResources[0]
	return tf.read(resource, &state{tf.value(tf.kind(resource), imported.State), imported.Private, ""})
}

// look reads a data source.
func (tf *terraform) look(source string, config object) *state {
	tf.Helper()
	kind := tf.sources[source].ValueType()
	response, err := tf.server.ReadDataSource(tf.Context(), &tfprotov6.ReadDataSourceRequest{TypeName: source, Config: tf.dynamic(kind, write(kind, config))})
	tf.must(err)
	if problems := errorsIn(response.Diagnostics); problems != "" {
		tf.Fatalf("%s: %s", source, problems)
	}
	return &state{value: tf.value(kind, response.State), warnings: warningsIn(response.Diagnostics)}
}

// empty says whether a plan changes nothing.
func (tf *terraform) empty(resource string, prior *state, config object) bool {
	tf.Helper()
	planned, problems := tf.plan(resource, prior, write(tf.kind(resource), config))
	if problems != "" {
		tf.Errorf("%s: %s", resource, problems)
		return false
	}
	differs, err := prior.value.Diff(planned.value)
	tf.must(err)
	for _, one := range differs {
		tf.Logf("%s would change: %s", resource, one)
	}
	return len(differs) == 0
}

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

// machines makes a network of simulated machines.
func machines(t *testing.T, addresses ...string) *remotetest.Network {
	t.Helper()
	network := &remotetest.Network{Machines: map[string]*remotetest.Machine{}}
	for _, address := range addresses {
		machine, err := remotetest.NewMachine(t.TempDir(), address, hostKey)
		if err != nil {
			t.Fatal(err)
		}
		network.Machines[address] = machine
	}
	return network
}

func sshTo(address string) object { return object{"host": address, "host_key": hostKey} }
