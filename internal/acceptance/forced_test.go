// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package acceptance

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// A sshd whose configuration forces a command of its own lets us in and does nothing
// for us: that is what is said, with what the command said, and not that the machine
// is unreachable or to be given up. Without it all is as before.
func TestForcedCommandIsNamed(t *testing.T) {
	f := stand(t)
	app2, err := f.lab.Inventory.Host("app2")
	f.must(err)
	const file = "/etc/ssh/sshd_config.d/forced.conf"
	free := "rm -f " + file + "; systemctl reload ssh"
	f.afterwards("app2", free)
	terraform := written(t, f.lab, fmt.Sprintf("resource \"atoll_host\" \"h\" {\n  ssh = { host = %q, host_key = %q, user = \"admin\" }\n}\n", app2.Address, app2.HostKey))
	f.must(terraform.Apply(t.Context()))
	f.on("app2", "printf 'Match User admin\\n  ForceCommand echo backup ok\\n' >"+file+" && sshd -t && systemctl reload ssh")
	says := func(what, text string) {
		t.Helper()
		text = flat(text)
		if !strings.Contains(text, `it said "backup ok"`) || strings.Contains(text, "unreachable") || strings.Contains(text, "lost list") {
			t.Errorf("%s: %s", what, text)
		}
	}
	plan, err := terraform.Plan(t.Context())
	if err != nil {
		plan.Text += err.Error()
	}
	says("the plan", plan.Text)
	err = terraform.Apply(t.Context())
	if err == nil {
		t.Fatal("the apply succeeded through a forced command")
	}
	says("the apply", err.Error())
	if !strings.Contains(flat(err.Error()), "that no ForceCommand stands in the way") {
		t.Errorf("the apply does not say what to do: %v", err)
	}
	f.on("app2", free)
	f.eventually("as before", time.Minute, func() bool {
		plan, err := terraform.Plan(t.Context())
		return err == nil && plan.Empty()
	})
	f.must(terraform.Destroy(t.Context()))
	f.apply()
	f.inSync()
}
