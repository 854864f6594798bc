// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package linode

import (
	"fmt"

	"github.com/linode/linodego"

	"github.com/atollhq/terraform-provider-atoll/internal/provision"
)

// The operations on one machine. What they need beside their own fields is what
// the machine is declared to be.
type (
	// SetFirewall puts a machine behind one firewall alone; 0 is none. Former is the
	// one that it is behind, 0 if that matters to nobody.
	SetFirewall struct{ Firewall, Former int }
	// Describe sets what names and watches a machine, and takes our mark off.
	Describe struct{}
	// Resolve sets the reverse DNS.
	Resolve struct{ Name string }
	// EnableBackups begins Linode's backups, CancelBackups ends and deletes them.
	EnableBackups struct{}
	// CancelBackups is the opposite of EnableBackups.
	CancelBackups struct{}
	// LeaveGroup and JoinGroup are about placement groups.
	LeaveGroup struct{ Group int }
	// JoinGroup is the opposite of LeaveGroup.
	JoinGroup struct{ Group int }
	// AddPrivateIP gives an address in the region's private network.
	AddPrivateIP struct{}
	// Resize changes the type.
	Resize struct{ From, To string }
	// Boot boots a machine that is off.
	Boot struct{}
)

func (o SetFirewall) String() string {
	if o.Firewall == 0 {
		return fmt.Sprintf("detach from firewall %d", o.Former)
	}
	return fmt.Sprintf("attach to firewall %d", o.Firewall)
}
func (Describe) String() string      { return "set label, tags, watchdog, alerts and maintenance policy" }
func (o Resolve) String() string     { return "set the reverse DNS to " + o.Name }
func (EnableBackups) String() string { return "enable backups" }
func (CancelBackups) String() string { return "cancel backups" }
func (o LeaveGroup) String() string  { return fmt.Sprintf("leave placement group %d", o.Group) }
func (o JoinGroup) String() string   { return fmt.Sprintf("join placement group %d", o.Group) }
func (AddPrivateIP) String() string  { return "add a private address" }
func (o Resize) String() string      { return "resize from " + o.From + " to " + o.To }
func (Boot) String() string          { return "boot" }

// The order of the stages: what closes doors first, then names, then what stops
// the machine, then power.

// Stage is its place in the order.
func (SetFirewall) Stage() int { return 0 }

// Stage is its place in the order.
func (Describe) Stage() int { return 1 }

// Stage is its place in the order.
func (Resolve) Stage() int { return 2 }

// Stage is its place in the order.
func (EnableBackups) Stage() int { return 3 }

// Stage is its place in the order.
func (CancelBackups) Stage() int { return 3 }

// Stage is its place in the order.
func (LeaveGroup) Stage() int { return 4 }

// Stage is its place in the order.
func (JoinGroup) Stage() int { return 5 }

// Stage is its place in the order.
func (AddPrivateIP) Stage() int { return 6 }

// Stage is its place in the order.
func (Resize) Stage() int { return 7 }

// Stage is its place in the order.
func (Boot) Stage() int { return 8 }

// Boots says whether an operation may end with a boot of the machine.
func Boots(operation provision.Operation, instance linodego.Instance) bool {
	switch operation.(type) {
	case Resize, AddPrivateIP, Boot:
		return true
	case SetFirewall:
		return instance.InterfaceGeneration == linodego.GenerationLinode
	}
	return false
}

// The operations on one firewall.
type (
	// WriteRules replaces the rules and policies by what is declared.
	WriteRules struct{}
	// Attach puts a machine behind the firewall, Detach takes it from there.
	Attach struct{ Linode int }
	// Detach is the opposite of Attach.
	Detach struct{ Linode int }
	// DescribeFirewall sets label and tags, takes our mark off and switches it on.
	DescribeFirewall struct{}
)

func (WriteRules) String() string       { return "write the rules" }
func (o Attach) String() string         { return fmt.Sprintf("attach to instance %d", o.Linode) }
func (o Detach) String() string         { return fmt.Sprintf("detach from instance %d", o.Linode) }
func (DescribeFirewall) String() string { return "set label, tags and status" }

// The order: who is to come in is let in before a machine comes behind the
// firewall, and another firewall may take a machine over before this one lets go.

// Stage is its place in the order.
func (WriteRules) Stage() int { return 0 }

// Stage is its place in the order.
func (Attach) Stage() int { return 1 }

// Stage is its place in the order.
func (Detach) Stage() int { return 2 }

// Stage is its place in the order.
func (DescribeFirewall) Stage() int { return 3 }
