// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package filetier

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
	model "github.com/atollhq/terraform-provider-atoll/internal/model/tier"
)

// each changes every node.
func (t *Tier) each(change func(*Node)) {
	for name, node := range t.Nodes {
		change(&node)
		t.Nodes[name] = node
	}
}

// archived has an archive beside its tree.
func archived() Tier {
	tier := three()
	tier.Archive = Archive{Calendar: "daily", ReserveMiB: 1024}
	tier.each(func(node *Node) { node.Cold = "/srv/cold" })
	return tier
}

// An archive has its timer on the node that dials and its socket on the other
// one, and its key opens two sockets and no more.
func TestArchiveManifest(t *testing.T) {
	tier := archived()
	tier.Archive.BandwidthKiB, tier.Archive.Deleted = 2048, []string{"2026/01/02/a b"}
	facts := Facts{Group: "www-data"}
	hub, spoke := tier.Manifest("a", facts, map[string]string{"b": "ssh-ed25519 BBBB b"}), tier.Manifest("b", facts, nil)
	if lets := fileOf(t, hub, "/var/lib/atoll/tier/files/ssh/.ssh/authorized_keys"); !strings.Contains(lets, `relay /run/atoll-tier/files/b.sock /run/atoll-tier/files/b.cold.sock" ssh-ed25519 BBBB b`) {
		t.Errorf("the hub lets in %q", lets)
	}
	var dials, serves model.Archive
	for manifest, into := range map[*converge.Manifest]*model.Archive{&hub: &serves, &spoke: &dials} {
		file := "/etc/atoll/tier/files/b.cold.json"
		if manifest == &spoke {
			file = "/etc/atoll/tier/files/a.cold.json"
		}
		if err := json.Unmarshal([]byte(fileOf(t, *manifest, file)), into); err != nil {
			t.Fatal(err)
		}
	}
	if dials.Remote != "atoll-tier-files@10.77.0.1" || dials.Dials != "b" || serves.Dials != "b" || serves.Remote != "" || dials.BandwidthKiB != 2048 || len(dials.Deleted) != 1 {
		t.Errorf("%+v dials, %+v serves", dials, serves)
	}
	if timer := fileOf(t, spoke, "/etc/systemd/system/atoll-tier-files.a.cold.timer"); !strings.Contains(timer, "OnCalendar=daily\nPersistent=yes\n") {
		t.Errorf("the timer is %s", timer)
	}
	for manifest, unit := range map[*converge.Manifest]string{&hub: "b.cold@.service", &spoke: "a.cold.service"} {
		text := fileOf(t, *manifest, "/etc/systemd/system/atoll-tier-files."+unit)
		for _, line := range []string{"User=www-data", "ReadWritePaths=/srv/cold /var/lib/atoll/tier/files/pairs/" + unit[:1], "ProtectSystem=strict", "IOSchedulingClass=idle", "MemoryMax=1024M"} {
			if !strings.Contains(text, line+"\n") {
				t.Errorf("%s lacks %q:\n%s", unit, line, text)
			}
		}
	}
}

// An archive that is declared no more is let go, and nothing else.
func TestArchiveLetGo(t *testing.T) {
	for _, row := range []struct {
		tier Tier
		at   map[string]string
		want bool
	}{
		{three(), nil, false},
		{three(), map[string]string{"other": "/srv/cold"}, false},
		{three(), map[string]string{"files": "/srv/cold"}, true},
	} {
		items := row.tier.archiveItems("a", Facts{Group: "www-data", Archives: row.at})
		if (len(items) > 0) != row.want {
			t.Errorf("%v: %v", row.at, items)
		}
	}
}
