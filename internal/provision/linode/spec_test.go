// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package linode

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/linode/linodego"
)

func pointer[T any](value T) *T { return &value }

func TestPlanTakesTheStepsThatAreLeft(t *testing.T) {
	running := linodego.Instance{
		Label: "sg1", Type: "g6-standard-1", Status: linodego.InstanceRunning, Tags: []string{"site"}, WatchdogEnabled: true, Backups: &linodego.InstanceBackup{},
	}
	spec := Spec{Label: "sg1", Type: "g6-standard-1", Tags: []string{"Site"}}
	for name, test := range map[string]struct {
		spec   func(*Spec)
		seen   func(*Observed)
		former *int
		want   []Kind
	}{
		"in sync":                     {},
		"tags differ in case only":    {spec: func(s *Spec) { s.Tags = []string{"SITE"} }},
		"another label":               {spec: func(s *Spec) { s.Label = "sg2" }, want: []Kind{Rename}},
		"a foreign tag":               {seen: func(o *Observed) { o.Instance.Tags = []string{"site", "other"} }, want: []Kind{Rename}},
		"a mark that was left":        {seen: func(o *Observed) { o.Instance.Tags = []string{"site", marker + "x"} }, want: []Kind{Rename}},
		"watchdog left alone":         {seen: func(o *Observed) { o.Instance.WatchdogEnabled = false }},
		"watchdog declared":           {spec: func(s *Spec) { s.Watchdog = pointer(false) }, want: []Kind{Rename}},
		"backups on":                  {spec: func(s *Spec) { s.Backups = pointer(true) }, want: []Kind{EnableBackups}},
		"backups off":                 {spec: func(s *Spec) { s.Backups = pointer(false) }, seen: func(o *Observed) { o.Instance.Backups = &linodego.InstanceBackup{Enabled: true} }, want: []Kind{CancelBackups}},
		"no backups in the answer":    {spec: func(s *Spec) { s.Backups = pointer(false) }, seen: func(o *Observed) { o.Instance.Backups = nil }},
		"into a group":                {spec: func(s *Spec) { s.PlacementGroup = pointer(5) }, want: []Kind{JoinGroup}},
		"from group to group":         {spec: func(s *Spec) { s.PlacementGroup = pointer(5) }, seen: func(o *Observed) { o.Instance.PlacementGroup = &linodego.InstancePlacementGroup{ID: 4} }, want: []Kind{LeaveGroup, JoinGroup}},
		"out of the group":            {seen: func(o *Observed) { o.Instance.PlacementGroup = &linodego.InstancePlacementGroup{ID: 4} }, want: []Kind{LeaveGroup}},
		"off":                         {seen: func(o *Observed) { o.Instance.Status = linodego.InstanceOffline }, want: []Kind{Boot}},
		"another type":                {spec: func(s *Spec) { s.Type = "g6-standard-2" }, want: []Kind{Resize}},
		"another type while off":      {spec: func(s *Spec) { s.Type = "g6-standard-2" }, seen: func(o *Observed) { o.Instance.Status = linodego.InstanceOffline }, want: []Kind{Resize}},
		"a firewall":                  {spec: func(s *Spec) { s.Firewall = pointer(7) }, want: []Kind{AttachFirewall}},
		"a firewall beside a foreign": {spec: func(s *Spec) { s.Firewall = pointer(7) }, seen: func(o *Observed) { o.Firewalls = []int{9} }, want: []Kind{AttachFirewall}},
		"attached already":            {spec: func(s *Spec) { s.Firewall = pointer(7) }, seen: func(o *Observed) { o.Firewalls = []int{7, 9} }},
		"another firewall":            {spec: func(s *Spec) { s.Firewall = pointer(8) }, seen: func(o *Observed) { o.Firewalls = []int{7, 9} }, former: pointer(7), want: []Kind{AttachFirewall, DetachFirewall}},
		"no firewall any more":        {seen: func(o *Observed) { o.Firewalls = []int{7, 9} }, former: pointer(7), want: []Kind{DetachFirewall}},
		"detached behind our back":    {seen: func(o *Observed) { o.Firewalls = []int{9} }, former: pointer(7)},
		"a foreign firewall alone":    {seen: func(o *Observed) { o.Firewalls = []int{9} }},
	} {
		t.Run(name, func(t *testing.T) {
			declared, seen := spec, Observed{Instance: running}
			if test.spec != nil {
				test.spec(&declared)
			}
			if test.seen != nil {
				test.seen(&seen)
			}
			var got []Kind
			for _, step := range Plan(declared, seen, test.former) {
				got = append(got, step.Kind)
				if step.Title == "" {
					t.Error("a step without a title")
				}
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestDriftNamesPowerAndHalfMadeMachines(t *testing.T) {
	for want, instance := range map[string]linodego.Instance{
		"":                             {Status: linodego.InstanceRunning},
		"power: offline, want running": {Status: linodego.InstanceOffline},
		"making: not finished, the machine was never reached over SSH": {Status: linodego.InstanceRunning, Tags: []string{marker + "x"}},
	} {
		lines := Drift(instance)
		if want == "" && len(lines) > 0 || want != "" && (len(lines) != 1 || lines[0].String() != want) {
			t.Errorf("%q, want %q", lines, want)
		}
	}
}

func TestCatalogueRefusesWithTheWayOut(t *testing.T) {
	offer := &Catalogue{
		Metadata: map[string]bool{"ap-south": true, "ap-west": false}, Types: map[string]linodego.LinodeType{"small": {}},
		CloudInit: map[string]bool{"debian": true, "slackware": false},
	}
	for name, test := range map[string]struct {
		spec       Spec
		attributes []string
	}{
		"good":                       {Spec{Region: "ap-south", Type: "small", Image: "debian"}, nil},
		"nothing known yet":          {Spec{}, nil},
		"all wrong":                  {Spec{Region: "hk", Type: "huge", Image: "none"}, []string{"region", "type", "image"}},
		"no cloud-init":              {Spec{Region: "ap-south", Type: "small", Image: "slackware"}, []string{"image"}},
		"no metadata service":        {Spec{Region: "ap-west", Type: "small", Image: "debian"}, []string{"region"}},
		"no cloud-init, but a key":   {Spec{Region: "ap-south", Type: "small", Image: "slackware", Trust: TrustGiven}, nil},
		"no metadata, but first use": {Spec{Region: "ap-west", Type: "small", Image: "slackware", Trust: TrustFirstUse}, nil},
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
