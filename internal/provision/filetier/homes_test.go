// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package filetier

import (
	"maps"
	"strings"
	"testing"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
	"github.com/atollhq/terraform-provider-atoll/internal/remote/remotetest"
)

// The homes of root and of people's accounts are found where they hold keys, and refused as
// trees; those of the system's accounts, and ones without keys, are not.
func TestHomesAreRefused(t *testing.T) {
	machine, err := remotetest.NewMachine(t.TempDir(), "203.0.113.1", "")
	if err != nil {
		t.Fatal(err)
	}
	passwd := "root:x:0:0:root:HOME/srv/root:/bin/bash\nwww-data:x:33:33::HOME/srv/www:/usr/sbin/nologin\ndeploy:x:1000:1000:Deploy,,,:HOME/srv/deploy/:/bin/bash\nbare:x:1001:1001::HOME/srv/bare:/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n"
	program := "#!/bin/sh\n[ \"$*\" != passwd ] || cat <<'END'\n" + strings.ReplaceAll(passwd, "HOME", machine.Root) + "END\n"
	if err := machine.Program("getent", program); err != nil {
		t.Fatal(err)
	}
	for _, home := range []string{"root", "www", "deploy", "files/below"} {
		if err := machine.Write("/srv/"+home+"/.ssh/authorized_keys", ""); err != nil {
			t.Fatal(err)
		}
	}
	host := (&remotetest.Network{Machines: map[string]*remotetest.Machine{machine.Address: machine}}).Host(remote.Target{Host: machine.Address})
	for path, name := range map[string]string{"/srv/root": "root", "/srv/deploy": "deploy", "/srv/www": "", "/srv/bare": "", "/srv/files": "", "/srv/deploy/files": ""} {
		tier := Tier{Name: "files", Owner: "root", Nodes: map[string]Node{"a": {Hot: path}}}
		facts, err := tier.Know(t.Context(), host, "a")
		if err != nil {
			t.Fatal(err)
		}
		want := map[string]string{}
		if name != "" {
			want[machine.Root+path] = name
		}
		if !maps.Equal(facts.Homes, want) {
			t.Errorf("%s: %v, want %v", path, facts.Homes, want)
		}
	}
}

// A tree that is the tier's already goes on.
func TestRefuseHome(t *testing.T) {
	tier := Tier{Name: "files", Nodes: map[string]Node{"a": {Hot: "/data/deploy", Cold: "/data/old"}}}
	facts, err := readFacts("group www-data\nhome /data/deploy deploy\nhome /data/old a b\n" + converge.WholeMark)
	if err != nil || facts.Homes["/data/old"] != "a b" {
		t.Fatalf("%+v, %v", facts, err)
	}
	const want = `node a: hot = "/data/deploy" is the home of the account deploy on the machine, with its .ssh`
	if err := tier.refuse("a", facts); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("%v", err)
	}
	facts.Claims["files"], facts.Archives["files"] = "/data/deploy", "/data/old"
	if err := tier.refuse("a", facts); err != nil {
		t.Errorf("one that stands: %v", err)
	}
}
