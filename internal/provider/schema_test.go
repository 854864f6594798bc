// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
	"github.com/atollhq/terraform-provider-atoll/internal/remote/remotetest"
)

const publicKey = "-----BEGIN PUBLIC KEY-----\nMIIC\n-----END PUBLIC KEY-----\n"

// variants are a configuration with one value after another replaced, by the path
// of the value.
func variants(given any, replace func(leaf any) []any) map[string][]any {
	all := map[string][]any{}
	all[""] = append(all[""], replace(given)...)
	within := func(name string, inner any, put func(instead any) any) {
		for path, changed := range variants(inner, replace) {
			for _, one := range changed {
				all[name+path] = append(all[name+path], put(one))
			}
		}
	}
	switch typed := given.(type) {
	case object:
		for name, inner := range typed {
			within("."+name, inner, func(instead any) any {
				copied := maps.Clone(typed)
				copied[name] = instead
				return copied
			})
		}
	case []any:
		for i, inner := range typed {
			within(fmt.Sprintf("[%d]", i), inner, func(instead any) any {
				copied := slices.Clone(typed)
				copied[i] = instead
				return copied
			})
		}
	}
	return all
}

// faults are what no configuration may bring about, whatever it lacks.
var faults = []string{"Value Conversion Error", "invalid plan", "inconsistent", "report", "Unsupported", "unexpected", "Received unknown", "Received null"}

// Each attribute, element and nested attribute may be unknown while a plan is
// made, and null: a plan comes of it, or an error that names what is missing.
func TestUnknownAndNullEverywhere(t *testing.T) {
	t.Parallel()
	account := hoster(t)
	for resource, config := range everything() {
		t.Run(resource, func(t *testing.T) {
			t.Parallel()
			tf := start(t, machines(t), account.block)
			kind := tf.kind(resource)
			planned, problems := tf.plan(resource, nil, write(kind, config))
			if problems != "" {
				t.Fatalf("as it is: %s", problems)
			}
			prior := &state{settled(planned.value), nil, ""}
			tried := 0
			for path, changed := range variants(config, func(any) []any { return []any{unknown{}, nil} }) {
				if path == "" {
					continue // there is always a configuration
				}
				for i, one := range changed {
					for _, before := range []*state{nil, prior} {
						tried++
						what := []string{"unknown", "null"}[i]
						tf.anew()
						_, problems := tf.plan(resource, before, write(kind, one))
						for _, fault := range faults {
							if strings.Contains(problems, fault) {
								t.Errorf("%s%s %s: %s", resource, path, what, problems)
							}
						}
						if what == "unknown" && problems != "" {
							t.Errorf("%s%s unknown is refused: %s", resource, path, problems)
						}
					}
				}
			}
			if tried < 40 {
				t.Errorf("only %d variants", tried)
			}
		})
	}
}

// settled makes a state of a plan: what is not known becomes something.
func settled(planned tftypes.Value) tftypes.Value {
	value, err := tftypes.Transform(planned, func(_ *tftypes.AttributePath, value tftypes.Value) (tftypes.Value, error) {
		if value.IsKnown() {
			return value, nil
		}
		switch kind := value.Type(); {
		case kind.Is(tftypes.String):
			return tftypes.NewValue(kind, "x"), nil
		case kind.Is(tftypes.Number):
			return tftypes.NewValue(kind, 1), nil
		default:
			return tftypes.NewValue(kind, nil), nil
		}
	})
	if err != nil {
		panic(err)
	}
	return value
}

// settledWith is the state after an apply of a plan, with an attribute as given.
func (s *state) settledWith(attribute string, given any) *state {
	value, err := tftypes.Transform(settled(s.value), func(at *tftypes.AttributePath, value tftypes.Value) (tftypes.Value, error) {
		if at.Equal(tftypes.NewAttributePath().WithAttributeName(attribute)) {
			return write(value.Type(), given), nil
		}
		return value, nil
	})
	if err != nil {
		panic(err)
	}
	return &state{value, nil, ""}
}

