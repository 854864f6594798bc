// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package linode

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// deviations of the emulator from the real API that are known, by route.
var deviations = map[string]string{
	"GET /profile":                                        "a fixed person",
	"GET /account/settings":                               "`interfaces_for_new_linodes` and `maintenance_policy` are linodego's",
	"GET /regions":                                        "five regions with the capabilities recorded in 2025, and `lab-plain`, which is no region of Linode's and has neither Metadata nor VPCs; `monitors` is not in the document",
	"GET /regions/availability":                           "one type that is not everywhere",
	"GET /linode/types":                                   "five types; prices of one region differ, by a factor of our own",
	"GET /images":                                         "six images, all of which boot the lab's Debian; `linode/slackware15.0` stands for those without cloud-init, `linode/debian10` for deprecated ones",
	"POST /linode/instances":                              "the keys `site_type`, `disk_encryption`, `interface_generation`, `maintenance_policy`, `specs.accelerated_devices` are from recordings; the texts of most refusals are not recorded; a deprecated image is refused; no StackScripts, no restore from a backup",
	"PUT /linode/instances/{linodeId}":                    "label, tags, watchdog, alerts and maintenance policy only",
	"DELETE /linode/instances/{linodeId}":                 "gone for the API at once, the host some seconds later",
	"POST /linode/instances/{linodeId}/resize":            "type and specs change at once, not at the event's end; cold only",
	"POST /linode/instances/{linodeId}/migrate":           "at once instead of when a migration is due; the addresses stay, also in another region",
	"POST /linode/instances/{linodeId}/rebuild":           "the texts of its refusals are not recorded",
	"POST /linode/instances/{linodeId}/backups/cancel":    "refused while backups are on for the whole account, by linodego's word that they are mandatory then",
	"GET /linode/instances/{linodeId}/ips":                "IPv6 addresses are made up and not routed",
	"POST /linode/instances/{linodeId}/ips":               "the host does not learn of it",
	"PUT /networking/ips/{address}":                       "a name is not looked up; one under `.invalid` is refused",
	"GET /linode/instances/{linodeId}/configs":            "`root_device` has prose for a pattern in the document; the host sees no VPC",
	"PUT /linode/instances/{linodeId}/configs/{configId}": "the host does not learn of it",
	"GET /linode/instances/{linodeId}/interfaces":         "as Linode's guide and linodego have it; hosts have one interface",
	"PUT /linode/instances/{linodeId}/firewalls":          "as Linode's changelog of 28 April 2025 has it",
	"GET /account/events":                                 "`secondary_entity.id` is a number for a config, the document says text; percentages are those of the recording",
	"GET /networking/firewalls":                           "`entities` is not in the document; they filter what goes through the WAN, which carries IPv4",
	"GET /networking/firewalls/settings":                  "as linodego has it",
	"GET /placement/groups":                               "always compliant",
	"GET /vpcs":                                           "as far as a Linode uses them: no update, no delete of a subnet",
	"POST /volumes":                                       "hosts do not see volumes",
	"POST /linode/instances/{linodeId}/backups/enable":    "no backups are taken",
	"GET /networking/firewalls/{firewallId}/devices":      "Linodes and their interfaces only; `parent_entity` is linodego's",
	"POST /networking/firewalls/{firewallId}/devices":     "Linodes and their interfaces only; the texts of its refusals are not recorded",
	"POST /networking/firewalls":                          "checks protocols, ports, networks and counts; the texts are not recorded",
	"POST /placement/groups/{groupId}/assign":             "no migrations",
	"POST /linode/instances/{linodeId}/boot":              "the text for a Linode that runs is not recorded",
	"GET /linode/instances":                               "filters on every key that an instance has; Linode names six",
	"POST /tags":                                          "tags are case-insensitive, and the first spelling stays, which is a guess",
}

const guide = "../../../templates/guides/linode-emulator.md.tmpl"

// The guide's table is what the routes, the document and the recordings say.
func TestGuideHasTheWholeTable(t *testing.T) {
	document := documentOf(t)
	recordings := recordingsByRoute(t)
	var table strings.Builder
	table.WriteString("| endpoint | document 4.189.0 | recordings | deviations |\n| --- | --- | --- | --- |\n")
	for _, route := range Routes() {
		documented := "no"
		if operationOf(document, route) != nil {
			documented = "yes"
		}
		names := "none"
		if len(recordings[route]) > 0 {
			names = strings.Join(recordings[route], ", ")
		}
		fmt.Fprintf(&table, "| `%s` | %s | %s | %s |\n", route, documented, names, deviations[route])
	}
	for route := range deviations {
		if !slices.Contains(Routes(), route) {
			t.Errorf("there is no route %s", route)
		}
	}
	text, err := os.ReadFile(guide)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), table.String()) {
		t.Errorf("%s does not hold this table:\n%s", guide, table.String())
	}
}

func recordingsByRoute(t *testing.T) map[string][]string {
	t.Helper()
	all := map[string][]string{}
	files, _ := filepath.Glob(reference(t, "linode-recordings/*.yaml"))
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var conversation recorded
		if err := yaml.Unmarshal(content, &conversation); err != nil {
			t.Fatal(err)
		}
		name := strings.TrimPrefix(strings.TrimSuffix(filepath.Base(file), ".yaml"), "Test")
		for _, one := range conversation.Interactions {
			_, path, _ := strings.Cut(one.Request.URL, "/v4beta")
			path, _, _ = strings.Cut(path, "?")
			if route, found := routeOf(one.Request.Method, path); found && !slices.Contains(all[route], name) {
				all[route] = append(all[route], name)
			}
		}
	}
	return all
}
