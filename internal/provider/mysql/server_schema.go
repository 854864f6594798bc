// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package mysql

import (
	"regexp"

	"github.com/hashicorp/terraform-plugin-framework-validators/int64validator"
	"github.com/hashicorp/terraform-plugin-framework-validators/mapvalidator"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/booldefault"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/atollhq/terraform-provider-atoll/internal/provider/base"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/mysqld"
)

var (
	packagePattern = regexp.MustCompile(`^[a-z0-9][a-z0-9+.-]+$`)
	settingPattern = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_.-]*$`)
)

// settingValue is a line, which may be empty.
func settingValue() base.Text {
	return base.Text{Must: "be one line", Check: func(value string) error {
		if value == "" {
			return nil
		}
		return base.Line().Check(value)
	}}
}

// Schema describes mysqld on one node.
func (k *serverKind) Schema() schema.Schema {
	return schema.Schema{
		Description: "mysqld on one node, ready to be a member of an InnoDB Cluster: the package, one file of settings sized to the machine, the unit that starts after the mesh. " +
			"It listens on the mesh address and the local socket only and is administered over SSH as the machine's root, so that no admin password exists. " +
			"Destroying it stops the server and keeps its data, unless delete_data says otherwise.",
		Attributes: map[string]schema.Attribute{
			"mesh":    base.Optional("The atoll_mesh (its id) that address belongs to: mysqld starts after it, its port is closed to all but that mesh, and where all members of a cluster have the same, so are the accounts of members and routers. Without one, address must be there at boot by other means. A change is in place; the unit is reloaded.", base.Line()),
			"address": base.Replacing("IPv4 address to listen on and to be known by in the cluster: the node's address in the mesh. A change replaces the server, whose data stay on the machine. Refused while it is a member of a cluster: take it out of the members and apply, change it and apply, then add it again.", base.IPv4Address()),
			"port":    base.Number(3306, 1024, 65535, "TCP port to listen on. Default 3306. A change is in place: mysqld restarts. Refused while the server is a member of a cluster: take it out of the members and apply, change it and apply, then add it again."),
			"server_id": schema.Int64Attribute{
				CustomType: base.Integer{},
				Optional:   true, Computed: true,
				Description: "Number of the server, different for each in the cluster. Default: made of the address. A change is in place: mysqld restarts.",
				Validators:  []validator.Int64{int64validator.Between(2, 4294967295)},
			},
			"package": base.Optional("Distribution package to install. Default mysql-server; in MySQL's own repository it is mysql-community-server. MySQL 8.0, 8.4 and 9.x are known; it has to come from a repository that the machine uses, see apt_sources of atoll_host. A change is in place.",
				base.Matching(packagePattern, "must be a package name of the distribution")),
			"settings": schema.MapAttribute{
				Optional: true, ElementType: types.StringType,
				Description: "Further mysqld settings by name, such as \"max_connections\" = \"200\". One that the cluster needs cannot be overridden; a max_connections that leaves none for the members, Router and Atoll, and a value that MySQL would take as another, are refused before anything is written. One that is taken out goes back to what other files of the machine say, or to MySQL's default, and so does a variable of none that somebody set by hand. A change is in place: set at run time where MySQL can, otherwise by a restart, one member after the other.",
				Validators: []validator.Map{
					mapvalidator.NoNullValues(), mapvalidator.KeysAre(base.Matching(settingPattern, "must be the name of a mysqld setting")), mapvalidator.ValueStringsAre(settingValue()),
				},
			},
			"memory_mib": schema.Int64Attribute{
				CustomType: base.Integer{},
				Optional:   true,
				Description: "Memory to size the settings for, in MiB. Default: what the machine has, so that a machine that was resized shows as drift. Give less where other software shares the machine; " +
					"give atoll_linode's specs.memory_mib and a resize carries the settings along in the same apply. A change is in place: set at run time where MySQL can, otherwise by a restart.",
				Validators: []validator.Int64{int64validator.AtLeast(mysqld.LeastMemory >> 20)},
			},
			"guardian": schema.BoolAttribute{
				Optional: true, Computed: true, Default: booldefault.StaticBool(true),
				Description: "Whether a guardian runs beside mysqld: a small unit (atoll-guardian.service, 20 MB at most, no listening port) that lets the group expel a dead member as soon as expel_timeout has passed, " +
					"instead of up to 15 s later, brings its own member into the group at boot and when it fell out, and starts the group again after all members were down. What somebody stopped stays stopped, and what a person has to decide it refuses: " +
					"see the guide about the guardian. It needs no password; on the machine, `/var/lib/atoll/guardian/atoll-agent status` says what it does. Default true. A change is in place, without a restart of mysqld.",
			},
			"generate_primary_keys": schema.BoolAttribute{
				Optional: true,
				Description: "Whether a table that an application makes without a primary key gets an invisible one (my_row_id), instead of one that a group takes no rows into. Needs MySQL 8.0.30 or later; give it to all members, since the one that takes writes decides. Tables that are there already stay as they are: " +
					"data.atoll_mysql_preflight names them with the statement. Left out, MySQL decides, which makes none. A change is in place, without a restart, and holds for sessions that begin afterwards.",
			},
			"delete_data": schema.BoolAttribute{
				Optional: true, Computed: true, Default: booldefault.StaticBool(false),
				Description: "Whether destroying this resource deletes the datadir with everything in it. Default false. It must be applied before the destroy.",
			},
			"version": schema.StringAttribute{
				Optional: true, Computed: true,
				Description: "Version of MySQL to run, its three numbers without the package's own, such as \"9.7.5\". Default: the newest of the package when it is installed, and Atoll never upgrades it; then this shows what runs. " +
					"A change is in place: one member of a group after the other, the primary last, gets the package and restarts, each when all are online; see the guide about upgrading. " +
					"Refused: one that is older than what runs, one beyond the next long-term series of MySQL (8.0, 8.4, 9.7), one of a newer series than a router that the cluster knows, and one that no package source of the machine has.",
				Validators: []validator.String{base.Text{Must: "be a version of MySQL, such as 9.7.4", Check: mysqld.IsVersion}},
			},
			"server_uuid":   base.Shows("UUID of the server, made on the machine."),
			"sized_for_mib": base.ShowsNumber("Memory that the settings are sized for, in MiB: memory_mib, or what the machine has."),
			"certificate": base.ShowsGroup("What the server shows to clients and to other members. Its key and its authority's are made on the machine and never leave it; the authority can sign for the server's address alone. "+
				"It lasts ten years, and an apply in the last of them renews it without a restart; the authority stays. Null where settings has ssl_ca, ssl_capath, ssl_cert or ssl_key, which the server uses then.", map[string]schema.Attribute{
				"authority": base.Shows("Certificate of the authority, in PEM form: who connects to the server's address verifies it by this (ssl-ca). On the machine it is /etc/mysql/atoll/ca.pem."),
				"expires":   base.Shows("Day on which the server's certificate ends, such as 2036-11-23."),
			}),
			"member": base.ShowsGroup("What the cluster has to know of this server; hand it to atoll_mysql_cluster.members whole. Holds no secret.", map[string]schema.Attribute{
				"address":   base.Shows("Address that the server listens on."),
				"port":      base.ShowsNumber("TCP port that the server listens on."),
				"server_id": base.ShowsNumber("Number of the server."),
				"mesh":      base.Shows("Mesh that the address belongs to."),
				"created":   base.Shows("When the server was created here, which tells the cluster that one which was replaced has to join again. Null for one that was imported, or created by a release that did not note it."),
				"ssh":       base.ConnectionOutput(),
			}),
		},
	}
}
