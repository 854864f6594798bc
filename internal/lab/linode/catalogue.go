// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package linode

// Region is one place of the hoster. ap-west has no Metadata service in the
// recordings: user data do not reach a host there.
type Region struct {
	ID              string              `json:"id"`
	Label           string              `json:"label"`
	Country         string              `json:"country"`
	Capabilities    []string            `json:"capabilities"`
	Status          string              `json:"status"`
	Resolvers       map[string]string   `json:"resolvers"`
	PlacementLimits map[string]*int     `json:"placement_group_limits"`
	SiteType        string              `json:"site_type"`
	Monitors        map[string][]string `json:"monitors"`
}

func (r Region) key() string { return r.ID }

var resolvers = map[string]string{"ipv4": "139.162.11.5, 139.162.13.5", "ipv6": "2400:8901::4, 2400:8901::5"}

func placementLimits() map[string]*int {
	five, hundred := 5, 100
	return map[string]*int{"maximum_pgs_per_customer": &hundred, "maximum_linodes_per_pg": &five, "maximum_linodes_per_flexible_pg": &five}
}

var capabilities = []string{"Linodes", "Backups", "Block Storage", "Cloud Firewall", "Vlans", "VPCs", "Disk Encryption", "Placement Group"}

func region(id, label, country string, more ...string) Region {
	return Region{
		ID: id, Label: label, Country: country, Status: "ok", Resolvers: resolvers, PlacementLimits: placementLimits(), SiteType: "core",
		Monitors:     map[string][]string{"alerts": {"Managed Databases"}, "metrics": {"Managed Databases"}},
		Capabilities: append(append([]string{}, capabilities...), more...),
	}
}

var regions = []Region{
	region("ap-west", "Mumbai, IN", "in"),
	region("ap-south", "Singapore, SG", "sg", "Metadata"),
	region("jp-osa", "Osaka, JP", "jp", "Metadata"),
	region("us-sea", "Seattle, WA", "us", "Metadata"),
}

// Type is a size of instance: MiB, Mbit/s, GB of transfer, dollars.
type Type struct {
	ID           string  `json:"id"`
	Label        string  `json:"label"`
	Price        Price   `json:"price"`
	RegionPrices []Price `json:"region_prices"`
	Addons       Addons  `json:"addons"`
	Memory       int     `json:"memory"`
	Disk         int     `json:"disk"`
	Transfer     int     `json:"transfer"`
	VCPUs        int     `json:"vcpus"`
	GPUs         int     `json:"gpus"`
	Accelerated  int     `json:"accelerated_devices"`
	NetworkOut   int     `json:"network_out"`
	Class        string  `json:"class"`
	Successor    *string `json:"successor"`
}

// Price of an hour and a month.
type Price struct {
	Hourly  float64 `json:"hourly"`
	Monthly float64 `json:"monthly"`
}

// Addons of a type.
type Addons struct {
	Backups struct {
		Price        Price   `json:"price"`
		RegionPrices []Price `json:"region_prices"`
	} `json:"backups"`
}

func (t Type) key() string { return t.ID }

func sizeOf(id, label, class string, memory, disk, cpus, transfer int, monthly float64) Type {
	kind := Type{
		ID: id, Label: label, Class: class, Memory: memory, Disk: disk, VCPUs: cpus, Transfer: transfer, NetworkOut: 1000 * cpus,
		Price: Price{monthly / 672, monthly}, RegionPrices: []Price{},
	}
	kind.Addons.Backups.Price = Price{monthly / 2688, monthly / 4}
	kind.Addons.Backups.RegionPrices = []Price{}
	return kind
}

var types = []Type{
	sizeOf("g6-nanode-1", "Nanode 1GB", "nanode", 1024, 25600, 1, 1000, 5),
	sizeOf("g6-standard-1", "Linode 2GB", "standard", 2048, 51200, 1, 2000, 12),
	sizeOf("g6-standard-2", "Linode 4GB", "standard", 4096, 81920, 2, 4000, 24),
	sizeOf("g6-standard-4", "Linode 8GB", "standard", 8192, 163840, 4, 5000, 48),
}

// Image is what a disk is made of; sizes are MiB.
type Image struct {
	ID           string     `json:"id"`
	Label        string     `json:"label"`
	Description  string     `json:"description"`
	Created      string     `json:"created"`
	Updated      string     `json:"updated"`
	Type         string     `json:"type"`
	IsPublic     bool       `json:"is_public"`
	Deprecated   bool       `json:"deprecated"`
	Vendor       string     `json:"vendor"`
	Size         int        `json:"size"`
	TotalSize    int        `json:"total_size"`
	EOL          *string    `json:"eol"`
	Expiry       *string    `json:"expiry"`
	CreatedBy    string     `json:"created_by"`
	Status       string     `json:"status"`
	Capabilities []string   `json:"capabilities"`
	Regions      []struct{} `json:"regions"`
	Tags         []string   `json:"tags"`
}

func (i Image) key() string { return i.ID }

func image(id, label, vendor string, capabilities ...string) Image {
	return Image{
		ID: id, Label: label, Vendor: vendor, Created: "2025-08-13T16:01:31", Updated: "2025-08-13T16:01:31", Type: "manual", IsPublic: true,
		Size: 1800, TotalSize: 1800, CreatedBy: "linode", Status: "available", Regions: []struct{}{}, Tags: []string{},
		Capabilities: append([]string{}, capabilities...),
	}
}

// All images boot what the lab's root has. linode/slackware15.0 stands for
// those without cloud-init.
var images = []Image{
	image("linode/debian12", "Debian 12", "Debian", "cloud-init", "distributed-sites"),
	image("linode/debian13", "Debian 13", "Debian", "cloud-init", "distributed-sites"),
	image("linode/ubuntu22.04", "Ubuntu 22.04 LTS", "Ubuntu", "cloud-init"),
	image("linode/ubuntu24.04", "Ubuntu 24.04 LTS", "Ubuntu", "cloud-init"),
	image("linode/slackware15.0", "Slackware 15.0", "Slackware"),
}

// networksOf are the first 24 bits of the addresses of a region, out of the
// documentation ranges that a lab lives in.
var networksOf = map[string]string{"ap-south": "198.51.100.", "jp-osa": "203.0.113.", "us-sea": "203.0.113.", "ap-west": "203.0.113."}

// firstAddress and lastAddress bound the last number of an instance's address;
// the default site of the lab has lower ones.
const (
	firstAddress = 100
	lastAddress  = 250
)

// PresetSubnet is a VPC subnet that every account of the emulator has.
const PresetSubnet = 77
