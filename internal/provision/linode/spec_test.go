// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package linode

import (
	"encoding/json"
	"errors"
	"net"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/linode/linodego"

	"github.com/atollhq/terraform-provider-atoll/internal/provision/firewall"
)

func pointer[T any](value T) *T { return &value }

func TestAddressesStayThoseThatAreKnown(t *testing.T) {
	first, second, inside := net.ParseIP("198.51.100.7"), net.ParseIP("198.51.100.9"), net.ParseIP("192.168.130.2")
	instance := linodego.Instance{IPv4: []*net.IP{&inside, &first, &second}}
	for known, want := range map[string]string{"": "198.51.100.7", "198.51.100.9": "198.51.100.9", "198.51.100.8": "198.51.100.7"} {
		if public, private := Addresses(instance, known); public != want || private != "192.168.130.2" {
			t.Errorf("%q: %s, %s", known, public, private)
		}
	}
}

// An order of a machine says what kind of interfaces it has, and keeps a default
// firewall away where none is declared.
func TestOrdersSayTheirInterfaces(t *testing.T) {
	for name, test := range map[string]struct {
		spec Spec
		want string
	}{
		"config":            {Spec{Generation: GenerationConfig}, `{"region":"","type":"","interface_generation":"legacy_config","tags":["x"]}`},
		"behind a firewall": {Spec{Generation: GenerationConfig, Firewall: pointer(7)}, `{"region":"","type":"","interface_generation":"legacy_config","tags":["x"],"firewall_id":7}`},
		"behind none":       {Spec{Generation: GenerationConfig, Firewall: pointer(0)}, `{"region":"","type":"","interface_generation":"legacy_config","tags":["x"],"firewall_id":-1}`},
		"its own interfaces": {Spec{Generation: GenerationLinode, Firewall: pointer(7), Subnet: pointer(5)}, `{"region":"","type":"","interface_generation":"linode","tags":["x"],
			"interfaces":[{"firewall_id":7,"default_route":{"ipv4":true,"ipv6":true},"public":{}},{"firewall_id":7,"vpc":{"subnet_id":5}}]}`},
		"in a VPC, once more": {Spec{Generation: GenerationConfig, Subnet: pointer(5), SubnetIPv4: "10.0.0.9"}, `{"region":"","type":"","interface_generation":"legacy_config","tags":["x"],
			"interfaces":[{"purpose":"public","primary":true},{"purpose":"vpc","subnet_id":5,"ipv4":{"vpc":"10.0.0.9"}}]}`},
	} {
		options, err := test.spec.creation(nil, "x")
		if err != nil {
			t.Fatal(err)
		}
		text, err := json.Marshal(options)
		if err != nil {
			t.Fatal(err)
		}
		var got, want map[string]any
		if err := errors.Join(json.Unmarshal(text, &got), json.Unmarshal([]byte(test.want), &want)); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestCatalogueRefusesWithTheWayOut(t *testing.T) {
	offer := &Catalogue{
		Regions: map[string]linodego.Region{
			"ap-south": {Capabilities: []string{"Metadata", "Maintenance Policy"}}, "ap-west": {}, "jp-osa": {Capabilities: []string{"Metadata", "VPCs", "Placement Group", "Linode Interfaces"}},
		},
		Types: map[string]linodego.LinodeType{"small": {Disk: 25600}, "premium": {Disk: 81920}}, Unavailable: map[string][]string{"ap-south": {"premium"}},
		Images:   map[string]linodego.Image{"debian": {Capabilities: []string{"cloud-init"}}, "slackware": {}, "old": {Capabilities: []string{"cloud-init"}, Deprecated: true}},
		Settings: &linodego.AccountSettings{BackupsEnabled: true, InterfacesForNewLinodes: linodego.LegacyConfigOnly},
	}
	for name, test := range map[string]struct {
		spec       Spec
		attributes []string
	}{
		"good":                       {Spec{Region: "ap-south", Type: "small", Image: "debian", Generation: GenerationConfig}, nil},
		"nothing known yet":          {Spec{}, nil},
		"all wrong":                  {Spec{Region: "hk", Type: "huge", Image: "none"}, []string{"region", "type", "image"}},
		"no cloud-init":              {Spec{Region: "ap-south", Type: "small", Image: "slackware"}, []string{"image"}},
		"no metadata service":        {Spec{Region: "ap-west", Type: "small", Image: "debian"}, []string{"region"}},
		"no cloud-init, but a key":   {Spec{Region: "ap-south", Type: "small", Image: "slackware", Trust: TrustGiven}, nil},
		"no metadata, but first use": {Spec{Region: "ap-west", Type: "small", Image: "slackware", Trust: TrustFirstUse}, nil},
		"deprecated":                 {Spec{Region: "ap-south", Type: "small", Image: "old"}, []string{"image"}},
		"not available here":         {Spec{Region: "ap-south", Type: "premium", Image: "debian"}, []string{"type"}},
		"available elsewhere":        {Spec{Region: "jp-osa", Type: "premium", Image: "debian"}, nil},
		"swap":                       {Spec{Region: "ap-south", Type: "small", Image: "debian", SwapMiB: pointer(25600)}, []string{"swap_mib"}},
		"no VPCs":                    {Spec{Region: "ap-south", Type: "small", Image: "debian", Subnet: pointer(1)}, []string{"vpc_subnet_id"}},
		"VPCs":                       {Spec{Region: "jp-osa", Type: "small", Image: "debian", Subnet: pointer(1)}, nil},
		"no groups":                  {Spec{Region: "ap-south", Type: "small", Image: "debian", PlacementGroup: pointer(1)}, []string{"placement_group_id"}},
		"no policy":                  {Spec{Region: "jp-osa", Type: "small", Image: "debian", MaintenancePolicy: "linode/migrate"}, []string{"maintenance_policy"}},
		"mandatory backups":          {Spec{Region: "ap-south", Type: "small", Image: "debian", Backups: pointer(false)}, []string{"backups"}},
		"a forbidden generation":     {Spec{Region: "jp-osa", Type: "small", Image: "debian", Generation: GenerationLinode}, []string{"interface_generation"}},
		"no private address":         {Spec{Region: "jp-osa", Type: "small", Image: "debian", Generation: GenerationLinode, PrivateIP: true}, []string{"interface_generation", "private_ip"}},
	} {
		var got []string
		for _, wrong := range offer.Check(test.spec) {
			got = append(got, wrong.Attribute)
			if len(wrong.Detail) < 30 {
				t.Errorf("%s: %q says too little", name, wrong.Detail)
			}
		}
		if diff := cmp.Diff(test.attributes, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestRulesBeyondLinodesLimitsAreRefused(t *testing.T) {
	rule := firewall.Rule{Name: "ssh", Protocol: firewall.TCP, Ports: []firewall.Ports{{First: 22, Last: 22}}, From: firewall.Anywhere}
	if err := CheckRules(slices.Repeat([]firewall.Rule{rule}, 25)); err != nil {
		t.Error(err)
	}
	if err := CheckRules(slices.Repeat([]firewall.Rule{rule}, 26)); err == nil || !strings.Contains(err.Error(), "26 rules") {
		t.Errorf("26 rules: %v", err)
	}
	for i := range 255 {
		rule.From = append(rule.From, netip.PrefixFrom(netip.AddrFrom4([4]byte{192, 0, 2, byte(i)}), 32))
	}
	if err := CheckRules([]firewall.Rule{rule}); err == nil || !strings.Contains(err.Error(), "256 IPv4 and 1 IPv6") {
		t.Errorf("256 addresses: %v", err)
	}
}

// A journal knows the orders of its own directory, and of no other.
func TestOrdersAreKnownInTheirOwnDirectoryOnly(t *testing.T) {
	journal, other := Orders{Dir: filepath.Join(t.TempDir(), "default")}, Orders{Dir: filepath.Join(t.TempDir(), "default")}
	first, earlier := journal.Begin("linode sg1")
	if len(earlier) != 0 || !strings.HasPrefix(first, marker) {
		t.Fatalf("%q after %q", first, earlier)
	}
	second, earlier := journal.Begin("linode sg1")
	if second == first || !slices.Equal(earlier, []string{first}) {
		t.Errorf("%q after %q", second, earlier)
	}
	for _, stranger := range []Orders{other, {}} {
		if _, earlier := stranger.Begin("linode sg1"); len(earlier) != 0 {
			t.Errorf("a stranger knows %q", earlier)
		}
	}
	if _, earlier := journal.Begin("firewall sg1"); len(earlier) != 0 {
		t.Errorf("another subject knows %q", earlier)
	}
	journal.End("linode sg1")
	if _, earlier := journal.Begin("linode sg1"); len(earlier) != 0 {
		t.Errorf("after the end: %q", earlier)
	}
}
