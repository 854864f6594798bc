// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package provider

import (
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
	identities       map[string]*tfprotov6.ResourceIdentitySchema
	// block is the provider block, warnings came with it.
	block    *tfprotov6.DynamicValue
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
	known, err := server.GetResourceIdentitySchemas(t.Context(), &tfprotov6.GetResourceIdentitySchemasRequest{})
	tf.must(err)
	tf.identities = known.IdentitySchemas
	kind := all.Provider.ValueType()
	config := tf.dynamic(kind, write(kind, block))
	validated, err := server.ValidateProviderConfig(t.Context(), &tfprotov6.ValidateProviderConfigRequest{Config: config})
	tf.must(err)
	if problems := errorsIn(validated.Diagnostics); problems != "" {
		return tf, problems
	}
	tf.block = config
	return tf, tf.anew()
}

// anew configures the provider, as Terraform does for each run of plans: what is
// planned then is another configuration. It gives the errors.
func (tf *terraform) anew() string {
	tf.Helper()
	response, err := tf.server.ConfigureProvider(tf.Context(), &tfprotov6.ConfigureProviderRequest{Config: tf.block, TerraformVersion: "1.14.0"})
	tf.must(err)
	tf.warnings = warningsIn(response.Diagnostics)
	return errorsIn(response.Diagnostics)
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
	found, _, problems := tf.imported(&tfprotov6.ImportResourceStateRequest{TypeName: resource, ID: id})
	if problems != "" {
		return nil, problems
	}
	return tf.read(resource, found)
}

// imported asks for an import. It gives the state before the refresh, and the identity.
func (tf *terraform) imported(request *tfprotov6.ImportResourceStateRequest) (*state, tftypes.Value, string) {
	tf.Helper()
	response, err := tf.server.ImportResourceState(tf.Context(), request)
	tf.must(err)
	if problems := errorsIn(response.Diagnostics); problems != "" {
		return nil, tftypes.Value{}, problems
	}
	found := response.ImportedResources[0]
	return &state{tf.value(tf.kind(request.TypeName), found.State), found.Private, ""},
		tf.value(tf.identities[request.TypeName].ValueType(), found.Identity.IdentityData), ""
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
