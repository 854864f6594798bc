// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package filetier

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
	"github.com/atollhq/terraform-provider-atoll/internal/converge/convergetest"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
	"github.com/atollhq/terraform-provider-atoll/internal/remote/ahead"
	"github.com/atollhq/terraform-provider-atoll/internal/remote/remotetest"
)

// A tree is looked through when it becomes the tier's or another owner's, and for root never.
func TestAdopts(t *testing.T) {
	claimed := func(held ...string) Facts {
		return Facts{Group: "www-data", Claims: map[string]string{"files": "/srv/files"}, Archives: map[string]string{"files": "/srv/cold"}, Held: held}
	}
	ofRoot := archived()
	ofRoot.Owner = "root"
	for name, row := range map[string]struct {
		tier  Tier
		facts Facts
		want  []string
	}{
		"new":                       {archived(), Facts{}, []string{"hot", "cold"}},
		"with an archive since now": {archived(), Facts{Claims: map[string]string{"files": "/srv/files"}}, []string{"cold"}},
		"as it was":                 {archived(), claimed("www-data", "www-data"), nil},
		"of another owner":          {archived(), claimed("www-data", "deploy"), []string{"hot", "cold"}},
		"root's":                    {ofRoot, Facts{}, nil},
	} {
		var got []string
		for _, tree := range row.tier.adopts("a", row.facts) {
			got = append(got, tree.attribute)
		}
		if !slices.Equal(got, row.want) {
			t.Errorf("%s: %q, want %q", name, got, row.want)
		}
	}
}

// A refusal names the first paths, and how many there are.
func TestRefuseThem(t *testing.T) {
	many := slices.Repeat([]string{"a"}, mostForeign+1)
	for _, row := range []struct {
		paths []string
		want  string
	}{
		{nil, ""},
		{[]string{"2026/10/01"}, `node a: hot = "/srv/files": www-data may not read, or not write into, 1 of the files and directories in it, which belong to other accounts: "2026/10/01". Nothing was touched. ` +
			"Name another owner, or give them to that account on the machine:\n  find '/srv/files' -path '/srv/files/.tier' -prune -o -exec chown -h 'www-data:' {} +"},
		{[]string{"a", "b"}, `2 of the files and directories in it, which belong to other accounts: these are "a", "b". `},
		{[]string{"a\x1b", "b", "c", "d"}, `4 of the files and directories in it, which belong to other accounts: the first are "a ", "b", "c". `},
		{many, "more than 100 of the files"},
	} {
		err := three().refuseThem("a", tree{"hot", "/srv/files", hotNote}, row.paths)
		if (err == nil) != (row.want == "") || err != nil && !strings.Contains(err.Error(), row.want) {
			t.Errorf("%d paths: %v, want %s", len(row.paths), err, row.want)
		}
	}
}

func TestForeignFailsClosed(t *testing.T) {
	convergetest.FailsClosed(t, three().foreign("a", three().trees("a")), "hot 2026/10/01\nhot a b\n"+converge.WholeMark)
}

// reachable is a directory of the test's in which other accounts get to what is theirs.
func reachable(t *testing.T) string {
	t.Helper()
	top := t.TempDir()
	if err := errors.Join(os.Chmod(filepath.Dir(top), 0o755), os.Chmod(top, 0o755)); err != nil {
		t.Fatal(err)
	}
	return top
}

// others makes a tree of nobody's in which root has things.
func others(t *testing.T, top string) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root makes files of other accounts")
	}
	const nobody = 65534
	for path, mode := range map[string]os.FileMode{
		"": 0o755, "own": 0o755, "own/closed": 0, "2026/10/01": 0o755, ".tier": 0o700, "lost+found": 0o700, "cache/x": 0o700, "shared": 0o777, "a\nb": 0o700,
	} {
		if err := errors.Join(os.MkdirAll(filepath.Join(top, path), 0o755), os.Chmod(filepath.Join(top, path), mode)); err != nil {
			t.Fatal(err)
		}
	}
	for path, mode := range map[string]os.FileMode{"own/readable": 0o644, "own/secret": 0o600, "own/x.tmp": 0o600, "2026/10/01/one.png": 0o644} {
		if err := os.WriteFile(filepath.Join(top, path), nil, mode); err != nil {
			t.Fatal(err)
		}
	}
	for _, path := range []string{"", "own", "own/closed", "2026", "2026/10", "cache"} {
		if err := os.Chown(filepath.Join(top, path), nobody, nobody); err != nil {
			t.Fatal(err)
		}
	}
}

