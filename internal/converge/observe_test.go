// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package converge

import (
	"encoding/base64"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

func dotted(text string) string { return "." + base64.StdEncoding.EncodeToString([]byte(text)) }

// rows is a whole answer for the manifest whole.
func rows() []string {
	return []string{
		"system " + dotted("Debian") + " systemd apt", "record missing",
		"0 ii -", "1 is " + dotted("u g"), "2 directory 750 root root", "3 is " + dotted("1\t2"),
		"4 regular 644 root root " + sum("text"), "5 regular 644 root root " + sum("a.b = 1 2\n"), "6 link " + dotted("/d/f"),
		"7 0", "8 " + dotted("blue\n\n0 ."), "9 is LoadState=loaded ActiveState=active UnitFileState=enabled NeedDaemonReload=no", "10 " + dotted("blue\n\n0 ."), "end",
	}
}

func TestReadObservation(t *testing.T) {
	text := strings.Join(rows(), "\n") + "\n"
	o, err := readObservation(whole(), text)
	if err != nil {
		t.Fatal(err)
	}
	if plan := Diff(whole(), o); len(plan.Drift) != 1 || plan.Drift[0].Subject != "record of test/one" {
		t.Errorf("%v", plan.Drift)
	}
	for cut := range len(text) - 1 {
		if _, err := readObservation(whole(), text[:cut]); err == nil {
			t.Errorf("%q passes for a whole answer", text[:cut])
		}
	}
}

// No answer is taken for "missing" or "nothing to do": each row that is gone,
// cut to its first word, said twice, garbled, or that says why it has no answer,
// is an error of the whole observation. A question's own failure is its own.
func TestObservationFailsClosed(t *testing.T) {
	for i, row := range rows()[:len(rows())-1] {
		number, _, _ := strings.Cut(row, " ")
		for what, instead := range map[string][]string{
			"missing":       {},
			"twice":         {row, row},
			"cut":           {number},
			"garbled":       {number + " xyzzy"},
			"garbled whole": {"xyzzy"},
			"could not ask": {number + " ! " + dotted("Input/output error")},
			"one word more": {row + " more"},
		} {
			if number == "9" && what == "one word more" {
				continue // a property more is none of our business
			}
			lines := slices.Replace(rows(), i, i+1, instead...)
			_, err := readObservation(whole(), strings.Join(lines, "\n"))
			if err == nil {
				t.Errorf("%q, %s: no error", row, what)
			}
			if what == "could not ask" && !strings.Contains(err.Error(), "Input/output error") {
				t.Errorf("%q: the reason is lost: %v", row, err)
			}
		}
	}
}

// What failed on the host is no answer: neither dpkg, nor systemd, nor an action
// that was killed, nor a check.
func TestFailuresAreNoAnswers(t *testing.T) {
	for name, row := range map[string]string{
		"dpkg does not work":        "0 failed failed",
		"a guard that was killed":   "7 137",
		"a check that failed":       "8 " + dotted("blue\n\n1 ."),
		"a check's answer, cut":     "8 " + dotted("\n0 ."),
		"a unit without properties": "9 is",
		"a unit without a state":    "9 is LoadState=loaded ActiveState= UnitFileState=enabled NeedDaemonReload=no",
		"a file without its sum":    "4 regular 644 root root",
	} {
		lines := rows()
		number, _, _ := strings.Cut(row, " ")
		i := slices.IndexFunc(lines, func(line string) bool { return strings.HasPrefix(line, number+" ") })
		lines[i] = row
		if _, err := readObservation(whole(), strings.Join(lines, "\n")); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// A check whose script failed says what was asked and what was said, in words.
func TestCheckThatFailedSaysWhatWasAsked(t *testing.T) {
	for _, code := range []int{1, remote.RefusedCode} {
		lines := rows()
		lines[slices.Index(lines, "8 "+dotted("blue\n\n0 ."))] = "8 " + dotted(fmt.Sprintf("\n%d %s", code, dotted("ERROR 1040 (HY000): Too many connections\n")))
		_, err := readObservation(whole(), strings.Join(lines, "\n"))
		if err == nil || !strings.HasPrefix(err.Error(), "asking for ") || !strings.HasSuffix(err.Error(), ": ERROR 1040 (HY000): Too many connections") {
			t.Errorf("exit code %d: %v", code, err)
		}
	}
}

func TestRecordFailsClosed(t *testing.T) {
	for record, want := range map[string]string{
		"missing": "", dotted(`{"owner":"test/one","files":["/a"]}`): "",
		dotted(""): "cannot be read", dotted(`{"owner":"test/one","files":["/a"`): "cannot be read", dotted(`{}`): "no owner", dotted(`{"owner":"other"}`): `that of "other"`,
		dotted(`{"owner":"test/one","ports":["22"]}`): "lists ports", "e30=": "without its beginning",
	} {
		lines := rows()
		lines[1] = "record " + record
		_, err := readObservation(whole(), strings.Join(lines, "\n"))
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v, want %q", record, err, want)
		}
	}
}

// What another run puts there between two looks is seen, and is no error: two
// applies at once met that in a file that the other one was just installing.
func TestWhatComesMeanwhileIsThere(t *testing.T) {
	root(t)
	for name, test := range map[string]struct {
		item func(path string) Item
		make string
		want any
		// leads: a link that leads nowhere is neither there nor absent.
		leads bool
	}{
		"file":      {func(path string) Item { return File{Path: path} }, "printf x >", fileState{"regular", "644", "root", "root", sum("x")}, true},
		"directory": {func(path string) Item { return Directory{Path: path} }, "mkdir ", fileState{"directory", "755", "root", "root", ""}, true},
		"link":      {func(path string) Item { return Link{Path: path} }, "ln -s x ", linkState{"link", "x"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "late")
			comesWithTheNextStat(t, path, test.make)
			if o := observeHere(t, Manifest{Owner: "test/machine", Items: []Item{test.item(path)}}); o.states[0] != test.want {
				t.Errorf("observed %+v, want %+v", o.states[0], test.want)
			}
			if err := os.RemoveAll(path); err != nil {
				t.Fatal(err)
			}
			_, err := here{}.Run(t.Context(), remote.Command{Script: ThereFunction + "there " + path + " || exit 9"})
			if (err == nil) != test.leads || err != nil && !strings.Contains(err.Error(), "leads nowhere") {
				t.Errorf("there: %v", err)
			}
		})
	}
}

// comesWithTheNextStat puts a stat before the system's that first makes what it
// is asked for, where that is path and not there.
func comesWithTheNextStat(t *testing.T, path, command string) {
	t.Helper()
	system, err := exec.LookPath("stat")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	script := fmt.Sprintf("#!/bin/sh\nfor last; do :; done\n[ \"$last\" != %[1]s ] || [ -e %[1]s ] || [ -L %[1]s ] || %[2]s%[1]s\nexec %[3]s \"$@\"\n", path, command, system)
	if err := os.WriteFile(filepath.Join(dir, "stat"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
}

// The real shell functions on this machine, each thing as it may stand there.
func TestObserveThisMachine(t *testing.T) {
	root(t)
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	for _, err := range []error{
		os.WriteFile(at("file"), []byte("x"), 0o640), os.Mkdir(at("dir"), 0o700), os.Symlink("file", at("link")), os.Symlink("nowhere", at("dangling")),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	m := Manifest{Owner: "test/machine"}
	var want []any
	for _, name := range []string{"file", "dir", "link", "dangling", "none", "file/below"} {
		m.Items = append(m.Items, Directory{Path: at(name)})
	}
	want = append(want, fileState{kind: "other"}, fileState{"directory", "700", "root", "root", ""}, fileState{kind: "other"}, fileState{kind: "other"}, fileState{kind: "missing"}, fileState{kind: "missing"})
	for _, name := range []string{"file", "dir", "link", "dangling", "none", "file/below"} {
		m.Items = append(m.Items, File{Path: at(name)})
	}
	want = append(want, fileState{"regular", "640", "root", "root", sum("x")}, fileState{kind: "other"}, fileState{kind: "link"}, fileState{kind: "link"}, fileState{kind: "missing"}, fileState{kind: "missing"})
	for _, name := range []string{"file", "link", "none"} {
		m.Items = append(m.Items, Link{Path: at(name)})
	}
	want = append(want, linkState{kind: "other"}, linkState{"link", "file"}, linkState{kind: "missing"})
	m.Items = append(m.Items, Action{Done: "true"}, Action{Done: "exit 3"})
	want = append(want, true, false)
	o := observeHere(t, m)
	for i, state := range want {
		if o.states[i] != state {
			t.Errorf("%+v: %+v, want %+v", o.items[i], o.states[i], state)
		}
	}
	loop := at("loop")
	if err := os.Symlink(loop, loop); err != nil {
		t.Fatal(err)
	}
	if _, err := Observe(t.Context(), here{}, Manifest{Owner: "t", Items: []Item{File{Path: loop + "/f"}}}); err == nil || !strings.Contains(err.Error(), "symbolic links") {
		t.Errorf("behind a link to itself nothing is known to be missing: %v", err)
	}
	if _, err := Observe(t.Context(), here{}, Manifest{Owner: "t", Items: []Item{Action{Name: "x", Done: "kill -9 $(sh -c 'echo $PPID')"}}}); err == nil || !strings.Contains(err.Error(), "signal 9") {
		t.Errorf("a guard that was killed: %v", err)
	}
	users := observeHere(t, Manifest{Owner: "t", Items: []Item{User{Name: "root"}, User{Name: "no-such-user"}, Sysctl{Key: "kernel.ostype"}, Sysctl{Key: "kernel.none"}}})
	if got, _ := users.states[0].(userState); !got.exists || !slices.Contains(got.groups, "root") {
		t.Errorf("root: %+v", got)
	}
	if got, _ := users.states[1].(userState); got.exists {
		t.Error("a user that is not there")
	}
	if users.states[2] != "Linux" || users.states[3] != "" {
		t.Errorf("sysctls: %q, %q", users.states[2], users.states[3])
	}
}

func TestObservePackagesOfThisMachine(t *testing.T) {
	m := Manifest{Owner: "t", Items: []Item{Package{Name: "dpkg"}, Package{Name: "no-such-package", Refuse: map[string]string{"libc6": "x", "lib+c6": "y"}}}}
	o := observeHere(t, m)
	if !o.System.Apt {
		t.Skip("this machine has no dpkg")
	}
	dpkg, _ := o.states[0].(packageState)
	none, _ := o.states[1].(packageState)
	if dpkg.own != "ii" || none.own != "-" || none.refused["libc6"] != "ii" || none.refused["lib+c6"] != "-" {
		t.Errorf("%+v, %+v", dpkg, none)
	}
}

func FuzzReadObservation(f *testing.F) {
	f.Add(strings.Join(rows(), "\n"))
	f.Add("record .e30=\n9 x\n0 ! .\n")
	f.Fuzz(func(_ *testing.T, text string) {
		o, err := readObservation(whole(), text) // must not panic
		if err == nil {
			Diff(whole(), o)
		}
	})
}
