// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package linode

import (
	"net"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/linode/linodego"

	"github.com/atollhq/terraform-provider-atoll/internal/provision"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/firewall"
)

func TestDiagnoseFindsWhatIsLeftToDo(t *testing.T) {
	running := linodego.Instance{
		Label: "sg1", Type: "g6-standard-1", Status: linodego.InstanceRunning, Tags: []string{"site"}, WatchdogEnabled: true, Backups: &linodego.InstanceBackup{},
		Alerts: &linodego.InstanceAlert{CPU: 90}, MaintenancePolicy: "linode/migrate",
	}
	spec := Spec{Label: "sg1", Type: "g6-standard-1", Tags: []string{"Site"}}
	for name, test := range map[string]struct {
		spec func(*Spec)
		seen func(*Observed)
		want []provision.Operation
		// lines are what no attribute shows, each with its end.
		lines string
	}{
		"in sync":                      {},
		"tags differ in case only":     {spec: func(s *Spec) { s.Tags = []string{"SITE"} }},
		"another label":                {spec: func(s *Spec) { s.Label = "sg2" }, want: []provision.Operation{Describe{}}},
		"a foreign tag":                {seen: func(o *Observed) { o.Instance.Tags = []string{"site", "other"} }, want: []provision.Operation{Describe{}}},
		"a mark that was left":         {seen: func(o *Observed) { o.Instance.Tags = []string{"site", marker + "x"} }, want: []provision.Operation{Describe{}}, lines: "making: not finished, the machine was never reached over SSH\n"},
		"watchdog left alone":          {seen: func(o *Observed) { o.Instance.WatchdogEnabled = false }},
		"watchdog declared":            {spec: func(s *Spec) { s.Watchdog = pointer(false) }, want: []provision.Operation{Describe{}}},
		"an alert":                     {spec: func(s *Spec) { s.Alerts = map[string]int{"cpu": 180} }, want: []provision.Operation{Describe{}}},
		"an alert as it is":            {spec: func(s *Spec) { s.Alerts = map[string]int{"cpu": 90} }},
		"a maintenance policy":         {spec: func(s *Spec) { s.MaintenancePolicy = "linode/power_off_on" }, want: []provision.Operation{Describe{}}},
		"a name":                       {spec: func(s *Spec) { s.ReverseDNS = "sg1.example.com" }, want: []provision.Operation{Resolve{"sg1.example.com"}}},
		"a name as it is":              {spec: func(s *Spec) { s.ReverseDNS = "sg1.example.com" }, seen: func(o *Observed) { o.ReverseDNS = "sg1.example.com" }},
		"backups on":                   {spec: func(s *Spec) { s.Backups = pointer(true) }, want: []provision.Operation{EnableBackups{}}},
		"backups off":                  {spec: func(s *Spec) { s.Backups = pointer(false) }, seen: func(o *Observed) { o.Instance.Backups = &linodego.InstanceBackup{Enabled: true} }, want: []provision.Operation{CancelBackups{}}},
		"no backups in the answer":     {spec: func(s *Spec) { s.Backups = pointer(false) }, seen: func(o *Observed) { o.Instance.Backups = nil }},
		"into a group":                 {spec: func(s *Spec) { s.PlacementGroup = pointer(5) }, want: []provision.Operation{JoinGroup{5}}},
		"from group to group":          {spec: func(s *Spec) { s.PlacementGroup = pointer(5) }, seen: func(o *Observed) { o.Instance.PlacementGroup = &linodego.InstancePlacementGroup{ID: 4} }, want: []provision.Operation{LeaveGroup{4}, JoinGroup{5}}},
		"out of the group":             {spec: func(s *Spec) { s.PlacementGroup = pointer(0) }, seen: func(o *Observed) { o.Instance.PlacementGroup = &linodego.InstancePlacementGroup{ID: 4} }, want: []provision.Operation{LeaveGroup{4}}},
		"a group left alone":           {seen: func(o *Observed) { o.Instance.PlacementGroup = &linodego.InstancePlacementGroup{ID: 4} }},
		"a private address":            {spec: func(s *Spec) { s.PrivateIP = true }, want: []provision.Operation{AddPrivateIP{}}},
		"a private address that is":    {spec: func(s *Spec) { s.PrivateIP = true }, seen: private},
		"a private address left alone": {seen: private},
		"off":                          {seen: func(o *Observed) { o.Instance.Status = linodego.InstanceOffline }, want: []provision.Operation{Boot{}}, lines: "power: offline, want running\n"},
		"on its way":                   {seen: func(o *Observed) { o.Instance.Status = linodego.InstanceBooting }, lines: "power: booting, want running\n"},
		"off and never reached": {seen: func(o *Observed) {
			o.Instance.Status, o.Instance.Tags = linodego.InstanceOffline, []string{"site", marker + "x"}
		}, want: []provision.Operation{Describe{}, Boot{}}, lines: "power: offline, want running\nmaking: not finished, the machine was never reached over SSH\n"},
		"in their order": {spec: func(s *Spec) {
			s.Label, s.Type, s.Firewall, s.PrivateIP = "sg2", "g6-standard-2", pointer(7), true
		}, want: []provision.Operation{SetFirewall{Firewall: 7}, Describe{}, AddPrivateIP{}, Resize{"g6-standard-1", "g6-standard-2"}}},
		"another type":                {spec: func(s *Spec) { s.Type = "g6-standard-2" }, want: []provision.Operation{Resize{"g6-standard-1", "g6-standard-2"}}},
		"another type while off":      {spec: func(s *Spec) { s.Type = "g6-standard-2" }, seen: func(o *Observed) { o.Instance.Status = linodego.InstanceOffline }, want: []provision.Operation{Resize{"g6-standard-1", "g6-standard-2"}}, lines: "power: offline, want running\n"},
		"a firewall":                  {spec: func(s *Spec) { s.Firewall = pointer(7) }, want: []provision.Operation{SetFirewall{Firewall: 7}}},
		"another's firewall is there": {spec: func(s *Spec) { s.Firewall = pointer(7) }, seen: func(o *Observed) { o.Firewalls = []int{9} }, want: []provision.Operation{SetFirewall{Firewall: 7}}},
		"attached already":            {spec: func(s *Spec) { s.Firewall = pointer(7) }, seen: func(o *Observed) { o.Firewalls = []int{7, 9} }},
		"no firewall any more":        {spec: func(s *Spec) { s.Firewall = pointer(0) }, seen: func(o *Observed) { o.Firewalls = []int{7} }, want: []provision.Operation{SetFirewall{Former: 7}}},
		"no firewall, as it is":       {spec: func(s *Spec) { s.Firewall = pointer(0) }},
		"a firewall left alone":       {seen: func(o *Observed) { o.Firewalls = []int{9} }},
	} {
		t.Run(name, func(t *testing.T) {
			declared, seen := spec, Observed{Instance: running}
			if test.spec != nil {
				test.spec(&declared)
			}
			if test.seen != nil {
				test.seen(&seen)
			}
			says(t, Diagnose(declared, seen), test.want, test.lines)
		})
	}
}

