// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package linode

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework-validators/int64validator"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/boolplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/int64planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/atollhq/terraform-provider-atoll/internal/provider/base"
)

// kept is an attribute that may be declared and is left alone otherwise: then it
// shows what the machine has.

func keptBool(description string) schema.BoolAttribute {
	return schema.BoolAttribute{Optional: true, Computed: true, Description: description, PlanModifiers: []planmodifier.Bool{boolplanmodifier.UseStateForUnknown()}}
}

func keptNumber(least int64, description string) schema.Int64Attribute {
	return schema.Int64Attribute{
		CustomType: base.Integer{},
		Optional:   true, Computed: true, Description: description,
		Validators: []validator.Int64{int64validator.AtLeast(least)}, PlanModifiers: []planmodifier.Int64{int64planmodifier.UseStateForUnknown()},
	}
}

func keptChoice(description string, words ...string) schema.StringAttribute {
	return schema.StringAttribute{
		Optional: true, Computed: true, Description: description,
		Validators: []validator.String{base.OneOf(words...)}, PlanModifiers: []planmodifier.String{stringplanmodifier.UseStateForUnknown()},
	}
}

// shows is what the account tells; with a modifier it is known before an apply.
func shows(description string, stays planmodifier.String) schema.StringAttribute {
	attribute := base.Shows(description)
	attribute.PlanModifiers = []planmodifier.String{stays}
	return attribute
}

// tagsAttribute are the tags of a thing of the account.
func tagsAttribute(of string) schema.SetAttribute {
	return schema.SetAttribute{
		Optional: true, ElementType: types.StringType,
		Description: "Tags of the " + of + " in the account, all of them. Linode's tags know no case, and the spelling here is kept. A change is in place. Default none.",
		Validators:  append(base.TextsOf(tag()), distinct{}),
	}
}

func tag() base.Text {
	return base.Text{Must: "be a tag of 3 to 50 characters", Check: func(value string) error {
		if err := base.Line().Check(value); err != nil {
			return err
		}
		switch {
		case len(value) < 3 || len(value) > 50:
			return errors.New("must have 3 to 50 characters")
		case strings.HasPrefix(value, "atoll:"):
			return errors.New("must not begin with atoll:, which is Atoll's own")
		}
		return nil
	}}
}

var labelRepetition = regexp.MustCompile(`--|__|\.\.`)

// label asks for a form, without Linode's look-ahead: what is repeated is refused
// beside it.
func label(form *regexp.Regexp, message string) base.Text {
	matching := base.Matching(form, message)
	return base.Text{Must: matching.Must, Check: func(value string) error {
		if err := matching.Check(value); err != nil {
			return err
		}
		if labelRepetition.MatchString(value) {
			return errors.New("must not hold two dashes, underscores or dots in a row")
		}
		return nil
	}}
}

var slugPattern = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._/-]{0,99}$`)

// slug asks for a name of Linode's catalogue, which is asked for it at plan time.
func slug(example string) base.Text {
	return base.Matching(slugPattern, "must be a name of Linode's, such as "+strconv.Quote(example)+": letters, digits, dots, dashes, underscores and slashes")
}

// parsed asks for what a function can read; its error goes behind the value.
func parsed[T any](must string, parse func(string) (T, error)) base.Text {
	return base.Text{Must: must, Check: func(value string) error {
		_, err := parse(value)
		return err
	}}
}

// linodeNumber reads the id of an atoll_linode.
func linodeNumber(text string) (int, error) {
	number, err := strconv.Atoi(text)
	if err != nil || number <= 0 {
		return 0, errors.New("is not the number of a machine. Give the id of an atoll_linode")
	}
	return number, nil
}

// distinct refuses texts that differ in case only.
type distinct struct{}

func (distinct) Description(context.Context) string {
	return "Must not hold two that differ in case only."
}

func (d distinct) MarkdownDescription(ctx context.Context) string { return d.Description(ctx) }

func (distinct) ValidateSet(_ context.Context, req validator.SetRequest, resp *validator.SetResponse) {
	seen := map[string]string{}
	all, _ := base.TextSet(req.ConfigValue)
	for _, text := range all {
		lower := strings.ToLower(text)
		if other, twice := seen[lower]; twice {
			resp.Diagnostics.AddAttributeError(req.Path, "Invalid Attribute Value",
				fmt.Sprintf("%s holds two that are one to Linode, whose tags know no case: one%s, the other%s.", req.Path, base.Shown(other), base.Shown(text)))
		}
		seen[lower] = text
	}
}

// keep keeps a computed value of an existing resource, also a null one.
type keep struct{}

func (keep) Description(context.Context) string         { return "Stays as it is." }
func (keep) MarkdownDescription(context.Context) string { return "Stays as it is." }

func (keep) PlanModifyString(_ context.Context, req planmodifier.StringRequest, resp *planmodifier.StringResponse) {
	if !req.State.Raw.IsNull() && req.ConfigValue.IsNull() {
		resp.PlanValue = req.StateValue
	}
}

func (keep) PlanModifyInt64(_ context.Context, req planmodifier.Int64Request, resp *planmodifier.Int64Response) {
	if !req.State.Raw.IsNull() && req.ConfigValue.IsNull() {
		resp.PlanValue = req.StateValue
	}
}
