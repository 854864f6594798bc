// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package mysql

import (
	"regexp"

	"github.com/hashicorp/terraform-plugin-framework-validators/int64validator"
	"github.com/hashicorp/terraform-plugin-framework-validators/mapvalidator"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/atollhq/terraform-provider-atoll/internal/provider/base"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/innodbcluster"
)

// tagPattern is that of names which MySQL Shell takes for a tag.
var tagPattern = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// routingOptionsAttribute is the same for a cluster and for a router; both says what
// holds for it and what for the other.
func routingOptionsAttribute(both string) schema.SingleNestedAttribute {
	return base.Group("Options of routing that routers read in the cluster's metadata while they run, as MySQL Shell's setRoutingOption writes them. "+both+
		" What somebody else sets is drift; an option that is left out here goes back to its default, and so do all when the whole is taken out again. Never declared, they are left as they are. "+
		"A change is in place: routers follow within seconds, and nothing restarts. Needs metadata of version 2.2.0 or later, which those of Atoll are: see metadata_version of atoll_mysql_cluster.",
		map[string]schema.Attribute{
			"read_only_targets": base.Optional("Where the read-only port leads: secondaries, read_replicas (those that MySQL Shell made; where there are none, the primary), or all (both). Default: the cluster's, and secondaries where that says nothing. A change is in place.",
				base.OneOf("secondaries", "all", "read_replicas")),
			"unreachable_quorum_allowed_traffic": base.Optional("What a router lets through that sees only members without a majority: none, read (which may be old data), or all (what is written there can be lost). "+
				"Default: the cluster's, and none where that says nothing. A change is in place.", base.OneOf("none", "read", "all")),
			"stats_updates_frequency": schema.Int64Attribute{
				CustomType: base.Integer{},
				Optional:   true, Validators: []validator.Int64{int64validator.Between(0, 1<<31-1)},
				Description: "Seconds between two notes of a router in the metadata that it is there, each a small transaction of the cluster; 0 for none. Default: the cluster's, and Router's own where that says nothing. A change is in place.",
			},
			"tags": schema.MapAttribute{
				Optional: true, ElementType: types.StringType,
				Validators: []validator.Map{
					mapvalidator.KeysAre(base.Matching(tagPattern, "must be letters, digits and underscores, and not begin with a digit")), mapvalidator.NoNullValues(), mapvalidator.ValueStringsAre(base.Line()),
				},
				Description: "Words of your own by names of your own, which MySQL Shell shows and routing guidelines can match. Default none. A change is in place.",
			},
		})
}

// routingOptions are those declared, nil for none. Taken out of the configuration
// they all go back to their defaults; before is what was declared then.
func routingOptions(declared, before types.Object) *innodbcluster.RoutingOptions {
	switch {
	case declared.IsUnknown(), declared.IsNull() && (before.IsNull() || before.IsUnknown()):
		return nil
	case declared.IsNull():
		return &innodbcluster.RoutingOptions{}
	}
	options := &innodbcluster.RoutingOptions{
		ReadOnlyTargets:   base.Member[types.String](declared, "read_only_targets").ValueString(),
		UnreachableQuorum: base.Member[types.String](declared, "unreachable_quorum_allowed_traffic").ValueString(),
		Tags:              map[string]string{},
	}
	if frequency := base.Member[types.Int64](declared, "stats_updates_frequency"); !frequency.IsUnknown() {
		options.StatsFrequency = frequency.ValueInt64Pointer()
	}
	for name, element := range base.Member[types.Map](declared, "tags").Elements() {
		value, _ := element.(types.String)
		options.Tags[name] = value.ValueString()
	}
	return options
}
