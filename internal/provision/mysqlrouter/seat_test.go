// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package mysqlrouter

import (
	"errors"
	"strings"
	"testing"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
	"github.com/atollhq/terraform-provider-atoll/internal/converge/convergetest"
)

func TestWhoHasTheRoutersPorts(t *testing.T) {
	row := func(protocol, local, program string) string {
		return "held " + protocol + " LISTEN 0 128 " + local + ` 0.0.0.0:* users:(("` + program + `",pid=417,fd=4))` + "\n"
	}
	for name, one := range map[string]struct{ bind, said, refused string }{
		"nobody":                       {"127.0.0.1", "main 0\n", ""},
		"the router itself":            {"127.0.0.1", "main 417\n" + row("tcp", "127.0.0.1:6446", "mysqlrouter"), ""},
		"nobody can tell":              {"127.0.0.1", "main 0\nblind\n", ""},
		"another program":              {"127.0.0.1", "main 0\n" + row("tcp", "127.0.0.1:6446", "haproxy"), "ports.read_write = 6446 is held on this machine by haproxy, pid 417. Give the router another port"},
		"on all addresses":             {"127.0.0.1", "main 0\n" + row("tcp", "0.0.0.0:6447", "haproxy"), "ports.read_only = 6447 is held"},
		"on all of both families":      {"127.0.0.1", "main 0\n" + row("tcp", "*:6450", "haproxy"), "ports.read_write_split = 6450 is held"},
		"the router wants all":         {"0.0.0.0", "main 0\n" + row("tcp", "10.77.0.21:6446", "haproxy"), "ports.read_write = 6446 is held"},
		"the router wants both":        {"::", "main 0\n" + row("tcp", "10.77.0.21:6446", "haproxy"), "ports.read_write = 6446 is held"},
		"at another address":           {"127.0.0.1", "main 0\n" + row("tcp", "10.77.0.21%eth0:6446", "haproxy"), ""},
		"of the other family":          {"127.0.0.1", "main 0\n" + row("tcp", "[::]:6446", "haproxy"), ""},
		"another protocol":             {"127.0.0.1", "main 0\n" + row("udp", "127.0.0.1:6446", "haproxy"), ""},
		"a router that may go as well": {"127.0.0.1", "main 0\n" + row("tcp", "127.0.0.1:6446", "mysqlrouter"), ""},
	} {
		config := Config{BindAddress: one.bind, ReadWrite: 6446, ReadOnly: 6447, ReadWriteSplit: 6450}
		err := config.Foresee(t.Context(), convergetest.Says{Output: one.said + converge.WholeMark})
		if one.refused == "" && err != nil || one.refused != "" && (!errors.Is(err, ErrHeld) || !strings.Contains(err.Error(), one.refused)) {
			t.Errorf("%s: %v", name, err)
		}
	}
	convergetest.FailsClosed(t, Config{ReadWrite: 6446}.seatQuestion(), "main 0\n"+row("tcp", "127.0.0.1:6446", "haproxy")+converge.WholeMark+"\n", "main 0\nblind\n"+converge.WholeMark+"\n")
}

func TestAddressThatTheMachineLacks(t *testing.T) {
	const has = "has 127.0.0.1\nhas ::1\nhas 203.0.113.21\nhas 10.77.0.21\n"
	for name, one := range map[string]struct {
		bind, said string
		refused    bool
	}{
		"its own":                 {"10.77.0.21", has, false},
		"of its loopback":         {"127.0.0.53", has, false},
		"all":                     {"0.0.0.0", has, false},
		"another's":               {"10.77.0.22", has, true},
		"another's of the family": {"fd00::1", has, true},
		"one that it may get":     {"10.77.0.22", has + "any\n", false},
	} {
		machine, err := addressesQuestion.Read(one.said + converge.WholeMark)
		if err != nil {
			t.Fatal(err)
		}
		err = Config{BindAddress: one.bind}.lacked(machine)
		if errors.Is(err, ErrHeld) != one.refused || one.refused && !strings.Contains(err.Error(), `bind_address = "`+one.bind+`"`) {
			t.Errorf("%s: %v", name, err)
		}
	}
	convergetest.FailsClosed(t, addressesQuestion, has+converge.WholeMark+"\n")
}
