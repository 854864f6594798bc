// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package acceptance

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/atollhq/terraform-provider-atoll/internal/lab"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// A machine that boots for longer than a connection may take is waited for, as
// long as timeouts.create says and no longer.
func TestHostIsAwaitedWhileItBoots(t *testing.T) {
	f := open(t)
	host, err := f.lab.Inventory.Host("app2")
	f.must(err)
	config := func(patience string) string {
		return fmt.Sprintf("resource \"atoll_host\" \"h\" {\n  ssh = { host = %q, host_key = %q }\n  timeouts = { create = %q }\n}\n", host.Address, host.HostKey, patience)
	}
	f.must(f.lab.Cut(f.Context(), lab.Operator, "app2"))
	t.Cleanup(func() { _ = f.lab.Mend(context.Background(), lab.Operator, "app2") })
	a := &account{fixture: f}
	a.says(a.refusal(written(t, f.lab, config("15s")).Apply(f.Context())), "Unable to Create Host", host.Address, "timeouts.create (15s)")

	terraform := written(t, f.lab, config("5m"))
	ended := make(chan error, 1)
	go func() { ended <- terraform.Apply(f.Context()) }()
	f.must(remote.Pause(f.Context(), 45*time.Second))
	f.must(f.lab.Mend(f.Context(), lab.Operator, "app2"))
	f.must(<-ended)
	f.must(terraform.Destroy(f.Context()))
}
