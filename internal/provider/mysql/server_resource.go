// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

// Package mysql holds the resources of the database: a server is mysqld on one
// node, the cluster is the relation between servers, a router stands beside an
// application.
package mysql

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
	"github.com/atollhq/terraform-provider-atoll/internal/provider/base"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/mysqld"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/mysqlroot"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/tinc"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// budgets of one operation: hundreds of megabytes of packages, a crash recovery
// before the first answer, a clone of the whole data.
var budgets = base.Budgets{Create: 30 * time.Minute, Read: 2 * time.Minute, Update: 30 * time.Minute, Delete: 15 * time.Minute}

// NewServerResource makes an atoll_mysql_server.
func NewServerResource() resource.Resource { return base.NewNode(&serverKind{}) }

type serverKind struct{ base.Configured }

func (k *serverKind) Traits() base.Traits {
	return base.Traits{
		Type: "mysql_server", ID: "Address and port, such as \"10.77.0.11:3306\".",
		Renaming: "the server would leave its group, stop, and join again, and all members at once would take the databases down",
		Drift:    "unit mysql.service: inactive, want active", Budgets: budgets,
	}
}

// Plan keeps known what can be known, and refuses what cannot work.
func (k *serverKind) Plan(ctx context.Context, change *base.Change[serverModel]) {
	plan, state := change.Plan, change.State
	if change.Config.ServerID.IsNull() {
		k.planServerID(change)
	}
	if !plan.Mesh.IsNull() && !plan.Mesh.IsUnknown() {
		if err := base.CheckMesh(plan.Mesh.ValueString()); err != nil {
			change.Diagnostics.AddAttributeError(path.Root("mesh"), "Invalid Attribute Value", fmt.Sprintf("mesh%s %v.", base.Shown(plan.Mesh.ValueString()), err))
		}
	}
	plan.Member = plan.member(planCreated(state))
	// Drift alone does not make Terraform forget computed values.
	keep := change.Same && !change.Drifted(renewing...)
	if state == nil {
		state = &serverModel{}
	}
	if change.Config.Version.IsNull() {
		plan.Version = base.Keep(keep && !change.Drifted(mysqld.CodeProgram), state.Version, types.StringUnknown())
	}
	plan.ServerUUID = base.Keep(keep, state.ServerUUID, types.StringUnknown())
	plan.SizedFor = base.Keep(keep && state.MemoryMiB.IsNull(), state.SizedFor, types.Int64Unknown())
	k.planCertificate(change, state)
	if !plan.MemoryMiB.IsNull() {
		plan.SizedFor = plan.MemoryMiB
	}
	k.refuse(ctx, change)
	k.refuseMove(ctx, change)
}

// planCreated is not known of a server that is created. That is what the cluster sees of
// one that is replaced: it leaves its group and comes back with the address, and most
// often the UUID, that it had.
func planCreated(state *serverModel) types.String {
	if state == nil {
		return types.StringUnknown()
	}
	return createdOf(state.Member)
}

// planCertificate knows that a server keeps its certificate, unless an apply renews
// it, or the settings bring another, or may: one that is null came of the settings, too.
func (k *serverKind) planCertificate(change *base.Change[serverModel], state *serverModel) {
	plan := change.Plan
	config, whole := plan.config()
	switch {
	case whole && config.OwnTLS():
		plan.Certificate = types.ObjectNull(certificateTypes())
	case change.Same && !state.Certificate.IsNull() && (whole || plan.Settings.Equal(state.Settings)) && !change.Drifted(slices.Concat(renewing, []converge.Code{mysqld.CodeCertificate})...):
		plan.Certificate = state.Certificate
	default:
		plan.Certificate = types.ObjectUnknown(certificateTypes())
	}
}

// planServerID makes the default of the address.
func (k *serverKind) planServerID(change *base.Change[serverModel]) {
	plan := change.Plan
	plan.ServerID = types.Int64Unknown()
	if plan.Address.IsUnknown() {
		return
	}
	plan.ServerID = types.Int64Value(defaultServerID(plan.Address.ValueString()))
}

// installing are the codes of drift for which apply installs the package,
// renewing those for which version, UUID or sizing may be other ones afterwards.
var (
	installing = []converge.Code{converge.CodeNotInstalled, converge.CodeHalfInstalled}
	renewing   = append([]converge.Code{mysqld.CodeNoData, mysqld.CodeForeignUUID, mysqld.CodeMemory}, installing...)
)

