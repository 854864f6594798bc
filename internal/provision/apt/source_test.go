// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package apt

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func lab(t *testing.T) Source {
	t.Helper()
	return Source{
		Name: "lab", URIs: []string{"http://repo.example:8080/debian"}, Suites: []string{"trixie"}, Components: []string{"main", "mysql"},
		Key: read(t, "ed25519.asc"), Fingerprint: ofEd25519,
	}
}

// Each problem names its attribute and the way out.
func TestCheck(t *testing.T) {
	for _, row := range []struct {
		name   string
		change func(*Source)
		// want are attributes with a part of what is said of them.
		want []string
	}{
		{"as it should be", func(*Source) {}, nil},
		{"as gpg prints a fingerprint", func(s *Source) { s.Fingerprint = "011b aa84 2fca eb18 5798  b693 30f5 06f7 dfc3 e73c" }, nil},
		{"https, an address, a pin", func(s *Source) {
			s.URIs, s.Pin = []string{"https://[2001:db8::1]/a/b_c~d/", "https://203.0.113.1"}, &Pin{Priority: 700, Packages: []string{"mysql-*", "*"}}
		}, nil},
		{"flat", func(s *Source) { s.Suites, s.Components = []string{"./", "stable/"}, nil }, nil},
		{"security", func(s *Source) { s.Suites = []string{"trixie/updates", "trixie-backports"} }, nil},
		{"a key that the machine has", func(s *Source) { s.Key, s.Fingerprint = "", "" }, nil},
		{"nothing", func(s *Source) { *s = Source{Name: "x"} }, []string{"uris is missing", "suites is missing"}},
		{"no components", func(s *Source) { s.Components = nil }, []string{"components is missing"}},
		{"flat with components", func(s *Source) { s.Suites = []string{"./"} }, []string{"components must be left out"}},
		{"a list line", func(s *Source) { s.URIs = []string{"deb http://repo.example trixie main"} }, []string{"uris must not have blanks"}},
		{"no scheme", func(s *Source) { s.URIs = []string{"repo.example/debian"} }, []string{"uris must be a URI"}},
		{"another scheme", func(s *Source) { s.URIs = []string{"ftp://repo.example"} }, []string{"uris must be a URI"}},
		{"no host", func(s *Source) { s.URIs = []string{"http://:80/debian"} }, []string{"uris must be a URI"}},
		{"a password", func(s *Source) { s.URIs = []string{"https://me:secret@repo.example"} }, []string{"uris must not have a user"}},
		{"a line break in a URI", func(s *Source) { s.URIs = []string{"http://repo.example/\nTrusted:yes"} }, []string{"uris must be a URI"}},
		{"a query", func(s *Source) { s.URIs = []string{"http://repo.example/?a"} }, []string{"uris must be a URI of letters"}},
		{"suite with a blank", func(s *Source) { s.Suites = []string{"trixie trixie-updates"} }, []string{"suites must be one suite"}},
		{"suite with a line break", func(s *Source) { s.Suites = []string{"trixie\nTrusted: yes"} }, []string{"suites must be one suite"}},
		{"component with a line break", func(s *Source) { s.Components = []string{"main\n"} }, []string{"components must be one component"}},
		{"architecture", func(s *Source) { s.Architectures = []string{"amd64", "AMD 64"} }, []string{"architectures must be one of"}},
		{"no fingerprint", func(s *Source) { s.Fingerprint = "" }, []string{"fingerprint is missing. The key's is " + ofEd25519}},
		{"no key", func(s *Source) { s.Key = "" }, []string{"key is missing"}},
		{"a short id", func(s *Source) { s.Fingerprint = "DFC3E73C" }, []string{"fingerprint must be a whole fingerprint"}},
		{"another's fingerprint", func(s *Source) { s.Fingerprint = ofRSA }, []string{"key has the fingerprint " + ofEd25519 + ", and fingerprint is " + ofRSA}},
		{"another key", func(s *Source) { s.Key = read(t, "rsa.asc") }, []string{"key has the fingerprint " + ofRSA}},
		{"not a key", func(s *Source) { s.Key = "ssh-ed25519 AAAA" }, []string{"key is no ASCII-armoured"}},
		{"no priority", func(s *Source) { s.Pin = &Pin{} }, []string{"pin.priority must be between"}},
		{"a pin for two at once", func(s *Source) { s.Pin = &Pin{Priority: 1, Packages: []string{"a b"}} }, []string{"pin.packages must be the name"}},
	} {
		source := lab(t)
		row.change(&source)
		problems := source.Check()
		if len(problems) != len(row.want) {
			t.Errorf("%s: %d problems: %v", row.name, len(problems), problems)
			continue
		}
		for i, problem := range problems {
			if said := fmt.Sprintf("%s %v", problem.Attribute, problem.Err); !strings.HasPrefix(said, row.want[i]) {
				t.Errorf("%s: %q, want %q", row.name, said, row.want[i])
			}
		}
	}
}

