// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package linode

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/linode/linodego"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
)

// Trust is how the first contact with a machine is trusted.
type Trust int

const (
	// TrustInjected means that the machine is given a host key that we made, and makes
	// its own over the verified channel at once.
	TrustInjected Trust = iota
	// TrustGiven means that the user knows the key.
	TrustGiven
	// TrustFirstUse means that the key that is shown at the first contact is kept.
	TrustFirstUse
)

// Generations of network interfaces: those of a config profile, behind a firewall
// that stands before the machine, and those of the machine itself, each behind its
// own.
const (
	GenerationConfig = string(linodego.GenerationLegacyConfig)
	GenerationLinode = string(linodego.GenerationLinode)
)

// Spec is what one machine is declared to be. Pointers that are nil leave alone
// what they stand for.
type Spec struct {
	Label, Region, Type, Image string
	Tags                       []string
	Backups, Watchdog          *bool
	// DiskEncryption is enabled or disabled; "" is Linode's default.
	DiskEncryption string
	PlacementGroup *int
	// SwapMiB of a disk that is made; nil is Linode's default of 512.
	SwapMiB *int
	// AuthorizedKeys of root, in authorized_keys form.
	AuthorizedKeys []string
	// UserData for cloud-init, as the user wrote them; "" is none.
	UserData string
	// PrivateIP asks for an address in the region's private network. Once there, it
	// stays: Linode takes it back by a support ticket only.
	PrivateIP bool
	// Generation of the interfaces; "" is not known yet.
	Generation string
	// Subnet of a VPC that the machine is also in; nil is none. SubnetIPv4 is its
	// address there; "" is any.
	Subnet     *int
	SubnetIPv4 string
	// Firewall that the machine is behind: a service can have one. 0 is none, nil
	// leaves alone what there is.
	Firewall *int
	// MaintenancePolicy of the machine's host; "" leaves it alone.
	MaintenancePolicy string
	// Alerts that are declared, by Linode's name of the threshold.
	Alerts map[string]int
	// ReverseDNS of the public IPv4 address; "" leaves it alone.
	ReverseDNS string
	Trust      Trust
}

// marker begins the tag that a machine has until it was reached over SSH once:
// it tells an unfinished machine from one that somebody owns, and ours from
// that of a run that was killed.
const marker = "atoll:making-"

// unmarked are the tags that are not ours.
func unmarked(tags []string) []string {
	// Never nil: as null the API would leave the tags as they are.
	rest := []string{}
	for _, tag := range tags {
		if !strings.HasPrefix(tag, marker) {
			rest = append(rest, tag)
		}
	}
	slices.Sort(rest)
	return rest
}

// Tags of an instance as a declaration has them.
func Tags(instance linodego.Instance) []string { return unmarked(instance.Tags) }

// Unfinished says that no run has brought the machine to its end.
func Unfinished(instance linodego.Instance) bool {
	return len(unmarked(instance.Tags)) < len(instance.Tags)
}

// Observed is what the account shows of one machine.
type Observed struct {
	Instance linodego.Instance
	// Firewalls that stand before it, or before one of its interfaces.
	Firewalls []int
	// ReverseDNS of its public IPv4 address, if it was asked for.
	ReverseDNS string
}

// Kind of a step.
type Kind int

// Steps in the order in which they are taken: what closes doors first, then
// names, then what stops the machine, then power.
const (
	SetFirewall Kind = iota
	Describe
	Name
	EnableBackups
	CancelBackups
	LeaveGroup
	JoinGroup
	AddPrivateIP
	Resize
	Boot
)

// Step is one thing to do at the API.
type Step struct {
	Kind Kind
	// ID of a firewall or placement group.
	ID int
	// Title says it in words.
	Title string
}

// Boots says whether a step may end with a boot of the machine.
func (s Spec) Boots(step Step) bool {
	switch step.Kind {
	case Resize, AddPrivateIP, Boot:
		return true
	case SetFirewall:
		return s.Generation == GenerationLinode
	}
	return false
}

