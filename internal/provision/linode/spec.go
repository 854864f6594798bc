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
	UserData  string
	PrivateIP bool
	// Subnet of a VPC that the machine is also in; nil is none.
	Subnet *int
	// Firewall is the cloud firewall that the machine is attached to.
	Firewall *int
	Trust    Trust
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

// unfinished says that no run has brought the machine to its end.
func unfinished(instance linodego.Instance) bool {
	return len(unmarked(instance.Tags)) < len(instance.Tags)
}

// Observed is what the account shows of one machine.
type Observed struct {
	Instance linodego.Instance
	// Firewalls that it is attached to.
	Firewalls []int
}

// Kind of a step.
type Kind int

// Steps in the order in which they are taken: what closes doors first, then
// names, then what stops the machine, then power.
const (
	AttachFirewall Kind = iota
	DetachFirewall
	Rename
	EnableBackups
	CancelBackups
	LeaveGroup
	JoinGroup
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

// Plan compares a declaration with what the account shows: the steps that are
// left. formerFirewall is the one that this declaration attached before; any
// other attachment is somebody else's and stays.
func Plan(spec Spec, seen Observed, formerFirewall *int) []Step {
	var steps []Step
	add := func(kind Kind, id int, format string, args ...any) {
		steps = append(steps, Step{kind, id, fmt.Sprintf(format, args...)})
	}
	instance := seen.Instance
	if spec.Firewall != nil && !slices.Contains(seen.Firewalls, *spec.Firewall) {
		add(AttachFirewall, *spec.Firewall, "attach to firewall %d", *spec.Firewall)
	}
	if former := formerFirewall; former != nil && (spec.Firewall == nil || *former != *spec.Firewall) && slices.Contains(seen.Firewalls, *former) {
		add(DetachFirewall, *former, "detach from firewall %d", *former)
	}
	if renames(spec, instance) {
		add(Rename, 0, "set label, tags and watchdog")
	}
	if enabled := instance.Backups != nil && instance.Backups.Enabled; spec.Backups != nil && *spec.Backups != enabled {
		if *spec.Backups {
			add(EnableBackups, 0, "enable backups")
		} else {
			add(CancelBackups, 0, "cancel backups")
		}
	}
	if is, want := groupOf(instance), valueOf(spec.PlacementGroup); is != want {
		if is != 0 {
			add(LeaveGroup, is, "leave placement group %d", is)
		}
		if want != 0 {
			add(JoinGroup, want, "join placement group %d", want)
		}
	}
	if spec.Type != instance.Type {
		add(Resize, 0, "resize from %s to %s", instance.Type, spec.Type)
	} else if instance.Status == linodego.InstanceOffline {
		add(Boot, 0, "boot")
	}
	return steps
}

func renames(spec Spec, instance linodego.Instance) bool {
	return spec.Label != instance.Label || !sameSet(spec.Tags, instance.Tags) || spec.Watchdog != nil && *spec.Watchdog != instance.WatchdogEnabled
}

// sameSet compares tags, whose order and case are Linode's affair.
func sameSet(a, b []string) bool {
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
	if unfinished(instance) {
		lines = append(lines, converge.Line{Subject: "making", Code: CodeUnfinished, Text: "not finished, the machine was never reached over SSH"})
	}
	return lines
}
