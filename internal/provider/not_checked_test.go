// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"fmt"
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
	// A server with data that has a password for root stays as it is, with its machine.
	network.Machines["203.0.113.11"].Fail(fmt.Errorf("asking: %w: ERROR 1045. Type this", remote.ErrDenied))
	if _, problems := tf.plan(resource, nil, write(tf.kind(resource), config)); !strings.Contains(problems, "Server Does Not Let Atoll In") || !strings.Contains(problems, "ERROR 1045. Type this") {
		t.Errorf("the plan over a server with a password for root says %q", problems)
	}
}
