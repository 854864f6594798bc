// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package host

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework-validators/mapvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/setvalidator"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/atollhq/terraform-provider-atoll/internal/provider/base"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/apt"
)

// aptSourcesAttribute declares where packages come from. Nothing in an object is
// required to Terraform, see base.Whole.
func aptSourcesAttribute() schema.MapNestedAttribute {
	words := func(description string) schema.SetAttribute {
		return schema.SetAttribute{Optional: true, ElementType: types.StringType, Description: description, Validators: []validator.Set{setvalidator.NoNullValues()}}
	}
	return schema.MapNestedAttribute{
		Optional: true,
		Description: "Where packages come from besides what the machine has, by a name of your choice: each is kept as /etc/apt/sources.list.d/atoll-NAME.sources. " +
			"They are there before packages are installed, here and by the resources that take this host's ssh. " +
			"A source is put in place only when apt takes it beside those that are there and could fetch what it offers; one that cannot be had, or that its key does not sign, is an error and leaves the machine as it was. " +
			"Files that were edited are drift. A change is in place, packages stay as they are; a source taken out is removed, and what was installed from it stays.",
		Validators: []validator.Map{mapvalidator.NoNullValues(), mapvalidator.KeysAre(base.Text{Must: "be part of a file name", Check: apt.CheckName}), peacefulSources{}},
		NestedObject: schema.NestedAttributeObject{
			Validators: []validator.Object{wholeSource{}},
			Attributes: map[string]schema.Attribute{
				"uris":          words("Where the repository is, such as [\"https://repo.example/debian\"], http or https. Required. A user and a password for it belong into /etc/apt/auth.conf.d on the machine, not here."),
				"suites":        words("Releases of the repository, such as [\"trixie\"]. Required. A flat repository has a path that ends with a slash, such as [\"./\"]."),
				"components":    words("Parts of the repository, such as [\"main\"]. Required, but for a flat repository, which has none."),
				"architectures": words("Architectures to take packages for, such as [\"amd64\"]. Default: all that the machine knows."),
				"key": schema.StringAttribute{
					Optional: true,
					Description: "The public key that signs the repository, ASCII-armoured, by its content: file(\"repo.asc\"). One key alone. It goes into the source's own file, so that it is believed for this source only. " +
						"Without one, apt believes a source that is signed by a key which the machine trusts already, such as the distribution's own, and refuses others.",
				},
				"fingerprint": schema.StringAttribute{
					Optional: true,
					Description: "Whole fingerprint of the key, 40 hexadecimal digits with or without blanks, as the repository's owner publishes it. Required with key, and compared with it before anything is sent: " +
						"a key that came over the line may be somebody else's.",
				},
				"pin": schema.SingleNestedAttribute{
					Optional: true,
					Description: "How much apt prefers the packages that come from the hosts of uris, kept as /etc/apt/preferences.d/atoll-NAME.pref. " +
						"Without it, the highest version of all sources is installed.",
					Attributes: map[string]schema.Attribute{
						"priority": schema.Int64Attribute{
							CustomType:  base.Integer{},
							Optional:    true,
							Description: "Priority as in apt_preferences(5), -1000 to 1001 and not 0. Required. Any source has 500: more than that is preferred, also over a higher version elsewhere; less than 500 only gives what no other source has; a negative one forbids the packages.",
						},
						"packages": words("Packages that it holds for, by name or pattern, such as [\"mysql-*\"]. Default: all."),
					},
				},
			},
		},
	}
}

