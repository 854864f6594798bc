// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package unison

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/atollhq/terraform-provider-atoll/internal/model/tier"
)

func testPair(t *testing.T) tier.Pair {
	t.Helper()
	top := t.TempDir()
	pair := tier.Pair{Tier: "files", Node: "files.a", Peer: "b", Hot: filepath.Join(top, "hot"), State: filepath.Join(top, "state")}
	for _, dir := range []string{pair.Hot, pair.State} {
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	return pair
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// What was there when unison was killed between two renames is there again; what
// came into its place stays; and nothing outside of the tree is touched.
func TestPutBack(t *testing.T) {
	for _, row := range []struct {
		name           string
		target, via    string
		have           map[string]string
		want           map[string]string
		outside, lacks bool
	}{
		{name: "put back", target: "day", via: ".unison.day.tmp", have: map[string]string{".unison.day.tmp": "was"}, want: map[string]string{"day": "was"}},
		{name: "it came", target: "day", via: ".unison.day.tmp", have: map[string]string{".unison.day.tmp": "was", "day": "new"}, want: map[string]string{"day": "new", ".unison.day.tmp": "was"}},
		{name: "nothing there", target: "day", via: ".unison.day.tmp", want: map[string]string{}},
		{name: "escaped", target: `a\nb \255\"`, via: ".unison.tmp", have: map[string]string{".unison.tmp": "was"}, want: map[string]string{"a\nb \xff\"": "was"}},
		{name: "outside", target: "../stolen", via: ".unison.tmp", have: map[string]string{".unison.tmp": "was"}, want: map[string]string{".unison.tmp": "was"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			pair := testPair(t)
			for name, text := range row.have {
				write(t, filepath.Join(pair.Hot, name), text)
			}
			write(t, filepath.Join(pair.State, notice), fmt.Sprintf("Warning: the last run of unison terminated abnormally while moving\n   %[1]s/source\nto\n   %[1]s/%[2]s\nvia\n   %[1]s/%[3]s\n\nPlease check\n", pair.Hot, row.target, row.via))
			write(t, filepath.Join(pair.State, "lk0123"), "")
			write(t, filepath.Join(pair.State, "ar0123"), "")
			if err := tidy(pair); err != nil {
				t.Fatal(err)
			}
			for name, text := range row.want {
				if got, err := os.ReadFile(filepath.Join(pair.Hot, name)); err != nil || string(got) != text {
					t.Errorf("%q holds %q, %v", name, got, err)
				}
			}
			if left, _ := os.ReadDir(pair.Hot); len(left) != len(row.want) {
				t.Errorf("the tree holds %v", left)
			}
			if left, _ := os.ReadDir(pair.State); len(left) != 1 || left[0].Name() != "ar0123" {
				t.Errorf("the state holds %v", left)
			}
		})
	}
}

// One that is left of a connection that broke is ended by the next.
func TestTakeOver(t *testing.T) {
	pair := testPair(t)
	left := exec.Command("flock", filepath.Join(pair.State, lockFile), "sh", "-c", "echo $PPID >"+filepath.Join(pair.State, lockFile)+"; echo held; exec sleep 1000")
	out, err := left.StdoutPipe()
	if err == nil {
		err = left.Start()
	}
	if err != nil {
		t.Skip("needs flock:", err)
	}
	if _, err := io.ReadFull(out, make([]byte, 5)); err != nil {
		t.Fatal(err)
	}
	// flock's child holds the lock, too.
	ended := make(chan error, 1)
	go func() { ended <- left.Wait() }()
	children, _ := exec.Command("pgrep", "-P", fmt.Sprint(left.Process.Pid)).Output()
	write(t, filepath.Join(pair.State, lockFile), strings.TrimSpace(string(children))+"\n")
	held, err := takeOver(t.Context(), pair)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = held.Close() }()
	if err := <-ended; err == nil {
		t.Error("the one that was left ended by itself")
	}
	if holder(held) != os.Getpid() {
		t.Errorf("the lock says %d", holder(held))
	}
}

// Only a process that was found twice, and that has this very pair's lock open, is
// signalled: any other one has a number that was given anew.
func TestWhoIsEnded(t *testing.T) {
	for _, row := range []struct {
		name string
		// reads are the numbers that the lock says one after the other; 0 stands for
		// the process that was started.
		reads []int
		// open is what that process has open: the lock of this pair, of another, or none.
		open string
		want bool
	}{
		{"left of this pair", []int{0, 0}, "this", true},
		{"read once", []int{0}, "this", false},
		{"another in between", []int{0, 7, 0}, "this", false},
		{"a stranger that has its number", []int{0, 0}, "none", false},
		{"left of another pair", []int{0, 0}, "other", false},
		{"a group of processes", []int{-1, -1}, "this", false},
		{"the first process", []int{1, 1}, "this", false},
		{"itself", []int{os.Getpid(), os.Getpid()}, "this", false},
	} {
		t.Run(row.name, func(t *testing.T) {
			top := t.TempDir()
			locks := map[string]*os.File{}
			for _, name := range []string{"this", "other"} {
				lock, err := os.OpenFile(filepath.Join(top, name), os.O_RDWR|os.O_CREATE, 0o600)
				if err != nil {
					t.Fatal(err)
				}
				defer func() { _ = lock.Close() }()
				locks[name] = lock
			}
			// It says that it was started, and then waits for its input to end.
			command := exec.Command("sh", "-c", "echo here; read -r line; exit 0")
			if lock := locks[row.open]; lock != nil {
				command.ExtraFiles = []*os.File{lock}
			}
			in, err := command.StdinPipe()
			if err != nil {
				t.Fatal(err)
			}
			out, err := command.StdoutPipe()
			if err == nil {
				err = command.Start()
			}
			if err == nil {
				_, err = io.ReadFull(out, make([]byte, 5))
			}
			if err != nil {
				t.Fatal(err)
			}
			var left leftover
			for _, process := range row.reads {
				if process == 0 {
					process = command.Process.Pid
				}
				if left.stays(process) {
					end(process, locks["this"], os.Kill)
				}
			}
			_ = in.Close()
			if err := command.Wait(); (err != nil) != row.want {
				t.Errorf("it ended with %v", err)
			}
		})
	}
}

func TestTreeThatIsNotThere(t *testing.T) {
	pair := testPair(t)
	if err := there(pair); err == nil || !strings.Contains(err.Error(), "if it is a mount point, mount it") {
		t.Errorf("%v", err)
	}
	if err := os.Mkdir(filepath.Join(pair.Hot, tier.Private), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := there(pair); err != nil {
		t.Error(err)
	}
}

// What a newer provider says is not taken for something else.
func TestReadPair(t *testing.T) {
	file := filepath.Join(t.TempDir(), "pair.json")
	const good = `{"tier": "files", "node": "files.a", "peer": "b", "hot": "/srv/files", "state": "/var/lib/x"}`
	for text, want := range map[string]bool{
		good: true, `{}`: false, `nonsense`: false,
		strings.Replace(good, `"tier"`, `"encrypt": true, "tier"`, 1): false,
		strings.Replace(good, "/srv/files", "/", 1):                   false,
		strings.Replace(good, "/srv/files", "srv", 1):                 false,
	} {
		write(t, file, text)
		if _, err := readPair("sync", []string{"--config", file}); (err == nil) != want {
			t.Errorf("%s: %v", text, err)
		}
	}
}