func TestConflict(t *testing.T) {
	first, second := lab(t), lab(t)
	second.Name, second.URIs, second.Components = "other", []string{"http://repo.example:8080/debian/"}, []string{"contrib"}
	if err := Conflict([]Source{first, second}); err != nil {
		t.Errorf("the same key: %v", err)
	}
	second.Key = read(t, "rsa.asc")
	if err := Conflict([]Source{first, second}); err == nil || !strings.Contains(err.Error(), `"lab" and "other" have different keys for http://repo.example:8080/debian trixie`) {
		t.Errorf("another key: %v", err)
	}
	second.Suites = []string{"trixie-updates"}
	if err := Conflict([]Source{first, second}); err != nil {
		t.Errorf("another suite: %v", err)
	}
}

func TestCheckName(t *testing.T) {
	for name, good := range map[string]bool{
		"mysql": true, "MySQL-8_4": true, "": false, "a.b": false, "../x": false, "a b": false, "a\n": false, "-x": false, strings.Repeat("a", 63): true, strings.Repeat("a", 64): false,
	} {
		if err := CheckName(name); (err == nil) != good {
			t.Errorf("%q: %v", name, err)
		}
	}
}

// The file is as sources.list(5) has it: the key is in it, blank lines are dots.
func TestFiles(t *testing.T) {
	source := lab(t)
	source.Architectures = []string{"amd64"}
	source.URIs = append(source.URIs, "https://repo.example/other", "https://mirror.example")
	source.Pin = &Pin{Priority: -1, Packages: []string{"mysql-*", "libmysqlclient*"}}
	item := source.Item()
	want := `# Written by Atoll.
Types: deb
URIs: http://repo.example:8080/debian https://repo.example/other https://mirror.example
Suites: trixie
Components: main mysql
Architectures: amd64
Signed-By:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 mDMEawdfVRYJKwYBBAHaRw8BAQdAM7LTkI61u07sZwfJRnM8xI9wxSnGNgvwFL7c
 iIy4tNC0DkF0b2xsIHRlc3Qgb25liJAEExYIADgWIQQBG6qEL8rrGFeYtpMw9Qb3
 38PnPAUCawdfVQIbAwULCQgHAgYVCgkICwIEFgIDAQIeAQIXgAAKCRAw9Qb338Pn
 PIWNAP4uYvbuROQ9hctm+PpITh118jL4ZR45VVcMyt0JMr2xdAEAsyv7CUJFFhj1
 yt4snrM+BtBhKpodllPOKzPSOsaxpgw=
 -----END PGP PUBLIC KEY BLOCK-----
`
	if diff := cmp.Diff(want, string(item.Source)); diff != "" {
		t.Error(diff)
	}
	want = `Explanation: Written by Atoll.
Package: mysql-* libmysqlclient*
Pin: origin "repo.example"
Pin-Priority: -1

Explanation: Written by Atoll.
Package: mysql-* libmysqlclient*
Pin: origin "mirror.example"
Pin-Priority: -1
`
	if diff := cmp.Diff(want, string(item.Preferences)); diff != "" {
		t.Error(diff)
	}
	if plain := lab(t).Item(); plain.Preferences != nil {
		t.Errorf("without a pin there is %q", plain.Preferences)
	}
}
