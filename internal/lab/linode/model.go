// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package linode

// The objects of the API, with every key that a real answer has: linodego and
// what stands on it read absent fields as nil. Keys that Linode's document
// 4.189.0 lacks come from the recordings.

// Instance is a Linode.
type Instance struct {
	ID                  int            `json:"id"`
	Label               string         `json:"label"`
	Group               string         `json:"group"`
	Status              string         `json:"status"`
	Created             string         `json:"created"`
	Updated             string         `json:"updated"`
	Type                string         `json:"type"`
	IPv4                []string       `json:"ipv4"`
	IPv6                string         `json:"ipv6"`
	Image               *string        `json:"image"`
	Region              string         `json:"region"`
	SiteType            string         `json:"site_type"`
	Specs               Specs          `json:"specs"`
	Alerts              Alerts         `json:"alerts"`
	Backups             Backups        `json:"backups"`
	Hypervisor          string         `json:"hypervisor"`
	WatchdogEnabled     bool           `json:"watchdog_enabled"`
	Tags                []string       `json:"tags"`
	HostUUID            string         `json:"host_uuid"`
	HasUserData         bool           `json:"has_user_data"`
	PlacementGroup      *InstanceGroup `json:"placement_group"`
	DiskEncryption      string         `json:"disk_encryption"`
	LKEClusterID        *int           `json:"lke_cluster_id"`
	Capabilities        []string       `json:"capabilities"`
	InterfaceGeneration string         `json:"interface_generation"`
	// MaintenancePolicy is absent where the region has no such capability.
	MaintenancePolicy string `json:"maintenance_policy,omitempty"`
}

// Specs are MiB, GB of transfer, and counts.
type Specs struct {
	Disk               int `json:"disk"`
	Memory             int `json:"memory"`
	VCPUs              int `json:"vcpus"`
	GPUs               int `json:"gpus"`
	Transfer           int `json:"transfer"`
	AcceleratedDevices int `json:"accelerated_devices"`
}

// Alerts are thresholds.
type Alerts struct {
	CPU           int `json:"cpu"`
	NetworkIn     int `json:"network_in"`
	NetworkOut    int `json:"network_out"`
	TransferQuota int `json:"transfer_quota"`
	IO            int `json:"io"`
}

// Backups of an instance.
type Backups struct {
	Enabled        bool     `json:"enabled"`
	Available      bool     `json:"available"`
	Schedule       Schedule `json:"schedule"`
	LastSuccessful *string  `json:"last_successful"`
}

// Schedule is when backups are taken.
type Schedule struct {
	Day    *string `json:"day"`
	Window *string `json:"window"`
}

// InstanceGroup is the placement group as its member shows it.
type InstanceGroup struct {
	ID          int    `json:"id"`
	Label       string `json:"label"`
	Type        string `json:"placement_group_type"`
	Policy      string `json:"placement_group_policy"`
	MigratingTo *int   `json:"migrating_to"`
}

// Event is one thing that happens in the account.
type Event struct {
	ID              int      `json:"id"`
	Created         string   `json:"created"`
	Seen            bool     `json:"seen"`
	Read            bool     `json:"read"`
	PercentComplete int      `json:"percent_complete"`
	TimeRemaining   *string  `json:"time_remaining"`
	Rate            *string  `json:"rate"`
	Duration        *float64 `json:"duration"`
	Action          string   `json:"action"`
	Username        string   `json:"username"`
	Entity          *Entity  `json:"entity"`
	Status          string   `json:"status"`
	SecondaryEntity *Entity  `json:"secondary_entity"`
	Message         string   `json:"message"`
}

// Entity is what an event is about. An image's id is a text.
type Entity struct {
	Label string `json:"label"`
	ID    any    `json:"id"`
	Type  string `json:"type"`
	URL   string `json:"url"`
}

// DeviceEntity is what a firewall stands before: a Linode, or one interface of a
// Linode, which is then its parent.
type DeviceEntity struct {
	Entity
	Parent *Entity `json:"parent_entity"`
}

// Firewall is a cloud firewall.
type Firewall struct {
	ID       int            `json:"id"`
	Label    string         `json:"label"`
	Created  string         `json:"created"`
	Updated  string         `json:"updated"`
	Status   string         `json:"status"`
	Rules    Rules          `json:"rules"`
	Tags     []string       `json:"tags"`
	Entities []DeviceEntity `json:"entities"`
}

