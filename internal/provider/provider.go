// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

// Package provider is Terraform's side of Atoll: the provider block and the
// list of what it offers. The families of resources live in the packages below.
package provider

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework-validators/mapvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/setvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/action"
	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/ephemeral"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/provider"
	"github.com/hashicorp/terraform-plugin-framework/provider/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/atollhq/terraform-provider-atoll/internal/provider/base"
	"github.com/atollhq/terraform-provider-atoll/internal/provider/files"
	"github.com/atollhq/terraform-provider-atoll/internal/provider/host"
	"github.com/atollhq/terraform-provider-atoll/internal/provider/linode"
	"github.com/atollhq/terraform-provider-atoll/internal/provider/mesh"
	"github.com/atollhq/terraform-provider-atoll/internal/provider/mysql"
	"github.com/atollhq/terraform-provider-atoll/internal/provider/status"
	"github.com/atollhq/terraform-provider-atoll/internal/provision"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/filetier"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/guard"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/mysqld"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/mysqlrouter"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/mysqltunnel"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/node"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/tinc"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
	"github.com/atollhq/terraform-provider-atoll/internal/remote/ahead"
)

// Ensure the provider implements what Terraform is told it does.
var (
	_ provider.Provider                       = &atollProvider{}
	_ provider.ProviderWithEphemeralResources = &atollProvider{}
	_ provider.ProviderWithActions            = &atollProvider{}
)

type atollProvider struct {
	version string
	// hosts makes the way to the machines; tests have simulated ones.
	hosts func(remote.Options) (base.Hosts, error)
}

// model is the provider block.
type model struct {
	SSH    types.Object `tfsdk:"ssh"`
	Linode types.Object `tfsdk:"linode"`
	Lost   types.Set    `tfsdk:"lost"`
	// ReadOnly lets nothing be changed.
	ReadOnly types.Bool `tfsdk:"read_only"`
}

// New makes the provider; Terraform calls the function once a process.
func New(version string) func() provider.Provider {
	return newWith(version, func(options remote.Options) (base.Hosts, error) { return remote.New(options) })
}

func newWith(version string, hosts func(remote.Options) (base.Hosts, error)) func() provider.Provider {
	return func() provider.Provider { return &atollProvider{version, hosts} }
}

func (p *atollProvider) Metadata(_ context.Context, _ provider.MetadataRequest, resp *provider.MetadataResponse) {
	resp.TypeName = "atoll"
	resp.Version = p.version
}

func (p *atollProvider) Schema(_ context.Context, _ provider.SchemaRequest, resp *provider.SchemaResponse) {
	resp.Schema = schema.Schema{
		Description: "Atoll turns a handful of servers at several hosting providers into one dependable site: a tinc mesh between them, " +
			"a MySQL InnoDB Cluster over the mesh, MySQL Router beside the applications and trees of files that are the same on all of them, all converged over SSH. " +
			"Every drift shows in the plan.",
		Attributes: map[string]schema.Attribute{
			"ssh":    sshAttribute(),
			"linode": linodeAttribute(),
			"lost": schema.SetAttribute{
				Optional: true, ElementType: types.StringType, Validators: []validator.Set{setvalidator.NoNullValues(), setvalidator.ValueStringsAre(base.Address())},
				Description: "Addresses (ssh.host) of machines that are gone for good. They are never contacted: what was on them leaves the state at the next refresh, " +
					"and mesh, cluster and routers go on without them. Remove what is declared on them in the same change. Default none.",
			},
			"read_only": schema.BoolAttribute{
				Optional: true,
				Description: "Whether nothing may be changed, on no host and at no API: a plan works as ever, an apply that has anything to do fails before it is sent. " +
					"For a scheduled plan that watches a site. Default is the environment's ATOLL_READ_ONLY, else false.",
			},
		},
	}
}

func sshAttribute() schema.SingleNestedAttribute {
	return schema.SingleNestedAttribute{
		Optional:    true,
		Description: "How to log in on machines. Secrets belong here, where Read and Delete reach them and the state does not hold them.",
		Attributes: map[string]schema.Attribute{
			"keys": schema.MapAttribute{
				Optional: true, Sensitive: true, ElementType: types.StringType,
				Description: "Private keys in PEM form by name. A connection names one by its key attribute; the one named default is used otherwise, " +
					"which the environment's ATOLL_SSH_KEY (the key) or ATOLL_SSH_KEY_FILE (its path) can give as well.",
				Validators: []validator.Map{mapvalidator.NoNullValues(), mapvalidator.ValueStringsAre(stringvalidator.LengthAtLeast(1))},
			},
			"key_files": schema.MapAttribute{
				Optional: true, ElementType: types.StringType,
				Description: "Paths of private key files by name, instead of keys. A leading ~/ is your home directory.",
				Validators:  []validator.Map{mapvalidator.NoNullValues(), mapvalidator.ValueStringsAre(stringvalidator.LengthAtLeast(1))},
			},
			"passphrases": schema.MapAttribute{
				Optional: true, Sensitive: true, ElementType: types.StringType,
				Description: "Passphrases of protected keys, by the key's name.",
				Validators:  []validator.Map{mapvalidator.NoNullValues()},
			},
			"agent": schema.BoolAttribute{
				Optional:    true,
				Description: "Whether to take keys that are not given here from the SSH agent at SSH_AUTH_SOCK: the one whose comment is the key's name, or the agent's first. Default false.",
			},
			"sudo_passwords": schema.MapAttribute{
				Optional: true, Sensitive: true, ElementType: types.StringType,
				Description: "Passwords for sudo by login name, for users that may not use sudo without. They travel on standard input only.",
				Validators:  []validator.Map{mapvalidator.NoNullValues()},
			},
			"watcher": schema.BoolAttribute{
				Optional: true,
				Description: "Whether to log in on all machines as the user " + node.Watcher + " instead of their own, with the key named default, which has to be one of atoll_host's watcher_keys: for a plan that only watches, with a key that can do no harm. " +
					"It sees what the last apply has asked; whatever else is wanted, as after a change of the declaration, shows as drift that was not asked. Implies read_only. Jump hosts keep their own users and keys. " +
					"Default is the environment's ATOLL_WATCHER, else false.",
			},
			"timeout": schema.StringAttribute{
				Optional:    true,
				Description: "Longest time for a connection and its handshake, per machine on the way, such as \"10s\". Default 10s. A machine that does not answer costs this at most once a minute. One that has begun to answer, over a line that loses packets, gets three times as long.",
				Validators:  []validator.String{base.Duration()},
			},
		},
	}
}

