// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package innodbcluster

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/atollhq/terraform-provider-atoll/internal/provision/mysqld"
)

// RoutingOptions are what routers read of themselves in the cluster's metadata, as
// MySQL Shell's setRoutingOption writes them: those of a router hold for it alone and go
// before those of the cluster. The zero value is none.
type RoutingOptions struct {
	// ReadOnlyTargets is all, secondaries or read_replicas; "" is none.
	ReadOnlyTargets string
	// UnreachableQuorum is none, read or all; "" is none.
	UnreachableQuorum string
	// StatsFrequency in seconds; nil is none.
	StatsFrequency *int64
	Tags           map[string]string
}

// routingOption is one as it is declared, in one of the two places.
type routingOption struct {
	name string
	// want is nil where it is left out.
	want any
	// usual is what holds where the place says nothing; nil where others say it.
	usual any
	// kept: a document says the usual one, too, as MySQL Shell leaves it there.
	kept bool
}

// options are all that can be declared. A router that says nothing has the cluster's,
// and a cluster Router's own.
func (o RoutingOptions) options(cluster bool) []routingOption {
	text := func(value string) any {
		if value == "" {
			return nil
		}
		return value
	}
	targets := routingOption{name: "read_only_targets", want: text(o.ReadOnlyTargets)}
	quorum := routingOption{name: "unreachable_quorum_allowed_traffic", want: text(o.UnreachableQuorum)}
	stats := routingOption{name: "stats_updates_frequency"}
	tags := routingOption{name: "tags", usual: map[string]string{}, kept: cluster}
	if cluster {
		targets.usual, targets.kept = "secondaries", true
		quorum.usual = "none"
	}
	if o.StatsFrequency != nil {
		stats.want = *o.StatsFrequency
	}
	if len(o.Tags) > 0 {
		tags.want = o.Tags
	}
	return []routingOption{targets, quorum, stats, tags}
}

// canonical writes a value as JSON in one way, one that is left out as the usual one.
func (o routingOption) canonical(value any) string {
	if raw, ok := value.(json.RawMessage); ok {
		value = nil
		if json.Unmarshal(raw, &value) != nil {
			return string(raw)
		}
	}
	if value == nil {
		value = o.usual
	}
	text, err := json.Marshal(value)
	if err != nil {
		return fmt.Sprint(value)
	}
	return string(text)
}

// wrong gives a text for each option that is not as declared in a document.
func (o RoutingOptions) wrong(has map[string]json.RawMessage, cluster bool) []string {
	shown := func(text string) string {
		if text == "null" {
			return "not set"
		}
		return text
	}
	var texts []string
	for _, option := range o.options(cluster) {
		var is any
		if raw, found := has[option.name]; found {
			is = raw
		}
		if now, want := option.canonical(is), option.canonical(option.want); now != want {
			texts = append(texts, fmt.Sprintf("routing option %s is %s, want %s", option.name, shown(now), shown(want)))
		}
	}
	return texts
}

// edit makes the new value of a column out of the old one, key by key: Router and
// MySQL Shell write other keys of the same document.
func (o RoutingOptions) edit(column string, cluster bool) (expression string, values []any) {
	expression = "IFNULL(" + column + ", JSON_OBJECT())"
	for _, option := range o.options(cluster) {
		if option.want == nil && !option.kept {
			expression = "JSON_REMOVE(" + expression + ", '$." + option.name + "')"
			continue
		}
		expression = "JSON_SET(" + expression + ", '$." + option.name + "', CAST(? AS JSON))"
		values = append(values, option.canonical(option.want))
	}
	return expression, values
}

// unread refuses options in metadata in which routers do not look for them.
func (o RoutingOptions) unread(version string) error {
	none := !slices.ContainsFunc(o.options(false), func(option routingOption) bool { return option.want != nil })
	if none || version == "" || !mysqld.ParseVersion(version).Before(2, 2, 0) {
		return nil
	}
	return tooOld(version, "routers read routing_options in")
}

// routing finds what the cluster tells all routers and should not.
func (d *diagnosing) routing(row *ClusterRow, version string) {
	options := d.cluster.Options.Routing
	if options == nil {
		return
	}
	wrong := options.wrong(row.RouterOptions, true)
	for _, text := range wrong {
		d.find(SetRouting{d.Primary}, "cluster metadata", CodeMetadata, "%s", text)
	}
	if len(wrong) > 0 && !d.hold { // held, they are upgraded first
		d.refuse(options.unread(version))
	}
}

// setRouting writes what the cluster tells all routers.
func (s *server) setRouting(ctx context.Context, id string, options RoutingOptions) error {
	expression, values := options.edit("router_options", true)
	return s.Exec(ctx, "writing the routing options", `UPDATE `+schema+`.clusters SET router_options = `+expression+` WHERE cluster_id = ?`, append(values, id)...)
}

// Misrouted gives a text for each option of one router that is not as declared. Of a
// router that the cluster does not know there is nothing to say.
func (f Found) Misrouted(address, name string, options RoutingOptions) []string {
	for _, router := range f.Routers {
		if router.Cluster == f.ClusterID && router.Address == address && router.Name == name {
			return options.wrong(router.Options, false)
		}
	}
	return nil
}

// SetOptions writes what the cluster tells one router.
func (r *Routing) SetOptions(ctx context.Context, address, name string, options RoutingOptions) error {
	if err := options.unread(r.version); err != nil {
		return err
	}
	expression, values := options.edit("options", false)
	return r.server.Exec(ctx, "writing the routing options of "+address+"::"+name, `UPDATE `+schema+`.routers SET options = `+expression+` WHERE address = ? AND router_name = ?`, append(values, address, name)...)
}
