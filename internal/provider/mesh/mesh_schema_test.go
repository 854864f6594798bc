// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package mesh

import (
	"strings"
	"testing"
)

func TestNetworks(t *testing.T) {
	for value, want := range map[string]string{
		"10.77.0.0/24": "", "10.0.0.0/8": "", "100.64.0.0/10": "", "10.77.0.8/32": "",
		"0.0.0.0/0": "wider than a /8", "0.0.0.0/1": "wider than a /8", "12.0.0.0/7": "wider than a /8", "127.0.0.0/8": "every machine has for itself",
		"169.254.0.0/16": "every machine has for itself", "224.0.0.0/8": "every machine has for itself", "0.0.0.0/8": "every machine has for itself",
		"10.77.0.5/24": `Write "10.77.0.0/24"`, "fd00::/64": "IPv6", "10.77.0.0": "CIDR form",
	} {
		err := checkNetwork(value)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v, want %q", value, err, want)
		}
	}
}
