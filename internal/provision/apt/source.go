// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

// Package apt knows the sources that apt takes packages from: what one may say,
// whether its key is the one that was meant, and the files that it becomes.
package apt

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
)

// Source is one that a machine takes packages from.
type Source struct {
	Name                                    string
	URIs, Suites, Components, Architectures []string
	// Key is ASCII-armoured, Fingerprint what it has to have; both or neither. A
	// source without them is believed if a key signs it that the machine trusts
	// already, such as the distribution's own.
	Key, Fingerprint string
	// Pin says how much apt prefers it; nil leaves that to apt.
	Pin *Pin
}

// Pin is how much apt prefers packages from the hosts of a source.
type Pin struct {
	// Priority as in apt_preferences(5), not 0.
	Priority int64
	// Packages by name or pattern; none for all.
	Packages []string
}

// Problem is what is wrong with a source.
type Problem struct {
	// Attribute is where; With is another that it depends on, or "".
	Attribute, With string
	// Value is what is wrong there, or "" where it is not to be repeated.
	Value string
	Err   error
}

var (
	namePattern      = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$`)
	suitePattern     = regexp.MustCompile(`^(\.?/|[A-Za-z0-9][A-Za-z0-9._~+-]*(/[A-Za-z0-9._~+-]+)*/?)$`)
	componentPattern = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._+-]*(/[A-Za-z0-9._+-]+)*$`)
	wordPattern      = regexp.MustCompile(`^[a-z0-9][a-z0-9-]*$`)
	packagesPattern  = regexp.MustCompile(`^[a-z0-9*?][a-z0-9+.*?-]*$`)
)

// CheckName says what is wrong with a name: it becomes part of file names.
func CheckName(name string) error {
	if !namePattern.MatchString(name) {
		return errors.New("must be up to 63 letters, digits, hyphens and underscores, and begin with a letter or a digit: it names files in /etc/apt")
	}
	return nil
}

func checkURI(value string) error {
	if strings.ContainsAny(value, " \t") {
		return errors.New("must not have blanks: several URIs are several elements")
	}
	uri, err := url.Parse(value)
	switch {
	case err != nil || uri.Host == "" || uri.Hostname() == "" || uri.Scheme != "http" && uri.Scheme != "https":
		return errors.New("must be a URI such as \"https://repo.example/debian\": http or https, a host and a path")
	case uri.User != nil:
		return errors.New("must not have a user or a password, since the state would hold it: they belong into /etc/apt/auth.conf.d on the machine")
	case uri.RawQuery != "" || uri.Fragment != "" || !plainURI.MatchString(value):
		return errors.New("must be a URI of letters, digits and . _ ~ : / + % -, without a query")
	}
	return nil
}

var plainURI = regexp.MustCompile(`^[A-Za-z0-9._~:/+%\[\]-]+$`)

func matching(pattern *regexp.Regexp, message string) func(string) error {
	return func(value string) error {
		if !pattern.MatchString(value) {
			return errors.New(message)
		}
		return nil
	}
}

// Check says all that is wrong with a source. It does no I/O.
func (s Source) Check() []Problem {
	var problems []Problem
	each := func(attribute string, values []string, check func(string) error) {
		for _, value := range values {
			if err := check(value); err != nil {
				problems = append(problems, Problem{attribute, "", value, err})
			}
		}
	}
	needs := func(attribute, with, reason string) {
		problems = append(problems, Problem{Attribute: attribute, With: with, Err: errors.New(reason)})
	}
	each("uris", s.URIs, checkURI)
	each("suites", s.Suites, matching(suitePattern, "must be one suite such as \"trixie\", without blanks: several suites are several elements. A flat repository has a path that ends with a slash"))
	each("components", s.Components, matching(componentPattern, "must be one component such as \"main\", without blanks: several components are several elements"))
	each("architectures", s.Architectures, matching(wordPattern, "must be one of Debian's architectures, such as \"amd64\""))
	if len(s.URIs) == 0 {
		needs("uris", "", "is missing: say where the packages are, such as [\"https://repo.example/debian\"]")
	}
	flat := slices.ContainsFunc(s.Suites, func(suite string) bool { return strings.HasSuffix(suite, "/") })
	switch {
	case len(s.Suites) == 0:
		needs("suites", "", "is missing: say which release of the repository is meant, such as [\"trixie\"]")
	case flat && len(s.Components) > 0:
		needs("components", "suites", "must be left out where a suite ends with a slash: a flat repository has none")
	case !flat && len(s.Components) == 0:
		needs("components", "suites", "is missing: say which parts of the repository are meant, such as [\"main\"]")
	}
	return append(append(problems, s.checkKey()...), s.checkPin()...)
}