// Rules of a firewall. A list that was not given comes back as null.
type Rules struct {
	Inbound        []Rule `json:"inbound"`
	InboundPolicy  string `json:"inbound_policy"`
	Outbound       []Rule `json:"outbound"`
	OutboundPolicy string `json:"outbound_policy"`
	Version        int    `json:"version"`
	Fingerprint    string `json:"fingerprint"`
}

// Rule is one rule; what was not given is absent from the answer, too.
type Rule struct {
	Protocol    string    `json:"protocol"`
	Ports       string    `json:"ports,omitempty"`
	Addresses   Addresses `json:"addresses"`
	Action      string    `json:"action"`
	Label       string    `json:"label"`
	Description string    `json:"description,omitempty"`
}

// Addresses of a rule, as networks.
type Addresses struct {
	IPv4 []string `json:"ipv4,omitempty"`
	IPv6 []string `json:"ipv6,omitempty"`
}

// Device is an attachment of a firewall.
type Device struct {
	ID      int          `json:"id"`
	Created string       `json:"created"`
	Updated string       `json:"updated"`
	Entity  DeviceEntity `json:"entity"`
}

// Disk of an instance; sizes are MiB.
type Disk struct {
	ID         int    `json:"id"`
	Label      string `json:"label"`
	Status     string `json:"status"`
	Size       int    `json:"size"`
	Filesystem string `json:"filesystem"`
	Created    string `json:"created"`
	Updated    string `json:"updated"`
	Encryption string `json:"disk_encryption"`
}

// Config is a boot profile of an instance.
type Config struct {
	ID          int               `json:"id"`
	Label       string            `json:"label"`
	Helpers     map[string]bool   `json:"helpers"`
	Kernel      string            `json:"kernel"`
	Comments    string            `json:"comments"`
	MemoryLimit int               `json:"memory_limit"`
	Created     string            `json:"created"`
	Updated     string            `json:"updated"`
	RootDevice  string            `json:"root_device"`
	Devices     map[string]*Slot  `json:"devices"`
	Initrd      *string           `json:"initrd"`
	RunLevel    string            `json:"run_level"`
	VirtMode    string            `json:"virt_mode"`
	Interfaces  []ConfigInterface `json:"interfaces"`
}

// Slot is what stands behind a device of a config.
type Slot struct {
	DiskID   *int `json:"disk_id"`
	VolumeID *int `json:"volume_id"`
}

// ConfigInterface is a network interface of a config.
type ConfigInterface struct {
	ID          int           `json:"id"`
	Purpose     string        `json:"purpose"`
	Primary     bool          `json:"primary"`
	Active      bool          `json:"active"`
	IPAMAddress *string       `json:"ipam_address"`
	Label       *string       `json:"label"`
	VPCID       *int          `json:"vpc_id"`
	SubnetID    *int          `json:"subnet_id"`
	IPv4        InterfaceIPv4 `json:"ipv4"`
	IPRanges    []string      `json:"ip_ranges"`
}

// InterfaceIPv4 are the addresses of a VPC interface.
type InterfaceIPv4 struct {
	VPC     *string `json:"vpc"`
	NAT1To1 *string `json:"nat_1_1"`
}

// Group is a placement group.
type Group struct {
	ID          int                   `json:"id"`
	Label       string                `json:"label"`
	Region      string                `json:"region"`
	Type        string                `json:"placement_group_type"`
	Policy      string                `json:"placement_group_policy"`
	IsCompliant bool                  `json:"is_compliant"`
	Members     []GroupMember         `json:"members"`
	Migrations  map[string][]struct{} `json:"migrations"`
}

// GroupMember is an instance in a placement group.
type GroupMember struct {
	LinodeID    int  `json:"linode_id"`
	IsCompliant bool `json:"is_compliant"`
}

// Volume is block storage; the size is GB.
type Volume struct {
	ID             int      `json:"id"`
	Label          string   `json:"label"`
	Status         string   `json:"status"`
	Created        string   `json:"created"`
	Updated        string   `json:"updated"`
	FilesystemPath string   `json:"filesystem_path"`
	Size           int      `json:"size"`
	LinodeID       *int     `json:"linode_id"`
	LinodeLabel    *string  `json:"linode_label"`
	Region         string   `json:"region"`
	Tags           []string `json:"tags"`
	HardwareType   string   `json:"hardware_type"`
	Encryption     string   `json:"encryption"`
}
