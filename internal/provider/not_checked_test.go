// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"strings"
	"testing"

	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// A plan of a server to be made says that it was not let in, since then nothing on the
// machine was checked. A machine that does not answer may not be made yet.
func TestPlanSaysWhereItWasNotLetIn(t *testing.T) {
	t.Parallel()
	network := machines(t, "203.0.113.11")
	tf := start(t, network, object{})
	const resource = "atoll_mysql_server"
	config := object{"ssh": sshTo("203.0.113.11"), "address": "10.77.0.11"}
	for kind, said := range map[error]bool{remote.ErrPrivilege: true, remote.ErrHostKeyMismatch: true, remote.ErrAuthentication: true, remote.ErrUnreachable: false} {
		network.Machines["203.0.113.11"].Fail(&remote.Error{Kind: kind, Address: "203.0.113.11:22"})
		planned, problems := tf.plan(resource, nil, write(tf.kind(resource), config))
		if problems != "" {
			t.Fatalf("%v: %s", kind, problems)
		}
		if got := strings.Contains(planned.warnings, "Machine 203.0.113.11 Was Not Asked") && strings.Contains(planned.warnings, kind.Error()); got != said {
			t.Errorf("%v: the plan warns of %q", kind, planned.warnings)
		}
	}
}
