// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package reach

import (
	"net"
	"os/exec"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/atollhq/terraform-provider-atoll/internal/converge/convergetest"
)

// The script is run as a machine runs it: a port that is open, one that is refused,
// and an address that is none, also where it would be a command.
func TestPorts(t *testing.T) {
	open, closed := listen(t), listen(t)
	if err := closed.Close(); err != nil {
		t.Fatal(err)
	}
	question := Ports("the ports", map[string]string{
		"b": closed.Addr().String(), "a": open.Addr().String(), "c": "$(touch /nowhere/at/all):22", "d": "no address",
	})
	output, err := exec.CommandContext(t.Context(), "sh", "-c", question.Script).Output()
	if err != nil {
		t.Fatal(err)
	}
	got, err := question.Read(string(output))
	if diff := cmp.Diff(Reach{"a": true, "b": false, "c": false, "d": false}, got); diff != "" || err != nil {
		t.Errorf("%v\n%s", err, diff)
	}
	if got.Whole() || !(Reach{"a": true}).Whole() || !(Reach{}).Whole() {
		t.Error("Whole does not say whether all are reached")
	}
	if !got.May("a") || got.May("b") || !got.May("e") {
		t.Error("May takes what was tried for what was not")
	}
	convergetest.FailsClosed(t, question, string(output))
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	return listener
}
