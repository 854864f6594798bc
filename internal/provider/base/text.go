// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package base

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
)

// Text asks of a string that a check finds nothing wrong with it. What is wrong
// is said behind the attribute's path and value; a value that looks like a
// secret is not repeated.
type Text struct {
	// Must says what is asked for ("be an IPv4 address").
	Must string
	// Check gives what is wrong and the way out; nil when all is well.
	Check func(value string) error
}

// Description says what is asked for.
func (v Text) Description(context.Context) string { return "must " + v.Must }

// MarkdownDescription says the same.
func (v Text) MarkdownDescription(context.Context) string { return "must " + v.Must }

// ValidateString leaves alone what is null or not known yet.
func (v Text) ValidateString(_ context.Context, req validator.StringRequest, resp *validator.StringResponse) {
	if req.ConfigValue.IsNull() || req.ConfigValue.IsUnknown() {
		return
	}
	value, at := req.ConfigValue.ValueString(), req.Path
	if steps := at.Steps(); len(steps) > 0 {
		if _, inSet := steps[len(steps)-1].(path.PathStepElementKeyValue); inSet {
			at = at.ParentPath() // the step is the value itself
		}
	}
	if err := v.Check(value); err != nil {
		resp.Diagnostics.AddAttributeError(at, "Invalid Attribute Value", fmt.Sprintf("%s%s %v.", at, Shown(value), err))
	}
}

// longest is how much of a value a diagnostic repeats, in bytes.
const longest = 120

// Shown is a value as a diagnostic repeats it behind the attribute's name:
// nothing of what may be a secret, or is no line.
func Shown(value string) string {
	if strings.Contains(value, "PRIVATE KEY") || len(value) > longest || strings.ContainsFunc(value, unicode.IsControl) {
		return fmt.Sprintf(" (%d characters, not shown)", len(value))
	}
	return fmt.Sprintf(" = %q", value)
}

// Matching asks for a form, with a message such as "must be a package name".
func Matching(pattern *regexp.Regexp, message string) Text {
	return Text{Must: strings.TrimPrefix(message, "must "), Check: func(value string) error {
		if !pattern.MatchString(value) {
			return errors.New(message)
		}
		return nil
	}}
}

// OneOf asks for one of several words.
func OneOf(words ...string) Text {
	list := strings.Join(words, ", ")
	return Text{Must: "be one of " + list, Check: func(value string) error {
		if !slices.Contains(words, value) {
			return errors.New("must be one of " + list)
		}
		return nil
	}}
}

// Line asks for one line without control characters, since what writes it into a
// file or hands it to a program would go on at the next.
func Line() Text {
	return Text{Must: "be one line", Check: func(value string) error {
		switch {
		case value == "":
			return errors.New("must not be empty: leave it out instead")
		case converge.OneLine("it", value) != nil:
			return errors.New("must be one line without control characters")
		}
		return nil
	}}
}

// Duration asks for a time that is more than none, in Go's form.
func Duration() Text {
	return Text{Must: "be a duration such as \"90s\" or \"1h30m\"", Check: func(value string) error {
		switch given, err := time.ParseDuration(value); {
		case err != nil:
			return errors.New("is no duration: write numbers with their units, such as \"90s\" or \"1h30m\"")
		case given <= 0:
			return errors.New("must be more than nothing: write a duration such as \"90s\" or \"1h30m\"")
		}
		return nil
	}}
}

// fourNumbers is what nobody means for a DNS name.
var fourNumbers = regexp.MustCompile(`^[0-9]+(\.[0-9]+){3}\.?$`)

// namePattern is a DNS name, also one label of it; an underscore passes, as
// resolvers let it.
var namePattern = regexp.MustCompile(`^[A-Za-z0-9_]([A-Za-z0-9_-]{0,62}[A-Za-z0-9_])?(\.[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?)*\.?$`)

// Address asks for an IP address or a DNS name, and nothing around it.
func Address() Text {
	return Text{Must: "be an IP address or a DNS name", Check: func(value string) error {
		if _, err := netip.ParseAddr(value); err == nil {
			return nil
		}
		switch {
		case value == "":
			return errors.New("must not be empty: it is an IP address or a DNS name")
		case strings.Contains(value, "://"):
			return errors.New("must not have a scheme: give the IP address or the DNS name alone")
		case strings.Contains(value, "@"):
			return errors.New("must not have a user: give that as user")
		case strings.ContainsAny(value, "[]"):
			return errors.New("must not have brackets: give an IPv6 address bare, and the port as port")
		case strings.Contains(value, ":"):
			return errors.New("must not have a port: give that as port")
		case fourNumbers.MatchString(value):
			return errors.New("is no IPv4 address, each number of which is at most 255 and has no 0 in front")
		case !namePattern.MatchString(value) || len(value) > 253:
			return errors.New("must be an IP address or a DNS name: letters, digits, dots and hyphens")
		}
		return nil
	}}
}

// Name asks for a DNS name.
func Name() Text {
	return Text{Must: "be a DNS name", Check: func(value string) error {
		if !namePattern.MatchString(value) || len(value) > 253 {
			return errors.New("must be a DNS name: letters, digits, dots and hyphens")
		}
		return nil
	}}
}

// IPv4Address asks for an address that a machine can have.
func IPv4Address() Text {
	return Text{Must: "be an IPv4 address", Check: CheckIPv4}
}

// CheckIPv4 says what is wrong with an IPv4 address of a machine.
func CheckIPv4(value string) error {
	address, err := netip.ParseAddr(value)
	switch {
	case err != nil:
		return errors.New("is not an IP address. Write it without a prefix length, such as \"10.77.0.11\"")
	case !address.Is4():
		return errors.New("is an IPv6 address, and a mesh has IPv4 addresses. Write one such as \"10.77.0.11\"")
	case address.IsUnspecified(), address.IsLoopback(), address.IsMulticast():
		return errors.New("is not an address by which another machine reaches this one. Write one such as \"10.77.0.11\"")
	}
	return nil
}

var (
	userPattern    = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_.-]{0,31}\$?$`)
	keyNamePattern = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.@ -]{0,127}$`)
)

// UserName asks for a login name.
func UserName() Text {
	return Matching(userPattern, "must be a login name: up to 32 letters, digits, dots, hyphens and underscores, not beginning with a digit")
}

// KeyName asks for the name of a key. Who gives the key itself is told so.
func KeyName() Text {
	return Text{Must: "be the name of a key", Check: func(value string) error {
		switch {
		case strings.Contains(value, "PRIVATE KEY"):
			return errors.New("is a private key, and the state must not hold one: put it into the provider's ssh.keys under a name, and give that name here")
		case strings.HasPrefix(value, "ssh-"), strings.HasPrefix(value, "ecdsa-"):
			return errors.New("is a public key: give the name under which the private one stands in the provider's ssh.keys or ssh.key_files")
		case strings.ContainsAny(value, "/~"):
			return errors.New("is a path: put it into the provider's ssh.key_files under a name, and give that name here")
		case !keyNamePattern.MatchString(value):
			return errors.New("must be the name of a key in the provider's ssh.keys or ssh.key_files")
		}
		return nil
	}}
}
