// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package mysql

import (
	"context"
	"errors"
	"net/netip"

	"github.com/hashicorp/terraform-plugin-framework-validators/int64validator"
	"github.com/hashicorp/terraform-plugin-framework-validators/mapvalidator"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringdefault"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/atollhq/terraform-provider-atoll/internal/provider/base"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/mysqlrouter"
)

func checkIP(value string) error {
	if _, err := netip.ParseAddr(value); err != nil {
		return errors.New("is not an IP address. Write one such as \"127.0.0.1\"")
	}
	return nil
}

// Schema describes MySQL Router beside an application.
func (k *routerKind) Schema() schema.Schema {
	return schema.Schema{
		Description: "MySQL Router beside an application: local ports that always lead to the primary, to the secondaries, or to both by statement. " +
			"Bootstrapped against the cluster with an account of its own, made for it with the least privileges; its password exists on the machine only. " +
			"It follows changes of membership and of the primary by itself. It is bootstrapped anew only for another cluster, or where the account in the cluster is not the one that it was given; other settings are written into what is there. Destroying it removes the router, its account and its row in the cluster's metadata.",
		Attributes: map[string]schema.Attribute{
			"name":    routerName(),
			"cluster": routingAttribute(),
			"bind_address": schema.StringAttribute{
				Optional: true, Computed: true, Default: stringdefault.StaticString("127.0.0.1"),
				Description: "IP address on which the router listens. Default 127.0.0.1: only the application on the same machine may come in. A change is in place: the router restarts, which ends its connections.",
				Validators:  []validator.String{base.Text{Must: "be an IP address", Check: checkIP}},
			},
			"package": base.Optional("Distribution package to install. Default mysql-router; in MySQL's own repository it is mysql-router-community. It has to come from a repository that the machine uses, see apt_sources of atoll_host. A change is in place.",
				base.Matching(packagePattern, "must be a package name of the distribution")),
			"ports":           portsAttribute(),
			"connect_timeout": routerTimeout("Seconds that the router waits for a connection to a member before it tries another. Default: what the cluster's failover says, 2 (Router's own: 5). A change is in place: the router restarts, which ends its connections."),
			"read_timeout":    routerTimeout("Seconds that the router waits for a member's answer about the cluster. Default: what the cluster's failover says, 3 (Router's own: 30): a member whose plug was pulled is given up after that. A change is in place: the router restarts, which ends its connections."),
			"routing_options": routingOptionsAttribute("Those of a router go before the cluster's, which hold for what is left out."),
			"client_tls": base.Choice(mysqlrouter.DefaultTLS, "Whether the application encrypts its connections to the router: DISABLED, PREFERRED (as the client asks) or REQUIRED. The certificate is one that the router makes itself. "+
				"Default PREFERRED. A change is in place: the router restarts, which ends its connections.", "DISABLED", mysqlrouter.DefaultTLS, "REQUIRED"),
			"server_tls": base.Choice(mysqlrouter.DefaultTLS, "Whether the router encrypts its connections to the members: PREFERRED (where they can), REQUIRED, or VERIFY_IDENTITY: it talks to those alone that show a certificate for their address by an authority of the members that the cluster had at this router's last apply (see certificate of atoll_mysql_server). "+
				"With that, a member that joins or gets another certificate is reached through this router once it was applied, too, for which it restarts; apply the whole site then, and no member alone. Members of Atoll's refuse what is not encrypted, "+
				"unless their require_secure_transport is OFF. Default PREFERRED. A change is in place: the router restarts, which ends its connections.", mysqlrouter.DefaultTLS, "REQUIRED", mysqlrouter.VerifyTLS),
			"endpoints": base.ShowsGroup("Where the application connects, as host:port.", map[string]schema.Attribute{
				"read_write":       base.Shows("Leads to the primary."),
				"read_only":        base.Shows("Leads to the secondaries in turn."),
				"read_write_split": base.Shows("Sends reads to secondaries and writes to the primary. Null for a Router before 8.2, which cannot do it."),
			}),
			"version": base.Shows("Version of MySQL Router."),
		},
	}
}

// routerName stands in the names of files, so another one is another router. After
// an import the state does not know it yet.
func routerName() schema.StringAttribute {
	name := base.Optional("Name of the router among several on the machine, such as those of two clusters: lower-case letters, digits and hyphens, 31 at most. It becomes part of its unit (mysqlrouter-NAME.service), its directories, its account and its row in the metadata; "+
		"give each router ports of its own. Left out, which one on each machine may be, the unit is mysqlrouter.service. A change replaces the router.",
		base.Matching(mysqlrouter.InstanceForm, "must be lower-case letters, digits and hyphens, 31 at most, and not begin with a hyphen"))
	name.PlanModifiers = []planmodifier.String{stringplanmodifier.RequiresReplaceIf(func(ctx context.Context, req planmodifier.StringRequest, resp *stringplanmodifier.RequiresReplaceIfFuncResponse) {
		var cluster types.Object
		resp.Diagnostics.Append(req.State.GetAttribute(ctx, path.Root("cluster"), &cluster)...)
		resp.RequiresReplace = !cluster.IsNull()
	}, "A change replaces the router.", "A change replaces the router.")}
	return name
}

func routerTimeout(description string) schema.Int64Attribute {
	return schema.Int64Attribute{CustomType: base.Integer{}, Optional: true, Computed: true, Description: description, Validators: []validator.Int64{int64validator.Between(1, 65536)}}
}

func portsAttribute() schema.SingleNestedAttribute {
	port := func(what string, number int64) schema.Int64Attribute {
		return base.Number(number, 1, 65535, "Local port that "+what+". A change is in place: the router restarts, which ends its connections.")
	}
	return base.Group("Local ports. Default 6446, 6447 and 6450.", map[string]schema.Attribute{
		"read_write":       port("leads to the primary. Default 6446", 6446),
		"read_only":        port("leads to the secondaries in turn. Default 6447", 6447),
		"read_write_split": port("sends reads to secondaries and writes to the primary. Default 6450. A Router before 8.2 cannot do it and does not open it", 6450),
	})
}

func routingAttribute() schema.SingleNestedAttribute {
	return schema.SingleNestedAttribute{
		Required:    true,
		Description: "The cluster to route to: the routing of an atoll_mysql_cluster, taken whole. A change of members is followed without a restart; another cluster_id means that the router is bootstrapped anew.",
		Attributes: map[string]schema.Attribute{
			"cluster":         base.Given("Name of the cluster.", base.Line()),
			"cluster_id":      base.Given("UUID of the cluster in its metadata.", base.Line()),
			"connect_timeout": base.ExportedNumber("Seconds of the router's connect_timeout, where that is not given."),
			"read_timeout":    base.ExportedNumber("Seconds of the router's read_timeout, where that is not given."),
			"members": schema.MapAttribute{
				Required: true, ElementType: memberType(),
				Description: "The members of the cluster, by name.",
				Validators:  []validator.Map{mapvalidator.NoNullValues()},
			},
		},
	}
}