func (p *atollProvider) Configure(ctx context.Context, req provider.ConfigureRequest, resp *provider.ConfigureResponse) {
	var config model
	resp.Diagnostics.Append(req.Config.Get(ctx, &config)...)
	if resp.Diagnostics.HasError() {
		return
	}
	options, pending := sshOptions(config.SSH, &resp.Diagnostics)
	options.Lost, _ = base.TextSet(config.Lost)
	options.ReadOnly = options.Watcher != "" || flag(config.ReadOnly, "ATOLL_READ_ONLY", &resp.Diagnostics)
	warnOfNames(options.Lost, &resp.Diagnostics)
	if resp.Diagnostics.HasError() {
		return
	}
	hosts, err := p.hosts(options)
	if err != nil {
		base.AddError(&resp.Diagnostics, "Configure", "Provider", err)
		return
	}
	lost := map[string]bool{}
	for _, address := range options.Lost {
		lost[address] = true
	}
	servers := &mysqld.Plugin{Lost: lost}
	resp.ResourceData = &base.Data{
		Hosts: ahead.New(hosts, ahead.Options{ReadOnly: options.ReadOnly, Watcher: options.Watcher != "", Version: p.version}), Guard: guard.New(plugins(servers)...), MySQL: servers, Tunnels: &mysqltunnel.Registry{}, Lost: lost, Pending: pending,
		PublicKey: ownKey(options),
		HasKey:    hasKey(options, pending),
		Linode:    linodeOf(config.Linode).client(p.version, options.ReadOnly),
	}
	resp.DataSourceData, resp.EphemeralResourceData, resp.ActionData = resp.ResourceData, resp.ResourceData, resp.ResourceData
}

// ownKey gives the key that is to let the provider in. That of one who only watches is
// none: no machine is to let him in as root.
func ownKey(options remote.Options) func(ctx context.Context, name string) (string, error) {
	return func(ctx context.Context, name string) (string, error) {
		if options.Watcher != "" {
			return "", errors.New("the provider logs in as a watcher (ssh.watcher, or the environment's ATOLL_WATCHER), whose key lets nobody in as root")
		}
		return remote.PublicKey(ctx, options, name)
	}
}

// warnOfNames speaks where somebody may have meant a machine by its name in
// Terraform: what is lost is found by ssh.host.
func warnOfNames(lost []string, diags *diag.Diagnostics) {
	for _, address := range lost {
		if !strings.ContainsAny(address, ".:") {
			diags.AddAttributeWarning(path.Root("lost"), "Lost Machine Without an Address",
				fmt.Sprintf("lost has %q, which is no IP address: machines are found by their ssh.host. If that is the name of a node, write its address.", address))
		}
	}
}

// plugins lists every provisioning plugin that has something on machines, in the
// order in which they are asked whether one can be spared.
func plugins(servers *mysqld.Plugin) []provision.Plugin {
	return []provision.Plugin{node.Plugin{}, tinc.Plugin{}, mysqlrouter.Plugin{}, filetier.Plugin{}, servers}
}

// Resources lists every resource, in the order in which a site is built.
func (p *atollProvider) Resources(context.Context) []func() resource.Resource {
	return []func() resource.Resource{
		host.NewHostResource,
		linode.NewLinodeResource,
		linode.NewFirewallResource,
		mesh.NewPeerResource,
		mesh.NewMeshResource,
		mysql.NewServerResource,
		mysql.NewClusterResource,
		mysql.NewRouterResource,
		files.NewTierResource,
	}
}

// DataSources lists what reads only.
func (p *atollProvider) DataSources(context.Context) []func() datasource.DataSource {
	return []func() datasource.DataSource{status.NewSiteStatus, mysql.NewPreflight, mysql.NewClusterStatus, files.NewTierStatus}
}

// EphemeralResources lists what is there while Terraform runs only.
func (p *atollProvider) EphemeralResources(context.Context) []func() ephemeral.EphemeralResource {
	return []func() ephemeral.EphemeralResource{mysql.NewTunnel}
}

// Actions lists what a person has done by hand.
func (p *atollProvider) Actions(context.Context) []func() action.Action {
	return []func() action.Action{mysql.NewSwitchover, mysql.NewRejoin, mysql.NewResetMember, mysql.NewForceQuorum}
}
