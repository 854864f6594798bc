// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package tinc

import (
	"errors"
	"strings"
	"testing"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
	"github.com/atollhq/terraform-provider-atoll/internal/converge/convergetest"
)

const (
	own    = `held tcp LISTEN 0 3 0.0.0.0:655 0.0.0.0:* users:(("tincd",pid=123,fd=6))` + "\n"
	theirs = `held udp UNCONN 0 0 0.0.0.0:655 0.0.0.0:* users:(("tincd",pid=99,fd=7))` + "\n"
	sshd   = `held tcp LISTEN 0 128 [::]:655 [::]:* users:(("sshd",pid=417,fd=4),("systemd",pid=1,fd=64))` + "\n"
	kernel = "held udp UNCONN 0 0 0.0.0.0:655 0.0.0.0:*\n"
)

func TestWhoHasThePort(t *testing.T) {
	node := Node{Mesh: "site", Name: "hk1", Port: 655}
	for name, row := range map[string]struct{ said, line, refused string }{
		"the node's own":            {"main 123\n" + own, "", ""},
		"nobody":                    {"main 0\n", "", ""},
		"nobody can tell":           {"main 123\nblind\n", "", ""},
		"another tincd":             {"main 0\n" + theirs, "port 655: held by tincd, pid 99, which is not this mesh's tinc", "port 655 of this machine is held by tincd, pid 99. Give the peer another port"},
		"both, of which one is UDP": {"main 123\n" + own + theirs, "port 655: held by tincd, pid 99, which is not this mesh's tinc", "held by tincd, pid 99"},
		"two others":                {"main 123\n" + sshd + theirs + sshd, "port 655: held by sshd, pid 417 and by tincd, pid 99, which is not this mesh's tinc", "held by sshd, pid 417 and by tincd, pid 99"},
		"a socket of the kernel's":  {"main 123\n" + kernel, "port 655: held by the kernel, which is not this mesh's tinc", "held by the kernel"},
	} {
		seen, err := node.seatQuestion().Read(row.said + converge.WholeMark)
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(converge.Texts(node.seatCheck().Differs(seen)), "\n"); got != row.line {
			t.Errorf("%s: the line is %q", name, got)
		}
		err = node.Vacant(t.Context(), convergetest.Says{Output: row.said + converge.WholeMark})
		if row.refused == "" && err != nil || row.refused != "" && (!errors.Is(err, ErrClaimed) || !strings.Contains(err.Error(), row.refused)) {
			t.Errorf("%s: %v", name, err)
		}
	}
	convergetest.FailsClosed(t, node.seatQuestion(), "main 123\n"+own+converge.WholeMark+"\n", "main 0\nblind\n"+converge.WholeMark+"\n")
}
