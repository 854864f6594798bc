// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package tinc

import (
	"encoding/base64"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
	"github.com/atollhq/terraform-provider-atoll/internal/converge/convergetest"
)

func TestStrangersAreNamedAndGo(t *testing.T) {
	mesh := Mesh{Name: "site", Peers: map[string]Peer{"a": {Name: "hk-1"}, "b": {Name: "sg1"}}}
	if script := mesh.strangers().Script; !strings.Contains(script, "'hk_1'|'sg1'") {
		t.Errorf("the peers are not told from strangers:\n%s", script)
	}
	row := func(kind, file string) string {
		return "stranger " + kind + " ." + base64.StdEncoding.EncodeToString([]byte(file)) + "\n"
	}
	answer := row("key", "/etc/tinc/site/hosts/eve") + row("bare", "/etc/tinc/site/hosts/a\nb") + converge.WholeMark + "\n"
	files, err := readStrangers(answer)
	if err != nil {
		t.Fatal(err)
	}
	check := mesh.strangerCheck()
	lines, steps := check.Differs(files), check.Mend(files)
	want := []string{
		"file /etc/tinc/site/hosts/eve: is no declared peer's, and its key opens the mesh",
		"file /etc/tinc/site/hosts/a\nb: is no declared peer's; it holds no key, so it opens nothing",
	}
	if diff := cmp.Diff(want, converge.Texts(lines)); diff != "" || lines[0].Code != CodeStranger {
		t.Error(diff)
	}
	if len(steps) != 3 || steps[2].Effect.Kind != converge.EffectReload || steps[1].Script != "rm -f -- '/etc/tinc/site/hosts/a\nb'" {
		t.Errorf("%v", steps)
	}
	// Settings are read at a start alone.
	files = append(files, stranger{settings, "/etc/tinc/site/conf.d/own.conf"})
	lines, steps = check.Differs(files), check.Mend(files)
	if len(lines) != 3 || lines[2].String() != "file /etc/tinc/site/conf.d/own.conf: is not declared, and tinc takes settings from it when it starts" {
		t.Errorf("%v", lines)
	}
	if len(steps) != 4 || steps[3].Effect != (converge.Effect{Kind: converge.EffectRestart, Name: "tinc@site.service"}) {
		t.Errorf("%v", steps)
	}
	convergetest.FailsClosed(t, mesh.strangers(), answer, converge.WholeMark+"\n")
}

func TestAPlaceThatIsTakenIsRefused(t *testing.T) {
	node := Node{Mesh: "site", Name: "hk1", Port: 655}
	for answer, want := range map[string]string{
		"": "", "by hand\n": "import the peer", "port other\n": "mesh other uses port 655", "device\n": "the machine has an interface site, which is no mesh's",
	} {
		err := node.Claim(t.Context(), convergetest.Says{Output: answer + converge.WholeMark + "\n"})
		if want == "" && err != nil || want != "" && (!errors.Is(err, ErrClaimed) || !strings.Contains(err.Error(), want)) {
			t.Errorf("%q: %v", answer, err)
		}
	}
	convergetest.FailsClosed(t, node.claims(), converge.WholeMark+"\n", "by hand\nport x\n"+converge.WholeMark+"\n")
}
