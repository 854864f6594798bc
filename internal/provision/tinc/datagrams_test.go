// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package tinc

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/atollhq/terraform-provider-atoll/internal/converge/convergetest"
)

// A pair is told of only where both saw their pings inside of TCP, and reach each
// other at all.
func TestPairsWithoutUDP(t *testing.T) {
	everybody := func(name string) Reach {
		reach := Reach{"a": true, "b-1": true, "c": true}
		delete(reach, name)
		return reach
	}
	but := func(name string, others ...string) Reach {
		reach := everybody(name)
		for _, other := range others {
			reach[other] = false
		}
		return reach
	}
	for name, row := range map[string]struct {
		a, c Heard
		want string
	}{
		"all by UDP":              {Heard{Speaks: everybody("a")}, Heard{Speaks: everybody("c")}, ""},
		"none between two":        {Heard{Speaks: but("a", "c")}, Heard{Speaks: but("c", "a")}, "a ↔ c: UDP port 655 of a and 1655 of c"},
		"seen by one alone":       {Heard{Speaks: but("a", "c")}, Heard{Speaks: everybody("c")}, ""},
		"the other was not asked": {Heard{Speaks: but("a", "c")}, Heard{}, ""},
		"no answer over the mesh": {Heard{Reach: but("a", "c"), Speaks: but("a", "c")}, Heard{Reach: but("c", "a"), Speaks: but("c", "a")}, ""},
	} {
		heard := map[string]Heard{"a": row.a, "b-1": {Speaks: everybody("b-1")}, "c": row.c}
		for key, one := range heard {
			one.Dials = everybody(key)
			if one.Reach == nil {
				one.Reach = everybody(key)
			}
			heard[key] = one
		}
		if diff := cmp.Diff(row.want, strings.Join(mesh().InsideTCP(heard), "\n")); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	convergetest.FailsClosed(t, mesh().inside("a"), "0 yes\n1 no\n-- that is all\n")
}

// The script itself, with a machine's counters before and after its pings.
func TestWhatIsSeenInsideOfTCP(t *testing.T) {
	const add = "add() { echo $(($(cat counted) + $1)) >new; mv new counted; }; add "
	for name, row := range map[string]struct {
		// ping and ss are shell; ss may print what ping left in the file counted.
		ping, ss string
		want     bool
	}{
		"by UDP":                    {"", `echo "0 0 here there bbr bytes_sent:9488 bytes_acked:9488 bytes_received:7759 segs_out:43"`, true},
		"inside":                    {add + "1700", `echo "bytes_sent:$((100 + $(cat counted))) bytes_received:$((70 + $(cat counted)))"`, false},
		"inside one way":            {add + "1700", `echo "bytes_sent:$((100 + $(cat counted))) bytes_received:70"`, true},
		"what tinc says of itself":  {add + "300", `echo "bytes_sent:$((100 + $(cat counted))) bytes_received:$((70 + $(cat counted)))"`, true},
		"a link that is being made": {add + "$([ -e first ] && echo 0 || echo 1700); : >first", `echo "bytes_sent:$((100 + $(cat counted))) bytes_received:$((70 + $(cat counted)))"`, true},
		"no answer":                 {add + "1700; exit 1", `echo "bytes_sent:$((100 + $(cat counted))) bytes_received:$((70 + $(cat counted)))"`, true},
		"a new connection":          {add + "-3000", `echo "bytes_sent:$((9000 + $(cat counted))) bytes_received:$((9000 + $(cat counted)))"`, true},
		"none of its own":           {"", "", true},
		"without ss":                {"", "exit 127", true},
	} {
		dir := t.TempDir()
		for file, text := range map[string]string{"ping": row.ping, "ss": row.ss, "sleep": "", "getent": `echo "$2 STREAM $2"; echo "$2 DGRAM"`} {
			if err := os.WriteFile(filepath.Join(dir, file), []byte("#!/bin/sh\n"+text+"\n"), 0o700); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.WriteFile(filepath.Join(dir, "counted"), []byte("0\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		m := mesh()
		delete(m.Peers, "b-1") // pings of two would add up in one file
		command := exec.CommandContext(t.Context(), "sh", "-c", m.inside("a").Script)
		command.Dir, command.Env = dir, []string{"PATH=" + dir + ":/usr/bin:/bin"}
		said, err := command.CombinedOutput()
		if err != nil {
			t.Fatalf("%s: %v: %s", name, err, said)
		}
		got, err := m.inside("a").Read(string(said))
		if err != nil || got["c"] != row.want {
			t.Errorf("%s: %v, %v: %s", name, got, err, said)
		}
	}
}
