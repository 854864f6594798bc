// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package tinc

import (
	"strings"
	"testing"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
	"github.com/atollhq/terraform-provider-atoll/internal/converge/convergetest"
)

func TestMTUOfTheInterface(t *testing.T) {
	check := Node{Mesh: "site", MTU: 1400}.mtuCheck()
	for said, want := range map[string]string{"none\n": "", "1400\n": "", "1500\n": "interface site: its MTU is 1500, want 1400"} {
		mtu, err := check.Read(said + converge.WholeMark)
		if got := strings.Join(converge.Texts(check.Differs(mtu)), "\n"); err != nil || got != want {
			t.Errorf("%q: %q, %v", said, got, err)
		}
	}
	convergetest.FailsClosed(t, check.Question, "none\n"+converge.WholeMark+"\n", "1400\n"+converge.WholeMark+"\n")
}