// refuse finds at plan time what cannot work: settings that the cluster needs
// otherwise, a machine that is too small, a version that it cannot go to. A machine that
// does not answer now is asked again by the apply.
func (k *serverKind) refuse(ctx context.Context, change *base.Change[serverModel]) {
	plan, state := change.Plan, change.State
	config, whole := plan.config()
	for _, problem := range mysqld.CheckSettings(config.Own) {
		change.Diagnostics.AddAttributeError(path.Root("settings"), "Invalid Setting", problem.Error())
	}
	if err := config.CheckGeneratedKeys(); err != nil {
		change.Diagnostics.AddAttributeError(path.Root("generate_primary_keys"), "Said Twice", base.Sentence(err))
	}
	moves := moveVersion(change, &config)
	if change.Diagnostics.HasError() || !change.Reachable || !whole || k.Data == nil || k.Lost[change.Target.Host] {
		return
	}
	if state != nil && plan.Settings.Equal(state.Settings) && plan.MemoryMiB.Equal(state.MemoryMiB) && plan.Keys.Equal(state.Keys) && !moves {
		return
	}
	facts, err := config.AskFacts(ctx, k.Hosts.Host(change.Target))
	if errors.Is(err, remote.ErrDenied) { // by a server to adopt
		change.Diagnostics.AddAttributeError(path.Root("ssh"), "Server Does Not Let Atoll In", plan.Subject()+": "+base.Sentence(err))
		return
	}
	if err != nil {
		base.NotChecked(change.Diagnostics, plan.ID.ValueString(), change.Target.Host, err)
		return
	}
	for _, problem := range config.Check(facts) {
		change.Diagnostics.AddAttributeError(path.Root("ssh"), "Machine Cannot Carry the Server", plan.ID.ValueString()+" on "+change.Target.Host+": "+base.Sentence(problem))
	}
	refuseVersion(change, config.Reaches(facts))
	if err := config.RoutersFollow(ctx, k.Hosts.Host(change.Target), facts); errors.Is(err, mysqlroot.ErrRouterOlder) {
		refuseVersion(change, err)
	}
	if state != nil {
		return
	}
	if taken, err := config.TakenBack(ctx, k.Hosts.Host(change.Target), facts); err == nil && len(taken) > 0 {
		change.Diagnostics.AddAttributeWarning(path.Root("settings"), "What Was Persisted Is Taken Back", fmt.Sprintf("The server on %s holds variables that were set with SET PERSIST or SET GLOBAL and that settings does not have. "+
			"The apply takes them back; declare what is to stay:\n%s", change.Target.Host, strings.Join(taken, "\n")))
	}
}

// refuseMove keeps the address and port of a member: where either changes, or the
// server is another machine's from now on, that is asked. A machine that is not
// up yet is asked by the apply.
func (k *serverKind) refuseMove(ctx context.Context, change *base.Change[serverModel]) {
	plan, state := change.Plan, change.State
	if change.Diagnostics.HasError() || state == nil || !change.Reachable || k.Data == nil || k.Lost[change.Target.Host] || plan.Key().IsUnknown() {
		return
	}
	moves := !plan.Key().Equal(state.Key())
	if change.Same && !moves {
		return
	}
	config, _ := plan.config()
	err := config.KeepsEndpoint(ctx, k.Hosts.Host(change.Target))
	if err == nil || !change.Same && !errors.Is(err, mysqld.ErrMember) {
		return
	}
	at, value := path.Root("port"), fmt.Sprintf("port = %d", plan.Port.ValueInt64())
	if !plan.Address.Equal(state.Address) {
		at, value = path.Root("address"), "address"+base.Shown(plan.Address.ValueString())
	}
	change.Diagnostics.AddAttributeError(at, "Member Keeps Its Address and Port", fmt.Sprintf("%s of the server on %s: %v.", value, change.Target.Host, err))
}

func (k *serverKind) Observe(ctx context.Context, host remote.Host, model *serverModel) (base.Observed, error) {
	config, _ := model.config()
	observation, observed, err := base.Observe(ctx, host, config.Manifest())
	if err != nil {
		return observed, err
	}
	status, err := config.StatusOf(observation)
	if err != nil {
		return observed, err
	}
	model.read(status)
	return observed, nil
}

func (k *serverKind) Converge(ctx context.Context, host remote.Host, _, model *serverModel) error {
	config, _ := model.config()
	settled, status, err := k.MySQL.Converge(ctx, host, config)
	if err != nil {
		return err
	}
	model.SizedFor = types.Int64Value(int64(settled.MemoryBytes >> 20))
	model.Member = model.member(createdAt(createdOf(model.Member), time.Now()))
	model.readAfter(status)
	return nil
}

func (k *serverKind) Remove(ctx context.Context, host remote.Host, model *serverModel) error {
	return k.MySQL.Remove(ctx, host, model.DeleteData.ValueBool())
}

// Find reads the declaration back from the machine.
func (k *serverKind) Find(ctx context.Context, host remote.Host, _ string, model *serverModel) error {
	config, err := mysqld.Find(ctx, host)
	if err != nil {
		return err
	}
	model.Mesh, model.Address, model.Port = base.OptionalText(tinc.MeshOf(config.After)), types.StringValue(config.Address), types.Int64Value(int64(config.Port))
	model.ServerID, model.DeleteData = types.Int64Value(config.ServerID), types.BoolValue(false)
	model.Guardian = types.BoolValue(!config.Unguarded)
	if config.GeneratesKeys != "" {
		model.Keys = types.BoolValue(config.GeneratesKeys == "ON")
	}
	model.Version, model.SizedFor = types.StringValue(config.Version.String()), types.Int64Value(int64(config.MemoryBytes>>20))
	if len(config.Own) > 0 {
		model.Settings = textMap(config.Own)
	}
	model.Certificate = types.ObjectNull(certificateTypes()) // the refresh reads it
	model.Member = model.member(types.StringNull())
	return nil
}
