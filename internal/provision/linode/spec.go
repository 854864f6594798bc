// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package linode

import (
	"maps"
	"slices"
	"strings"

	"github.com/linode/linodego"
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
	return !finished(instance.Tags)
}

// finished says that tags are without our mark.
func finished(tags []string) bool { return len(unmarked(tags)) == len(tags) }

// Observed is what the account shows of one machine.
type Observed struct {
	Instance linodego.Instance
	// Firewalls that stand before it, or before one of its interfaces.
	Firewalls []int
	// ReverseDNS of its public IPv4 address, if it was asked for.
	ReverseDNS string
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

func valueOf(pointer *int) int {
	if pointer == nil {
		return 0
	}
	return *pointer
}
