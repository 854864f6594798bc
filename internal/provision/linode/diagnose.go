// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package linode

import (
	"fmt"
	"slices"

	"github.com/linode/linodego"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
	"github.com/atollhq/terraform-provider-atoll/internal/provision"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/firewall"
)

// CodeUnfinished says that the machine was made, and its making never came to its end.
const CodeUnfinished converge.Code = "linode-unfinished"

// Diagnose compares a declaration with what the account shows of a machine. What
// an attribute of its own shows has no line.
func Diagnose(spec Spec, seen Observed) []provision.Finding {
	instance := seen.Instance
	var findings []provision.Finding
	mend := func(differs bool, operation provision.Operation) {
		if differs {
			findings = append(findings, provision.Finding{Mend: operation})
		}
	}
	findings = append(findings, power(spec, instance)...)
	if Unfinished(instance) {
		line := converge.Line{Subject: "making", Code: CodeUnfinished, Text: "not finished, the machine was never reached over SSH"}
		findings = append(findings, provision.Finding{Line: line, Mend: Describe{}})
	}
	switch wall := spec.Firewall; {
	case wall == nil:
	case *wall == 0 && len(seen.Firewalls) > 0:
		mend(true, SetFirewall{Former: seen.Firewalls[0]})
	case *wall != 0:
		mend(!slices.Contains(seen.Firewalls, *wall), SetFirewall{Firewall: *wall})
	}
	mend(describes(spec, instance), Describe{})
	mend(spec.ReverseDNS != "" && spec.ReverseDNS != seen.ReverseDNS, Resolve{spec.ReverseDNS})
	if enabled := instance.Backups != nil && instance.Backups.Enabled; spec.Backups != nil {
		mend(*spec.Backups && !enabled, EnableBackups{})
		mend(!*spec.Backups && enabled, CancelBackups{})
	}
	if is, want := groupOf(instance), valueOf(spec.PlacementGroup); spec.PlacementGroup != nil && is != want {
		mend(is != 0, LeaveGroup{is})
		mend(want != 0, JoinGroup{want})
	}
	_, private := Addresses(instance, "")
	mend(spec.PrivateIP && private == "", AddPrivateIP{})
	mend(spec.Type != instance.Type, resize(spec, instance))
	return findings
}

func resize(spec Spec, instance linodego.Instance) Resize { return Resize{instance.Type, spec.Type} }

// power is what keeps a machine from running. A resize boots it; one that is
// neither on nor off is waited for before anything is done.
func power(spec Spec, instance linodego.Instance) []provision.Finding {
	finding := provision.Finding{Line: converge.Line{Subject: "power", Code: converge.CodeInactive, Text: fmt.Sprintf("%s, want running", instance.Status)}}
	switch {
	case instance.Status == Running:
		return nil
	case spec.Type != instance.Type:
		finding.Mend = resize(spec, instance)
	case instance.Status == Offline:
		finding.Mend = Boot{}
	}
	return []provision.Finding{finding}
}

func describes(spec Spec, instance linodego.Instance) bool {
	return spec.Label != instance.Label || !SameTags(spec.Tags, Tags(instance)) || spec.Watchdog != nil && *spec.Watchdog != instance.WatchdogEnabled ||
		spec.MaintenancePolicy != "" && spec.MaintenancePolicy != instance.MaintenancePolicy || alerts(spec, instance) != nil
}

func groupOf(instance linodego.Instance) int {
	if instance.PlacementGroup == nil {
		return 0
	}
	return instance.PlacementGroup.ID
}

// DiagnoseFirewall compares a declaration with what the account shows of a
// firewall. Machines in former that are declared no more are detached; what others
// attached stays. Attachments, label and tags have attributes that show them.
func DiagnoseFirewall(wall Wall, seen SeenWall, former []int) []provision.Finding {
	var findings []provision.Finding
	say := func(line converge.Line, operation provision.Operation) {
		findings = append(findings, provision.Finding{Line: line, Mend: operation})
	}
	if seen.Status != linodego.FirewallEnabled {
		say(converge.Line{Subject: "firewall", Code: converge.CodeDisabled, Text: fmt.Sprintf("%s, want enabled", seen.Status)}, DescribeFirewall{})
	}
	if seen.Inbound != drop {
		say(converge.Line{Subject: "inbound policy", Code: converge.CodeValue, Text: seen.Inbound + ", want DROP"}, WriteRules{})
	}
	if seen.Outbound != accept || seen.OutboundRules > 0 {
		say(converge.Line{Subject: "outbound", Code: converge.CodeValue,
			Text: fmt.Sprintf("policy %s with %d rules, want ACCEPT without", seen.Outbound, seen.OutboundRules)}, WriteRules{})
	}
	for _, line := range firewall.Drift(wall.Rules, seen.Rules) {
		say(line, WriteRules{})
	}
	for _, id := range wall.Linodes {
		if !slices.Contains(seen.Linodes, id) {
			say(converge.Line{}, Attach{id})
		}
	}
	for _, id := range former {
		if slices.Contains(seen.Linodes, id) && !slices.Contains(wall.Linodes, id) {
			say(converge.Line{}, Detach{id})
		}
	}
	if seen.Label != wall.Label || !SameTags(seen.Tags, wall.Tags) {
		say(converge.Line{}, DescribeFirewall{})
	}
	return findings
}