// sourceOf reads one source. unknown are the attributes that are not known yet,
// or not whole.
func sourceOf(name string, object types.Object) (source apt.Source, unknown map[string]bool) {
	unknown = map[string]bool{}
	words := func(object types.Object, attribute, as string) []string {
		texts, whole := base.TextSet(base.Member[types.Set](object, attribute))
		unknown[as] = unknown[as] || !whole
		return texts
	}
	text := func(attribute string) string {
		value := base.Member[types.String](object, attribute)
		unknown[attribute] = value.IsUnknown()
		return value.ValueString()
	}
	source = apt.Source{
		Name: name, URIs: words(object, "uris", "uris"), Suites: words(object, "suites", "suites"),
		Components: words(object, "components", "components"), Architectures: words(object, "architectures", "architectures"),
		Key: text("key"), Fingerprint: text("fingerprint"),
	}
	pin := base.Member[types.Object](object, "pin")
	if !pin.IsNull() && !pin.IsUnknown() {
		priority := base.Member[types.Int64](pin, "priority")
		unknown["pin.priority"] = priority.IsUnknown()
		source.Pin = &apt.Pin{Priority: priority.ValueInt64(), Packages: words(pin, "packages", "pin.packages")}
	}
	return source, unknown
}

// sources are those that are there, by name.
func sources(values types.Map) []apt.Source {
	var all []apt.Source
	elements := values.Elements()
	for _, name := range slices.Sorted(maps.Keys(elements)) {
		if object, _ := elements[name].(types.Object); !object.IsNull() {
			source, _ := sourceOf(name, object)
			all = append(all, source)
		}
	}
	return all
}

// checkSources says all that is wrong with sources, of which all is known.
func checkSources(values types.Map) error {
	var all []error
	for _, source := range sources(values) {
		at := path.Root("apt_sources").AtMapKey(source.Name)
		for _, problem := range source.Check() {
			all = append(all, errors.New(problemText(within(at, problem.Attribute), problem)))
		}
	}
	if err := apt.Conflict(sources(values)); err != nil {
		all = append(all, fmt.Errorf("apt_sources: %w", err))
	}
	return errors.Join(all...)
}

// peacefulSources asks that no two sources are in each other's way.
type peacefulSources struct{}

func (peacefulSources) Description(context.Context) string {
	return "must have one key for each suite of a repository"
}

func (v peacefulSources) MarkdownDescription(ctx context.Context) string { return v.Description(ctx) }

// ValidateMap leaves out sources whose keys are not known yet.
func (peacefulSources) ValidateMap(_ context.Context, req validator.MapRequest, resp *validator.MapResponse) {
	var known []apt.Source
	elements := req.ConfigValue.Elements()
	for _, name := range slices.Sorted(maps.Keys(elements)) {
		object, _ := elements[name].(types.Object)
		if source, unknown := sourceOf(name, object); !object.IsNull() && !object.IsUnknown() && !unknown["key"] {
			known = append(known, source)
		}
	}
	if err := apt.Conflict(known); err != nil {
		resp.Diagnostics.AddAttributeError(req.Path, "Sources Collide", fmt.Sprintf("%s: %v.", req.Path, err))
	}
}

// wholeSource asks that a source makes sense as a whole, as far as it is known.
type wholeSource struct{}

func (wholeSource) Description(context.Context) string {
	return "must be a source that apt can take packages from, and its key the one of the fingerprint"
}

func (v wholeSource) MarkdownDescription(ctx context.Context) string { return v.Description(ctx) }

func (wholeSource) ValidateObject(_ context.Context, req validator.ObjectRequest, resp *validator.ObjectResponse) {
	if req.ConfigValue.IsNull() || req.ConfigValue.IsUnknown() {
		return
	}
	source, unknown := sourceOf("", req.ConfigValue)
	for _, problem := range source.Check() {
		// Of what is not whole, only what is there can be wrong.
		if problem.Value == "" && (unknown[problem.Attribute] || unknown[problem.With]) {
			continue
		}
		at := within(req.Path, problem.Attribute)
		resp.Diagnostics.AddAttributeError(at, "Invalid Attribute Value", problemText(at, problem))
	}
}

func problemText(at path.Path, problem apt.Problem) string {
	value := ""
	if problem.Value != "" {
		value = base.Shown(problem.Value)
	}
	return fmt.Sprintf("%s%s %v.", at, value, problem.Err)
}

// within finds an attribute by its name, such as "pin.priority".
func within(at path.Path, name string) path.Path {
	for _, step := range strings.Split(name, ".") {
		at = at.AtName(step)
	}
	return at
}