// What is found is what the owner cannot use and another account has: not what is its own,
// the tier's or ignored.
func TestForeign(t *testing.T) {
	top := reachable(t)
	others(t, top)
	for name, row := range map[string]struct{ ignore, want []string }{
		"all":                      {nil, []string{"2026/10/01", "a?b", "cache/x", "own/secret", "own/x.tmp"}},
		"with patterns":            {[]string{"Name *.{bak,tmp}", "Path cache", "BelowPath 2026/1?", "Name a*"}, []string{"own/secret"}},
		"with expressions":         {[]string{"Regex own/(secret|x[.]tmp)", "Path c[a-c]che"}, []string{"2026/10/01", "a?b"}},
		"with one find cannot use": {[]string{"Regex ("}, nil},
	} {
		tier := Tier{Name: "files", Owner: "nobody", Ignore: row.ignore, Nodes: map[string]Node{"a": {Hot: top}}}
		question := tier.foreign("a", tier.trees("a"))
		output, err := exec.CommandContext(t.Context(), "sh", "-c", question.Script).Output()
		if err != nil {
			t.Fatal(err)
		}
		found, err := question.Read(string(output))
		paths := found["hot"]
		slices.Sort(paths)
		if diff := cmp.Diff(row.want, paths); diff != "" || err != nil {
			t.Errorf("%s: %v\n%s", name, err, diff)
		}
	}
}

// made is a simulated machine on which a tree of nobody's lies at /srv/files.
func made(t *testing.T) (*remotetest.Machine, remote.Host) {
	t.Helper()
	machine, err := remotetest.NewMachine(reachable(t), "203.0.113.1", "")
	if err != nil {
		t.Fatal(err)
	}
	others(t, filepath.Join(machine.Root, "srv/files"))
	if err := machine.Program("getent", "#!/bin/sh\necho known\n"); err != nil {
		t.Fatal(err)
	}
	return machine, (&remotetest.Network{Machines: map[string]*remotetest.Machine{machine.Address: machine}}).Host(remote.Target{Host: machine.Address})
}

// A tree with what its owner cannot use is refused before anything is touched, and the
// machine keeps no question of a tier that never came to be.
func TestForeignTreeIsRefused(t *testing.T) {
	machine, _ := made(t)
	if err := machine.Write("/var/lib/atoll/owners/other.json", "{}"); err != nil {
		t.Fatal(err)
	}
	host := ahead.New(&remotetest.Network{Machines: map[string]*remotetest.Machine{machine.Address: machine}}, ahead.Options{Version: "1"}).Host(remote.Target{Host: machine.Address})
	tier := Tier{Name: "files", Owner: "nobody", Nodes: map[string]Node{"a": {Hot: "/srv/files", Address: "10.77.0.1"}}}
	_, err := tier.Converge(context.WithoutCancel(t.Context()), map[string]remote.Host{"a": host})
	if err == nil || !strings.Contains(err.Error(), "5 of the files and directories in it") {
		t.Errorf("%v", err)
	}
	for _, run := range machine.Runs() {
		if !strings.HasPrefix(run, "asking for ") {
			t.Errorf("it went on with %s", run)
		}
	}
	if kept, _ := os.ReadDir(filepath.Join(machine.Root, ahead.Directory)); len(kept) > 0 {
		t.Errorf("the machine keeps %v", kept)
	}
}

// A tier whose first apply failed has no record, and is forgotten all the same.
func TestLeaveForgetsWhatWasAsked(t *testing.T) {
	machine, err := remotetest.NewMachine(t.TempDir(), "203.0.113.1", "")
	if err != nil {
		t.Fatal(err)
	}
	questions := []string{"file-tier%2Ffiles", "file-tier%2Ffiles.facts", "file-tier%2Ffiles.ways", "file-tier%2Ffiles-too"}
	for _, name := range questions {
		if err := machine.Write(ahead.Directory+"/"+name, "true"); err != nil {
			t.Fatal(err)
		}
	}
	host := (&remotetest.Network{Machines: map[string]*remotetest.Machine{machine.Address: machine}}).Host(remote.Target{Host: machine.Address})
	if err := three().Leave(t.Context(), host, Node{Hot: "/srv/files"}); err != nil {
		t.Fatal(err)
	}
	for _, name := range questions {
		_, err := os.Stat(filepath.Join(machine.Root, ahead.Directory, name))
		if there := err == nil; there != (name == "file-tier%2Ffiles-too") {
			t.Errorf("%s is there: %v", name, there)
		}
	}
}

// A tree that was the tier's and is root's bare mount point now is not said to be the
// owner's to have.
func TestBareMountPointIsNotClosed(t *testing.T) {
	machine, host := made(t)
	tier := Tier{Name: "files", Owner: "nobody", Nodes: map[string]Node{"a": {Hot: "/srv/files", Address: "10.77.0.1"}}}
	top := filepath.Join(machine.Root, "srv/files")
	if err := os.Chown(top, 0, 0); err != nil {
		t.Fatal(err)
	}
	closed := func() []string {
		t.Helper()
		facts, err := tier.Know(t.Context(), host, "a")
		if err != nil {
			t.Fatal(err)
		}
		return facts.Closed
	}
	if err := os.Chmod(top, 0o755); err != nil {
		t.Fatal(err)
	}
	if got := closed(); len(got) != 1 {
		t.Errorf("a new one: closed are %q", got)
	}
	if err := machine.Write("/var/lib/atoll/tier/files/claimed", top+"\n"); err != nil {
		t.Fatal(err)
	}
	if got := closed(); len(got) != 1 {
		t.Errorf("one that is there: closed are %q", got)
	}
	if err := os.RemoveAll(filepath.Join(top, ".tier")); err != nil {
		t.Fatal(err)
	}
	if got := closed(); len(got) != 0 {
		t.Errorf("one that is not mounted: closed are %q", got)
	}
}