func (s Source) checkKey() []Problem {
	switch {
	case s.Key == "" && s.Fingerprint == "":
		return nil
	case s.Key == "":
		return []Problem{{"key", "fingerprint", "", errors.New("is missing: give the ASCII-armoured key that has this fingerprint, such as file(\"repo.asc\")")}}
	}
	key, err := readKey(s.Key)
	switch {
	case err != nil:
		return []Problem{{Attribute: "key", Err: err}}
	case s.Fingerprint == "":
		return []Problem{{"fingerprint", "key", "", fmt.Errorf("is missing. The key's is %s: compare it with what its owner publishes, and write that", key.fingerprint)}}
	}
	wanted, err := plainFingerprint(s.Fingerprint)
	if err != nil {
		return []Problem{{"fingerprint", "", s.Fingerprint, err}}
	}
	if wanted != key.fingerprint {
		return []Problem{{"key", "fingerprint", "", fmt.Errorf("has the fingerprint %s, and fingerprint is %s: it is another key. Find out which is the repository's before you change either", key.fingerprint, wanted)}}
	}
	return nil
}

func (s Source) checkPin() []Problem {
	if s.Pin == nil {
		return nil
	}
	if s.Pin.Priority == 0 || s.Pin.Priority < -1000 || s.Pin.Priority > 1001 {
		return []Problem{{Attribute: "pin.priority", Err: errors.New("must be between -1000 and 1001 and not 0: 500 is what any source has, 990 comes before the release of the machine, a negative one forbids the packages")}}
	}
	var problems []Problem
	for _, name := range s.Pin.Packages {
		if !packagesPattern.MatchString(name) {
			problems = append(problems, Problem{"pin.packages", "", name, errors.New("must be the name of a package or a pattern such as \"mysql-*\"")})
		}
	}
	return problems
}

// Conflict says which two sources name the same suite of the same repository with
// another key: apt refuses to do anything then.
func Conflict(all []Source) error {
	type place struct{ uri, suite string }
	first := map[place]Source{}
	for _, source := range all {
		for _, uri := range source.URIs {
			for _, suite := range source.Suites {
				at := place{strings.TrimRight(uri, "/"), suite}
				other, taken := first[at]
				if taken && strings.TrimSpace(other.Key) != strings.TrimSpace(source.Key) {
					return fmt.Errorf("%q and %q have different keys for %s %s, and apt does nothing at all then: give both the same key, or leave one out", other.Name, source.Name, at.uri, at.suite)
				}
				first[at] = source
			}
		}
	}
	return nil
}

// Refusal says why the source cannot be written at all, whoever wants it.
func (s Source) Refusal() error {
	var all []error
	if err := CheckName(s.Name); err != nil {
		all = append(all, fmt.Errorf("the name of a package source %w: %w", err, converge.ErrHostile))
	}
	for _, problem := range s.Check() {
		all = append(all, fmt.Errorf("package source %q: %s %w: %w", s.Name, problem.Attribute, problem.Err, converge.ErrHostile))
	}
	return errors.Join(all...)
}

// Item is what the source wants on its machine, unless there is a Refusal.
func (s Source) Item() converge.AptSource {
	return converge.AptSource{Name: s.Name, Source: s.file(), Preferences: s.preferences()}
}

// file is in the form of deb822. The key is in it, so that it is never there
// without its key, nor with another one's.
func (s Source) file() []byte {
	var text strings.Builder
	text.WriteString("# Written by Atoll.\nTypes: deb\n")
	for _, field := range []struct {
		name   string
		values []string
	}{{"URIs", s.URIs}, {"Suites", s.Suites}, {"Components", s.Components}, {"Architectures", s.Architectures}} {
		if len(field.values) > 0 {
			fmt.Fprintf(&text, "%s: %s\n", field.name, strings.Join(field.values, " "))
		}
	}
	if key, err := readKey(s.Key); err == nil {
		text.WriteString("Signed-By:\n")
		for _, line := range key.armoured() {
			if line == "" {
				line = "."
			}
			text.WriteString(" " + line + "\n")
		}
	}
	return []byte(text.String())
}

// preferences have a part for each host that packages come from.
func (s Source) preferences() []byte {
	if s.Pin == nil {
		return nil
	}
	packages := "*"
	if len(s.Pin.Packages) > 0 {
		packages = strings.Join(s.Pin.Packages, " ")
	}
	var hosts []string
	for _, value := range s.URIs {
		if uri, err := url.Parse(value); err == nil && !slices.Contains(hosts, uri.Hostname()) {
			hosts = append(hosts, uri.Hostname())
		}
	}
	parts := []string{}
	for _, host := range hosts {
		parts = append(parts, fmt.Sprintf("Explanation: Written by Atoll.\nPackage: %s\nPin: origin %q\nPin-Priority: %d\n", packages, host, s.Pin.Priority))
	}
	return []byte(strings.Join(parts, "\n"))
}