// Plan compares a declaration with what the account shows: the steps that are
// left.
func Plan(spec Spec, seen Observed) []Step {
	var steps []Step
	add := func(kind Kind, id int, format string, args ...any) {
		steps = append(steps, Step{kind, id, fmt.Sprintf(format, args...)})
	}
	instance := seen.Instance
	switch wall := spec.Firewall; {
	case wall == nil:
	case *wall == 0 && len(seen.Firewalls) > 0:
		add(SetFirewall, 0, "detach from firewall %d", seen.Firewalls[0])
	case *wall != 0 && !slices.Contains(seen.Firewalls, *wall):
		add(SetFirewall, *wall, "attach to firewall %d", *wall)
	}
	if describes(spec, instance) {
		add(Describe, 0, "set label, tags, watchdog, alerts and maintenance policy")
	}
	if spec.ReverseDNS != "" && spec.ReverseDNS != seen.ReverseDNS {
		add(Name, 0, "set the reverse DNS to %s", spec.ReverseDNS)
	}
	if enabled := instance.Backups != nil && instance.Backups.Enabled; spec.Backups != nil && *spec.Backups != enabled {
		if *spec.Backups {
			add(EnableBackups, 0, "enable backups")
		} else {
			add(CancelBackups, 0, "cancel backups")
		}
	}
	if is, want := groupOf(instance), valueOf(spec.PlacementGroup); spec.PlacementGroup != nil && is != want {
		if is != 0 {
			add(LeaveGroup, is, "leave placement group %d", is)
		}
		if want != 0 {
			add(JoinGroup, want, "join placement group %d", want)
		}
	}
	if _, private := Addresses(instance, ""); spec.PrivateIP && private == "" {
		add(AddPrivateIP, 0, "add a private address")
	}
	if spec.Type != instance.Type {
		add(Resize, 0, "resize from %s to %s", instance.Type, spec.Type)
	} else if instance.Status == linodego.InstanceOffline {
		add(Boot, 0, "boot")
	}
	return steps
}

func describes(spec Spec, instance linodego.Instance) bool {
	return spec.Label != instance.Label || !SameTags(spec.Tags, instance.Tags) || spec.Watchdog != nil && *spec.Watchdog != instance.WatchdogEnabled ||
		spec.MaintenancePolicy != "" && spec.MaintenancePolicy != instance.MaintenancePolicy || alerts(spec, instance) != nil
}

// Alerts of an instance by Linode's names of the thresholds.
func Alerts(instance linodego.Instance) map[string]int {
	known := linodego.InstanceAlert{}
	if instance.Alerts != nil {
		known = *instance.Alerts
	}
	return map[string]int{"cpu": known.CPU, "io": known.IO, "network_in": known.NetworkIn, "network_out": known.NetworkOut, "transfer_quota": known.TransferQuota}
}

// alerts are all thresholds as declared, or nil where they are so already.
func alerts(spec Spec, instance linodego.Instance) *linodego.InstanceAlert {
	all, differ := Alerts(instance), false
	for name, value := range spec.Alerts {
		differ = differ || all[name] != value
		all[name] = value
	}
	if !differ {
		return nil
	}
	return &linodego.InstanceAlert{CPU: all["cpu"], IO: all["io"], NetworkIn: all["network_in"], NetworkOut: all["network_out"], TransferQuota: all["transfer_quota"]}
}

// SameTags compares tags, whose order and case are Linode's affair.
func SameTags(a, b []string) bool {
	set := func(list []string) map[string]bool {
		all := map[string]bool{}
		for _, item := range list {
			all[strings.ToLower(item)] = true
		}
		return all
	}
	return maps.Equal(set(a), set(b))
}

func groupOf(instance linodego.Instance) int {
	if instance.PlacementGroup == nil {
		return 0
	}
	return instance.PlacementGroup.ID
}

func valueOf(pointer *int) int {
	if pointer == nil {
		return 0
	}
	return *pointer
}

// CodeUnfinished says that the machine was made, and its making never came to its end.
const CodeUnfinished converge.Code = "linode-unfinished"

// Drift says what is wrong with a machine that no attribute shows.
func Drift(instance linodego.Instance) []converge.Line {
	var lines []converge.Line
	if instance.Status != linodego.InstanceRunning {
		lines = append(lines, converge.Line{Subject: "power", Code: converge.CodeInactive, Text: fmt.Sprintf("%s, want running", instance.Status)})
	}
	if Unfinished(instance) {
		lines = append(lines, converge.Line{Subject: "making", Code: CodeUnfinished, Text: "not finished, the machine was never reached over SSH"})
	}
	return lines
}