// The same of the provider block, of which much may come from other resources.
func TestUnknownAndNullInTheProviderBlock(t *testing.T) {
	t.Parallel()
	tried := 0
	given := block()
	given["ssh"].(object)["keys"] = object{}
	given["ssh"].(object)["passphrases"] = object{}
	for _, whole := range []object{given, {"ssh": object{"keys": object{"office": unknown{}}, "key_files": object{"home": unknown{}}}, "lost": []any{unknown{}}}} {
		for path, changed := range variants(whole, func(any) []any { return []any{unknown{}, nil} }) {
			if path == "" {
				continue
			}
			for i, one := range changed {
				tried++
				_, problems := configured(t, &remotetest.Network{}, one.(object))
				for _, fault := range faults {
					if strings.Contains(problems, fault) {
						t.Errorf("provider%s: %s", path, problems)
					}
				}
				if i == 0 && problems != "" {
					t.Errorf("provider%s unknown is refused: %s", path, problems)
				}
			}
		}
	}
	if tried < 20 {
		t.Errorf("only %d variants", tried)
	}
}

// free are strings that may be anything but several lines: what MySQL or the
// kernel or Linode make of it is theirs to say, or it names a file, which may be
// called so, and our writers quote it, or it is compared and goes nowhere.
var free = []string{".settings.", ".sysctls.", ".cluster.cluster", ".tags", ".rotate_recovery_accounts", ".created", ".user_data", ".cold_deletions", ".import_from.password"}

// certificate is one of an authority.
const certificate = `-----BEGIN CERTIFICATE-----
MIIBczCCARmgAwIBAgIUL4ZQLdiHkoeFgz0sifiQJhI5jfkwCgYIKoZIzj0EAwIw
DjEMMAoGA1UEAwwDb2xkMCAXDTI2MTEyNzAwNDkyOFoYDzIxMjYxMTAzMDA0OTI4
WjAOMQwwCgYDVQQDDANvbGQwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAAQ6prJf
mXxKwEbG/jly9R7o4rIGFSkLKPuYKk53eIhWgEaCfJtPlM3DRrKuxcP04Uv0ZySu
gXa63qHlf8eWtZeHo1MwUTAdBgNVHQ4EFgQUF5eczVtsqa9QkR+FVsCybx1ABhUw
HwYDVR0jBBgwFoAUF5eczVtsqa9QkR+FVsCybx1ABhUwDwYDVR0TAQH/BAUwAwEB
/zAKBggqhkjOPQQDAgNIADBFAiAdyi7LNXsF2jvHPdd8epzwmgaVkhaGPxE2Acwv
X9Rc/wIhAOENE013hlyzl1hmWkw8UvUhYK+H1FzoOHFYka0G5Jbo
-----END CERTIFICATE-----
`

// Nothing that is written goes on where it ends: neither in a file of lines nor
// in a shell.
func TestHostileStringsAreRefused(t *testing.T) {
	t.Parallel()
	tf := start(t, machines(t), hoster(t).block)
	hostile := []any{"a\nSubnet = 0.0.0.0/0", "a\rb", "a\x00b", "$(reboot)", "`reboot`", "a;reboot", "a' b", "a\" b", "a|b", "a>b", "-a b&", "%n a", "a\u0085b", "a\u2028b", "a\u2029b", "\x1b[2J", "a\x7fb", ""}
	for resource, config := range everything() {
		kind, tried := tf.kind(resource), 0
		for path, changed := range variants(config, func(leaf any) []any {
			if _, isText := leaf.(string); isText {
				return hostile
			}
			return nil
		}) {
			for i, one := range changed {
				value, _ := hostile[i].(string)
				breaks := converge.OneLine("it", value) != nil
				isFree := slices.ContainsFunc(free, func(name string) bool { return strings.Contains(path, name) })
				if isFree && !breaks {
					continue
				}
				tried++
				tf.anew()
				if _, problems := tf.plan(resource, nil, write(kind, one)); problems == "" {
					t.Errorf("%s%s takes %q", resource, path, value)
				}
			}
		}
		if tried < 20 {
			t.Errorf("%s: only %d strings tried", resource, tried)
		}
	}
}

