// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package linode

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
)

// route is one operation of the API. Its path has the parameters' names of
// Linode's document.
type route struct {
	Method, Path string
	handle       func(*Server, *call) (any, *refusal)
}

// call is one request that passed the door.
type call struct{ *http.Request }

// routes is everything that the emulator speaks.
var routes = []route{
	{"GET", "/profile", (*Server).getProfile},
	{"GET", "/account/settings", (*Server).getSettings},
	{"PUT", "/account/settings", (*Server).updateSettings},
	{"GET", "/regions", list(regions)},
	{"GET", "/regions/availability", list(availability)},
	{"GET", "/regions/{regionId}", one(regions, "regionId")},
	{"GET", "/linode/types", list(types)},
	{"GET", "/linode/types/{typeId}", one(types, "typeId")},
	{"GET", "/images", list(images)},
	{"GET", "/images/{imageId}", one(images, "imageId")},
	{"GET", "/linode/instances", (*Server).listInstances},
	{"POST", "/linode/instances", (*Server).createInstance},
	{"GET", "/linode/instances/{linodeId}", (*Server).getInstance},
	{"PUT", "/linode/instances/{linodeId}", (*Server).updateInstance},
	{"DELETE", "/linode/instances/{linodeId}", (*Server).deleteInstance},
	{"POST", "/linode/instances/{linodeId}/boot", (*Server).bootInstance},
	{"POST", "/linode/instances/{linodeId}/shutdown", (*Server).shutdownInstance},
	{"POST", "/linode/instances/{linodeId}/reboot", (*Server).rebootInstance},
	{"POST", "/linode/instances/{linodeId}/resize", (*Server).resizeInstance},
	{"POST", "/linode/instances/{linodeId}/migrate", (*Server).migrateInstance},
	{"POST", "/linode/instances/{linodeId}/rebuild", (*Server).rebuildInstance},
	{"POST", "/linode/instances/{linodeId}/backups/enable", (*Server).enableBackups},
	{"POST", "/linode/instances/{linodeId}/backups/cancel", (*Server).cancelBackups},
	{"GET", "/linode/instances/{linodeId}/ips", (*Server).listAddresses},
	{"POST", "/linode/instances/{linodeId}/ips", (*Server).addAddress},
	{"GET", "/linode/instances/{linodeId}/disks", (*Server).listDisks},
	{"GET", "/linode/instances/{linodeId}/configs", (*Server).listConfigs},
	{"POST", "/linode/instances/{linodeId}/configs", (*Server).createConfig},
	{"GET", "/linode/instances/{linodeId}/configs/{configId}", (*Server).getConfig},
	{"PUT", "/linode/instances/{linodeId}/configs/{configId}", (*Server).updateConfig},
	{"GET", "/linode/instances/{linodeId}/interfaces", (*Server).listInterfaces},
	{"GET", "/linode/instances/{linodeId}/firewalls", (*Server).listInstanceFirewalls},
	{"PUT", "/linode/instances/{linodeId}/firewalls", (*Server).updateInstanceFirewalls},
	{"GET", "/account/events", (*Server).listEvents},
	{"GET", "/account/events/{eventId}", (*Server).getEvent},
	{"GET", "/networking/ips", (*Server).listAllAddresses},
	{"PUT", "/networking/ips/{address}", (*Server).updateAddress},
	{"GET", "/networking/firewalls/settings", (*Server).getDefaults},
	{"PUT", "/networking/firewalls/settings", (*Server).updateDefaults},
	{"GET", "/networking/firewalls", (*Server).listFirewalls},
	{"POST", "/networking/firewalls", (*Server).createFirewall},
	{"GET", "/networking/firewalls/{firewallId}", (*Server).getFirewall},
	{"PUT", "/networking/firewalls/{firewallId}", (*Server).updateFirewall},
	{"DELETE", "/networking/firewalls/{firewallId}", (*Server).deleteFirewall},
	{"GET", "/networking/firewalls/{firewallId}/rules", (*Server).getRules},
	{"PUT", "/networking/firewalls/{firewallId}/rules", (*Server).updateRules},
	{"GET", "/networking/firewalls/{firewallId}/devices", (*Server).listDevices},
	{"POST", "/networking/firewalls/{firewallId}/devices", (*Server).createDevice},
	{"GET", "/networking/firewalls/{firewallId}/devices/{deviceId}", (*Server).getDevice},
	{"DELETE", "/networking/firewalls/{firewallId}/devices/{deviceId}", (*Server).deleteDevice},
	{"GET", "/placement/groups", (*Server).listGroups},
	{"POST", "/placement/groups", (*Server).createGroup},
	{"GET", "/placement/groups/{groupId}", (*Server).getGroup},
	{"DELETE", "/placement/groups/{groupId}", (*Server).deleteGroup},
	{"POST", "/placement/groups/{groupId}/assign", (*Server).assignGroup},
	{"POST", "/placement/groups/{groupId}/unassign", (*Server).unassignGroup},
	{"GET", "/vpcs", (*Server).listVPCs},
	{"POST", "/vpcs", (*Server).createVPC},
	{"GET", "/vpcs/{vpcId}", (*Server).getVPC},
	{"DELETE", "/vpcs/{vpcId}", (*Server).deleteVPC},
	{"GET", "/vpcs/{vpcId}/subnets", (*Server).listSubnets},
	{"POST", "/vpcs/{vpcId}/subnets", (*Server).createSubnet},
	{"GET", "/vpcs/{vpcId}/subnets/{vpcSubnetId}", (*Server).getSubnet},
	{"GET", "/volumes", (*Server).listVolumes},
	{"POST", "/volumes", (*Server).createVolume},
	{"GET", "/volumes/{volumeId}", (*Server).getVolume},
	{"DELETE", "/volumes/{volumeId}", (*Server).deleteVolume},
	{"POST", "/volumes/{volumeId}/attach", (*Server).attachVolume},
	{"POST", "/volumes/{volumeId}/detach", (*Server).detachVolume},
	{"GET", "/tags", (*Server).listTags},
	{"POST", "/tags", (*Server).createTag},
}

// Routes lists the operations, "GET /profile" and so on.
func Routes() []string {
	var all []string
	for _, route := range routes {
		all = append(all, route.Method+" "+route.Path)
	}
	return all
}

// decode reads the body; an empty one is an empty object.
func (c *call) decode(target any) *refusal {
	err := json.NewDecoder(c.Body).Decode(target)
	if err != nil && !errors.Is(err, io.EOF) {
		return refuse(http.StatusBadRequest, "", "Invalid JSON")
	}
	return nil
}

// id is a numeric parameter of the path; what is not a number is not found.
func (c *call) id(name string) int {
	number, err := strconv.Atoi(c.PathValue(name))
	if err != nil {
		return -1
	}
	return number
}

// list answers with all of a fixed table.
func list[T any](table []T) func(*Server, *call) (any, *refusal) {
	return func(_ *Server, c *call) (any, *refusal) { return page(c, table) }
}

// one answers with one row of a fixed table.
func one[T interface{ key() string }](table []T, name string) func(*Server, *call) (any, *refusal) {
	return func(_ *Server, c *call) (any, *refusal) {
		if row := find(table, c.PathValue(name)); row != nil {
			return *row, nil
		}
		return nil, notFound()
	}
}

func find[T interface{ key() string }](table []T, id string) *T {
	for i := range table {
		if table[i].key() == id {
			return &table[i]
		}
	}
	return nil
}
