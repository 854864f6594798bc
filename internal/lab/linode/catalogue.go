// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package linode

import "slices"

// Region is one place of the hoster, with the capabilities of the recordings of
// 2025.
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

func (r Region) can(capability string) bool { return slices.Contains(r.Capabilities, capability) }

var resolvers = map[string]string{"ipv4": "139.162.11.5,139.162.13.5", "ipv6": "2400:8901::4,2400:8901::5"}

func placementLimits() map[string]*int {
	five := 5
	return map[string]*int{"maximum_pgs_per_customer": nil, "maximum_linodes_per_pg": &five, "maximum_linodes_per_flexible_pg": &five}
}

// capabilities that every region has; the rest differs.
var capabilities = []string{
	"Linodes", "Disk Encryption", "Backups", "NodeBalancers", "Block Storage", "Kubernetes", "Cloud Firewall", "Vlans", "Placement Group", "StackScripts",
}

func region(id, label, country string, more ...string) Region {
	return Region{
		ID: id, Label: label, Country: country, Status: "ok", Resolvers: resolvers, PlacementLimits: placementLimits(), SiteType: "core",
		Monitors:     map[string][]string{"alerts": {"Managed Databases"}, "metrics": {"Managed Databases"}},
		Capabilities: append(append([]string{}, capabilities...), more...),
	}
}

const (
	metadataService   = "Metadata"
	vpcs              = "VPCs"
	premiumPlans      = "Premium Plans"
	maintenancePolicy = "Maintenance Policy"
	linodeInterfaces  = "Linode Interfaces"
)

// lab-plain is no region of Linode's: it stands for those that lack a service,
// as some did for years.
var regions = []Region{
	region("ap-west", "Mumbai, IN", "in", metadataService, linodeInterfaces, "Managed Databases"),
	region("ap-south", "Singapore, SG", "sg", metadataService, linodeInterfaces, maintenancePolicy),
	region("jp-osa", "Osaka, JP", "jp", metadataService, linodeInterfaces, vpcs, premiumPlans, "Block Storage Encryption", "Managed Databases"),
	region("us-sea", "Seattle, WA", "us", metadataService, linodeInterfaces, vpcs, premiumPlans, maintenancePolicy, "Block Storage Encryption", "Managed Databases"),
	region("id-cgk", "Jakarta, ID", "id", metadataService, linodeInterfaces, vpcs, premiumPlans, "Block Storage Encryption", "Managed Databases"),
	region("lab-plain", "Without Metadata", "xx"),
}

// Type is a size of instance: MiB, Mbit/s, GB of transfer, dollars.
type Type struct {
	ID           string        `json:"id"`
	Label        string        `json:"label"`
	Price        Price         `json:"price"`
	RegionPrices []RegionPrice `json:"region_prices"`
	Addons       Addons        `json:"addons"`
	Memory       int           `json:"memory"`
	Disk         int           `json:"disk"`
	Transfer     int           `json:"transfer"`
	VCPUs        int           `json:"vcpus"`
	GPUs         int           `json:"gpus"`
	Accelerated  int           `json:"accelerated_devices"`
	NetworkOut   int           `json:"network_out"`
	Class        string        `json:"class"`
	Successor    *string       `json:"successor"`
}

// Price of an hour and a month.
type Price struct {
	Hourly  float64 `json:"hourly"`
	Monthly float64 `json:"monthly"`
}

// RegionPrice is what differs from the price in one region.
type RegionPrice struct {
	ID string `json:"id"`
	Price
}

// dearer is by how much Jakarta costs more than the other regions here.
const dearer = 1.2

func regionPrices(monthly float64) []RegionPrice {
	return []RegionPrice{{"id-cgk", Price{dearer * monthly / 672, dearer * monthly}}}
}

// Addons of a type.
type Addons struct {
	Backups struct {
		Price        Price         `json:"price"`
		RegionPrices []RegionPrice `json:"region_prices"`
	} `json:"backups"`
}

func (t Type) key() string { return t.ID }

func sizeOf(id, label, class string, memory, disk, cpus, transfer int, monthly float64) Type {
	kind := Type{
		ID: id, Label: label, Class: class, Memory: memory, Disk: disk, VCPUs: cpus, Transfer: transfer, NetworkOut: 1000 * cpus,
		Price: Price{monthly / 672, monthly}, RegionPrices: regionPrices(monthly),
	}
	kind.Addons.Backups.Price = Price{monthly / 2688, monthly / 4}
	kind.Addons.Backups.RegionPrices = regionPrices(monthly / 4)
	return kind
}

var types = []Type{
	sizeOf("g6-nanode-1", "Nanode 1GB", "nanode", 1024, 25600, 1, 1000, 5),
	sizeOf("g6-standard-1", "Linode 2GB", "standard", 2048, 51200, 1, 2000, 12),
	sizeOf("g6-standard-2", "Linode 4GB", "standard", 4096, 81920, 2, 4000, 24),
	sizeOf("g6-standard-4", "Linode 8GB", "standard", 8192, 163840, 4, 5000, 48),
	sizeOf("g7-premium-2", "Premium 4GB", "premium", 4096, 81920, 2, 4000, 43),
}

// Availability is whether a type can be had in a region just now.
type Availability struct {
	Region    string `json:"region"`
	Plan      string `json:"plan"`
	Available bool   `json:"available"`
}

// availability names the types that are not everywhere, as the API does.
var availability = func() (all []Availability) {
	for _, place := range regions {
		all = append(all, Availability{place.ID, "g7-premium-2", place.can(premiumPlans)})
	}
	return all
}()

// offered says whether a type can be had in a region.
func offered(kind, place string) bool {
	return !slices.Contains(availability, Availability{place, kind, false})
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
	deprecated(image("linode/debian10", "Debian 10", "Debian", "cloud-init")),
}

func deprecated(old Image) Image {
	end := "2024-06-30T04:00:00"
	old.Deprecated, old.EOL = true, &end
	return old
}

// networksOf are the first 24 bits of the addresses of a region, out of the
// documentation ranges that a lab lives in.
var networksOf = map[string]string{"ap-south": "198.51.100.", "jp-osa": "203.0.113.", "us-sea": "203.0.113.", "ap-west": "203.0.113.", "id-cgk": "203.0.113.", "lab-plain": "203.0.113."}

// firstAddress and lastAddress bound the last number of an instance's address;
// the default site of the lab has lower ones.
const (
	firstAddress = 100
	lastAddress  = 250
)