// The names in a map are texts as any other: of a setting, of a kernel setting,
// and those that lines of drift begin with.
func TestHostileNamesAreRefused(t *testing.T) {
	t.Parallel()
	tf := start(t, machines(t), object{})
	tried := 0
	for resource, config := range everything() {
		for attribute, given := range config {
			names, isMap := given.(object)
			if !isMap || !slices.Contains([]string{"settings", "sysctls", "peers", "members"}, attribute) {
				continue
			}
			for _, name := range []string{"a\nvm.swappiness", "a\rb", "a\x00b", "a\u2028b", "\x1b[2J", ""} {
				changed, renamed := maps.Clone(config), object{}
				for _, value := range names {
					renamed[name] = value
				}
				changed[attribute] = renamed
				tried++
				if _, problems := tf.plan(resource, nil, write(tf.kind(resource), changed)); problems == "" {
					t.Errorf("%s.%s takes the name %q", resource, attribute, name)
				}
			}
		}
	}
	if tried != 4*6 {
		t.Errorf("%d names tried", tried)
	}
}

// What may be a secret is not repeated by an error.
func TestErrorsRepeatNoSecret(t *testing.T) {
	t.Parallel()
	tf := start(t, machines(t), hoster(t).block)
	const secret = "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAABG5vbmU\n-----END OPENSSH PRIVATE KEY-----\n"
	// What the provider remembers of one is not said of the next.
	router := everything()["atoll_mysql_router"]
	for _, name := range []string{strings.ReplaceAll(secret, "\n", " "), "main"} {
		router["cluster"].(object)["cluster"] = name
		if _, problems := tf.plan("atoll_mysql_router", nil, write(tf.kind("atoll_mysql_router"), router)); strings.Contains(problems, "b3BlbnNzaC1") {
			t.Errorf("cluster.cluster: %s", problems)
		}
	}
	for resource, config := range everything() {
		kind := tf.kind(resource)
		for path, changed := range variants(config, func(leaf any) []any {
			if _, isText := leaf.(string); isText {
				return []any{secret, strings.ReplaceAll(secret, "\n", " ")}
			}
			return nil
		}) {
			for _, one := range changed {
				tf.anew()
				if _, problems := tf.plan(resource, nil, write(kind, one)); strings.Contains(problems, "b3BlbnNzaC1") {
					t.Errorf("%s%s: %s", resource, path, problems)
				}
			}
		}
	}
}

// Where a misspelt attribute is missed, a warning says so: Terraform itself drops
// what an object does not have.
func TestWarningsWhereSomethingIsMissed(t *testing.T) {
	t.Parallel()
	tf := start(t, machines(t), object{})
	for _, row := range []struct {
		ssh  object
		want string
	}{
		{sshTo("203.0.113.11"), ""},
		{object{"host": "203.0.113.11"}, "ssh.host_key is not set"},
		{object{"host": "203.0.113.11", "host_key": hostKey, "jumps": []any{object{"host": "203.0.113.1"}}}, "ssh.jumps[0].host_key is not set"},
		{object{"host": "203.0.113.11", "host_key": unknown{}}, ""},
	} {
		planned, problems := tf.plan("atoll_host", nil, write(tf.kind("atoll_host"), object{"ssh": row.ssh}))
		if problems != "" || row.want == "" && planned.warnings != "" || !strings.Contains(planned.warnings, row.want) {
			t.Errorf("%v: %q, want %q; %s", row.ssh, planned.warnings, row.want, problems)
		}
	}
	for _, row := range []struct {
		block object
		want  string
	}{
		{object{}, ""},
		{object{"ssh": object{}}, "there is no key to log in with"},
		{object{"ssh": object{"agent": true}}, ""},
		{object{"lost": []any{"hk1"}}, "is the name of a node"},
		{object{"lost": []any{"203.0.113.11", "hk1.example"}}, ""},
	} {
		tf, problems := configured(t, &remotetest.Network{}, row.block)
		if problems != "" || row.want == "" && tf.warnings != "" || !strings.Contains(tf.warnings, row.want) {
			t.Errorf("%v: %q, want %q; %s", row.block, tf.warnings, row.want, problems)
		}
	}
}
