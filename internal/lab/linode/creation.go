// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package linode

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strings"
)

// creation is the body of POST instances and of rebuild, as far as it matters.
type creation struct {
	Region         string            `json:"region"`
	Type           string            `json:"type"`
	Label          string            `json:"label"`
	Image          string            `json:"image"`
	RootPass       string            `json:"root_pass"`
	AuthorizedKeys []string          `json:"authorized_keys"`
	Users          []string          `json:"authorized_users"`
	BackupsEnabled bool              `json:"backups_enabled"`
	PrivateIP      bool              `json:"private_ip"`
	Tags           []string          `json:"tags"`
	Metadata       metadata          `json:"metadata"`
	FirewallID     int               `json:"firewall_id"`
	DiskEncryption string            `json:"disk_encryption"`
	Group          *struct{ ID int } `json:"placement_group"`
	SwapSize       *int              `json:"swap_size"`
	Booted         *bool             `json:"booted"`
	Policy         *string           `json:"maintenance_policy"`
	Generation     string            `json:"interface_generation"`
	// Given is read by the generation: into Interfaces, which a config has, or into
	// Adapters, which the Linode itself has.
	Given      json.RawMessage   `json:"interfaces"`
	Interfaces []ConfigInterface `json:"-"`
	Adapters   []adapterAsked    `json:"-"`
}

type metadata struct {
	UserData string `json:"user_data"`
}

// labelPattern without the look-ahead of the document: no two of - _ . in a row
// is checked apart.
var labelPattern = regexp.MustCompile(`^[a-zA-Z][a-zA-Z0-9_.-]{1,62}[a-zA-Z0-9]$`)

func checkLabel(label string, wrong *problems) {
	if !labelPattern.MatchString(label) || repeated(label) {
		wrong.add("label", "Label must be 3-64 characters, begin with a letter, and hold letters, numbers, single dashes, underscores and dots only")
	}
}

func repeated(label string) bool {
	return strings.Contains(label, "--") || strings.Contains(label, "__") || strings.Contains(label, "..")
}

func (s *Server) labelTaken(label string, but int) bool {
	for id, other := range s.instances {
		if id != but && other.Label == label {
			return true
		}
	}
	return false
}

// check names everything that is wrong with a creation.
func (s *Server) check(asked *creation, wrong *problems) (userData []byte) {
	checkLabel(asked.Label, wrong)
	if s.labelTaken(asked.Label, 0) {
		wrong.add("label", "Label must be unique among your Linodes")
	}
	if find(regions, asked.Region) == nil {
		wrong.add("region", "region is not valid")
	}
	size := find(types, asked.Type)
	switch {
	case size == nil:
		wrong.add("type", "A valid plan type by that ID was not found")
	case !offered(asked.Type, asked.Region):
		wrong.add("type", "This plan is not available in the region")
	case valueOr(asked.SwapSize, 0) >= size.Disk:
		wrong.add("swap_size", "Swap must be smaller than the disk of the plan")
	}
	if asked.FirewallID > 0 && s.firewalls[asked.FirewallID] == nil {
		wrong.add("firewall_id", "Firewall not found")
	}
	if asked.Policy != nil {
		checkPolicy(*asked.Policy, asked.Region, wrong)
	}
	if asked.Group != nil {
		if group := s.groups[asked.Group.ID]; group == nil || group.Region != asked.Region {
			wrong.add("placement_group.id", "Placement Group not found in this region")
		}
	}
	s.checkInterfaces(asked, wrong)
	return checkDisk(asked, asked.Region, wrong)
}

// checkDisk is what create and rebuild have in common.
func checkDisk(asked *creation, at string, wrong *problems) (userData []byte) {
	if asked.Image != "" && asked.RootPass == "" && len(asked.AuthorizedKeys) == 0 && len(asked.Users) == 0 {
		wrong.add("", "Must provide valid root_pass, authorized_keys, or authorized_users")
	}
	if known := find(images, asked.Image); asked.Image != "" && (known == nil || known.Deprecated) {
		wrong.add("image", "image is not valid")
	}
	for _, key := range asked.AuthorizedKeys {
		if fields := strings.Fields(key); len(fields) < 2 || !strings.Contains(fields[0], "-") {
			wrong.add("authorized_keys", "SSH Key is invalid")
		}
	}
	if asked.Metadata.UserData == "" {
		return nil
	}
	decoded, err := base64.StdEncoding.DecodeString(asked.Metadata.UserData)
	if err != nil {
		wrong.add("metadata.user_data", "Must be base64 encoded")
	} else if len(decoded) > 65535 {
		wrong.add("metadata.user_data", "Unencoded data must not exceed 65535 bytes")
	}
	if place := find(regions, at); place != nil && asked.Image != "" && !place.can(metadataService) {
		wrong.add("metadata.user_data", "Metadata is not available in this region")
	}
	return decoded
}