func TestDiagnoseFirewallFindsWhatIsLeftToDo(t *testing.T) {
	ssh := firewall.Rule{Name: "ssh", Protocol: firewall.TCP, Ports: []firewall.Ports{{First: 22, Last: 22}}, From: firewall.Anywhere}
	in := SeenWall{
		ID: 7, Label: "site", Tags: []string{"site"}, Rules: []firewall.Rule{ssh}, Linodes: []int{5, 9}, Status: linodego.FirewallEnabled, Inbound: drop, Outbound: accept,
	}
	for name, test := range map[string]struct {
		wall   func(*Wall)
		seen   func(*SeenWall)
		former []int
		want   []provision.Operation
		lines  string
	}{
		"in sync":                 {former: []int{5}},
		"another label":           {wall: func(w *Wall) { w.Label = "other" }, want: []provision.Operation{DescribeFirewall{}}},
		"tags in another case":    {wall: func(w *Wall) { w.Tags = []string{"SITE"} }},
		"a mark that was left":    {seen: func(s *SeenWall) { s.Tags = []string{"site", marker + "x"} }, want: []provision.Operation{DescribeFirewall{}}},
		"off":                     {seen: func(s *SeenWall) { s.Status = linodego.FirewallDisabled }, want: []provision.Operation{DescribeFirewall{}}, lines: "firewall: disabled, want enabled\n"},
		"another policy":          {seen: func(s *SeenWall) { s.Inbound = accept }, want: []provision.Operation{WriteRules{}}, lines: "inbound policy: ACCEPT, want DROP\n"},
		"rules for what goes out": {seen: func(s *SeenWall) { s.OutboundRules = 2 }, want: []provision.Operation{WriteRules{}}, lines: "outbound: policy ACCEPT with 2 rules, want ACCEPT without\n"},
		"a rule less":             {seen: func(s *SeenWall) { s.Rules = nil }, want: []provision.Operation{WriteRules{}}, lines: "rule ssh: missing\n"},
		"one to come":             {wall: func(w *Wall) { w.Linodes = []int{5, 6} }, former: []int{5}, want: []provision.Operation{Attach{6}}},
		"one to go":               {wall: func(w *Wall) { w.Linodes = nil }, former: []int{5}, want: []provision.Operation{Detach{5}}},
		"one that went":           {wall: func(w *Wall) { w.Linodes = nil }, former: []int{4}},
		"all, in their order": {
			wall: func(w *Wall) { w.Label, w.Linodes, w.Rules = "other", []int{6}, nil }, seen: func(s *SeenWall) { s.Status, s.Inbound = linodego.FirewallDisabled, accept },
			former: []int{5}, want: []provision.Operation{WriteRules{}, Attach{6}, Detach{5}, DescribeFirewall{}},
			lines: "firewall: disabled, want enabled\ninbound policy: ACCEPT, want DROP\nrule ssh: not declared\n",
		},
	} {
		t.Run(name, func(t *testing.T) {
			wall, seen := Wall{Label: "site", Tags: []string{"Site"}, Rules: []firewall.Rule{ssh}, Linodes: []int{5}}, in
			if test.wall != nil {
				test.wall(&wall)
			}
			if test.seen != nil {
				test.seen(&seen)
			}
			says(t, DiagnoseFirewall(wall, seen, test.former), test.want, test.lines)
		})
	}
}

// says compares both views of findings: the operations in their order, and the lines.
func says(t *testing.T, findings []provision.Finding, operations []provision.Operation, lines string) {
	t.Helper()
	got, err := provision.Operations(findings)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(operations, got); diff != "" {
		t.Error(diff)
	}
	read := ""
	for _, line := range provision.Drift(findings) {
		read += line.String() + "\n"
	}
	if read != lines {
		t.Errorf("lines %q, want %q", read, lines)
	}
}

func private(o *Observed) {
	address := net.ParseIP("192.168.130.2")
	o.Instance.IPv4 = []*net.IP{&address}
}
