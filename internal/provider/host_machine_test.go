// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// A machine that has taken another one's place may be booting, as a new one: it is waited
// for. Nobody waits for one that was there, and does not answer now.
func TestMachineInAnothersPlaceIsAwaited(t *testing.T) {
	t.Parallel()
	network := machines(t, "203.0.113.11", "203.0.113.12")
	made := start(t, network, object{}).made("atoll_host", nil, object{"ssh": sshTo("203.0.113.11")})
	for address, want := range map[string]string{"203.0.113.11": "", "203.0.113.12": "203.0.113.12:22 did not answer within timeouts.update"} {
		network.Machines[address].Fail(&remote.Error{Kind: remote.ErrUnreachable, Address: address + ":22"})
		_, problems := start(t, network, object{}).apply("atoll_host", made, object{"ssh": sshTo(address), "hostname": "hk1"})
		if problems == "" || strings.Contains(problems, "did not answer within") != (want != "") || !strings.Contains(problems, want) {
			t.Errorf("%s: %q, want %q", address, problems, want)
		}
	}
}

// Two that declare the same of one machine are said, whether they stand or are to be made;
// one that is replaced, about which Terraform asks twice, is only one.
func TestTwinsOfAMachine(t *testing.T) {
	t.Parallel()
	network := machines(t, "203.0.113.11", "203.0.113.12")
	config := object{"ssh": sshTo("203.0.113.11"), "hostname": "hk1"}
	made := start(t, network, object{}).made("atoll_host", nil, config)
	made = start(t, network, object{}).refreshed("atoll_host", made)
	kind := start(t, network, object{}).kind("atoll_host")
	const twice = "Machine Is Declared Twice"
	for name, row := range map[string]struct {
		first, second *state
		change        object
		warns, fails  bool
	}{
		"both stand":             {made, made, nil, true, false},
		"both are to be made":    {nil, nil, nil, true, false},
		"one stands":             {made, nil, nil, true, false},
		"one is replaced":        {made, &state{tftypes.NewValue(kind, nil), made.private, ""}, nil, false, false},
		"they declare otherwise": {made, nil, object{"hostname": "hk2"}, false, true},
		"they are two machines":  {made, nil, object{"ssh": sshTo("203.0.113.12")}, false, false},
	} {
		tf := start(t, network, object{})
		if planned, problems := tf.plan("atoll_host", row.first, write(kind, config)); problems != "" || strings.Contains(planned.warnings, twice) {
			t.Fatalf("%s: the first: %q", name, problems)
		}
		second := object{"ssh": config["ssh"], "hostname": config["hostname"]}
		for attribute, value := range row.change {
			second[attribute] = value
		}
		planned, problems := tf.plan("atoll_host", row.second, write(kind, second))
		if strings.Contains(problems, twice) != row.fails || !row.fails && strings.Contains(planned.warnings, twice) != row.warns {
			t.Errorf("%s: %q, %+v", name, problems, planned)
		}
	}
}