func (s *Server) createInstance(c *call) (any, *refusal) {
	var asked creation
	if refused := c.decode(&asked); refused != nil {
		return nil, refused
	}
	if asked.Label == "" {
		asked.Label = fmt.Sprintf("linode%d", s.ids+1)
	}
	var wrong problems
	s.generation(&asked, &wrong)
	userData := s.check(&asked, &wrong)
	if refused := wrong.refusal(); refused != nil {
		return nil, refused
	}
	address, free := s.allot(asked.Region)
	if !free {
		return nil, refuse(http.StatusBadRequest, "region", "No addresses are left in this region")
	}
	made := s.add(&asked, address)
	made.userData, made.keys, made.HasUserData = userData, asked.AuthorizedKeys, userData != nil
	s.furnish(made, &asked)
	answer := made.Instance
	s.provision(made, asked.Booted == nil || *asked.Booted)
	return answer, nil
}

// add enters a new instance with the defaults of the recordings.
func (s *Server) add(asked *creation, address string) *instance {
	id := s.nextID()
	size := find(types, asked.Type)
	made := &instance{machine: fmt.Sprintf("linode-%d", id), Instance: Instance{
		ID: id, Label: asked.Label, Status: "provisioning", Created: now(), Updated: now(), Type: asked.Type, Region: asked.Region,
		IPv4: []string{address}, IPv6: fmt.Sprintf("2400:8901::f03c:95ff:fe00:%x/128", id), SiteType: "core", Hypervisor: "kvm", WatchdogEnabled: true,
		Specs:  Specs{Disk: size.Disk, Memory: size.Memory, VCPUs: size.VCPUs, Transfer: size.Transfer},
		Alerts: Alerts{CPU: 90 * size.VCPUs, NetworkIn: 10, NetworkOut: 10, TransferQuota: 80, IO: 10000},
		Tags:   []string{}, HostUUID: fmt.Sprintf("%040x", id), Capabilities: []string{},
		DiskEncryption: "enabled", InterfaceGeneration: asked.Generation,
	}}
	place := find(regions, asked.Region)
	for _, capability := range []string{"Block Storage Encryption", maintenancePolicy} {
		if place.can(capability) {
			made.Capabilities = append(made.Capabilities, capability)
		}
	}
	if place.can(maintenancePolicy) {
		made.MaintenancePolicy = s.settings.MaintenancePolicy
		if asked.Policy != nil {
			made.MaintenancePolicy = *asked.Policy
		}
	}
	if asked.DiskEncryption != "" {
		made.DiskEncryption = asked.DiskEncryption
	}
	if asked.PrivateIP {
		made.addPrivate()
	}
	made.Backups.Enabled = asked.BackupsEnabled || s.settings.BackupsEnabled
	made.Tags = s.tag(asked.Tags)
	s.instances[id] = made
	s.addresses[address] = id
	s.plug(made, asked.Adapters)
	if made.InterfaceGeneration == legacy {
		if wall := s.wallFor(asked.FirewallID, s.defaults.Linode); wall != nil {
			s.attach(wall, made.device())
		}
	}
	if asked.Group != nil {
		s.place(s.groups[asked.Group.ID], made)
	}
	return made
}

// furnish gives disks and a config to an instance with an image.
func (s *Server) furnish(made *instance, asked *creation) {
	made.disks, made.configs, made.Image = nil, nil, nil
	if asked.Image == "" {
		return
	}
	image := asked.Image
	made.Image = &image
	swap := 512
	if asked.SwapSize != nil {
		swap = *asked.SwapSize
	}
	disk := func(label, filesystem string, size int) *Slot {
		id := s.nextID()
		made.disks = append(made.disks, Disk{
			ID: id, Label: label, Status: "ready", Size: size, Filesystem: filesystem, Created: now(), Updated: now(), Encryption: made.DiskEncryption,
		})
		return &Slot{DiskID: &id}
	}
	devices := map[string]*Slot{"sda": disk(find(images, image).Label+" Disk", "ext4", made.Specs.Disk-swap)}
	if swap > 0 {
		devices["sdb"] = disk(fmt.Sprintf("%d MB Swap Image", swap), "swap", swap)
	}
	made.configs = []Config{s.config("My "+find(images, image).Label+" Disk Profile", devices, asked.Interfaces)}
}

// addPrivate gives the one private address that a Linode may have.
func (i *instance) addPrivate() string {
	address := fmt.Sprintf("192.168.%d.%d", 128+i.ID/250%100, i.ID%250+1)
	i.IPv4 = append(i.IPv4, address)
	return address
}

// allot finds a free address; those that were used before come last.
func (s *Server) allot(region string) (string, bool) {
	for last := firstAddress; last <= lastAddress; last++ {
		address := networksOf[region] + fmt.Sprint(last)
		if _, taken := s.addresses[address]; !taken {
			return address, true
		}
	}
	for last := firstAddress; last <= lastAddress; last++ {
		address := networksOf[region] + fmt.Sprint(last)
		if owner := s.addresses[address]; owner != reserved && s.instances[owner] == nil {
			return address, true
		}
	}
	return "", false
}
