// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"testing"
)

// Other settings leave the certificate as it is, and it stays out of the plan; those that
// bring another, or may, do not.
func TestCertificateStaysKnown(t *testing.T) {
	t.Parallel()
	tf := start(t, machines(t), object{}) // the machine does not answer: the apply asks it
	const resource = "atoll_mysql_server"
	kind := tf.kind(resource)
	declaring := func(settings any) object {
		config := everything()[resource]
		config["settings"] = settings
		return config
	}
	created, problems := tf.plan(resource, nil, write(kind, declaring(object{"max_connections": "200"})))
	if problems != "" {
		t.Fatal(problems)
	}
	shows := func(certificate any) *state {
		return created.settledWith("certificate", certificate)
	}
	shown := object{"authority": "PEM", "expires": "2036-11-23"}
	for name, row := range map[string]struct{ was, settings, want any }{
		"another setting":           {shown, object{"max_connections": "300"}, shown},
		"none any more":             {shown, nil, shown},
		"nothing changes":           {shown, object{"max_connections": "200"}, shown},
		"settings to be known":      {shown, unknown{}, unknown{}},
		"a certificate of its own":  {shown, object{"ssl_cert": "/etc/ssl/mine.pem"}, nil},
		"a certificate of its past": {nil, object{"max_connections": "300"}, unknown{}},
	} {
		planned, problems := tf.plan(resource, shows(row.was), write(kind, declaring(row.settings)))
		if problems != "" {
			t.Errorf("%s: %s", name, problems)
			continue
		}
		want := row.want
		if known, is := want.(object); is {
			want = known["authority"]
			if got := planned.at("certificate", "authority"); got != want || planned.at("certificate", "expires") != known["expires"] {
				t.Errorf("%s: %v", name, planned.at("certificate"))
			}
			continue
		}
		if got := planned.at("certificate"); got != want {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
	}
}
