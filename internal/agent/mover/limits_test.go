// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package mover

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/atollhq/terraform-provider-atoll/internal/agent/tree"
)

// small mounts a small file system as a node's archive.
func small(t *testing.T, r *replica, options string) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root can mount a small file system")
	}
	do(t, os.RemoveAll(r.Config.Cold), os.Mkdir(r.Config.Cold, 0o755))
	if err := unix.Mount("none", r.Config.Cold, "tmpfs", 0, options); err != nil {
		t.Skip("a small file system cannot be mounted here: ", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(r.Config.Cold, 0); err != nil {
			t.Error(err)
		}
	})
	do(t, Prepare(r.Config))
}

func TestArchiveIsFull(t *testing.T) {
	for name, test := range map[string]struct {
		options string
		fill    func(*replica) error
		says    string
	}{
		"no room, known before":   {"size=1m", nil, "bytes left"},
		"no inodes, known before": {"nr_inodes=20", nil, "inodes left"},
		"no room in the middle":   {"size=8m", func(r *replica) error { return os.WriteFile(r.cold("filler"), make([]byte, 5<<20), 0o600) }, "no space left on device"},
		"no inodes in the middle": {"nr_inodes=60", func(r *replica) error {
			for i := range 40 {
				if err := os.WriteFile(r.cold(fmt.Sprint(i)), nil, 0o600); err != nil {
					return err
				}
			}
			return nil
		}, "no space left on device"},
	} {
		t.Run(name, func(t *testing.T) {
			all := replicas(t, "one")
			one := all[0]
			small(t, one, test.options)
			want := fill(all, 1, 20)
			want[oneDay+"/large"] = strings.Repeat("x", 4<<20)
			one.write(oneDay+"/large", want[oneDay+"/large"])
			if test.fill != nil {
				one.at("copying", func() { do(t, test.fill(one)) })
			}
			outcome := one.run()[oneDay]
			if outcome.Step != Wait || !strings.Contains(outcome.Why, test.says) {
				t.Errorf("%+v", outcome)
			}
			if one.flipped(oneDay) {
				t.Error("it flipped without a copy")
			}
			checkFiles(t, all, want)
			if left := one.left(); len(left) > 0 {
				t.Errorf("left in a full archive: %q", left)
			}
			// With more room, it goes on.
			do(t, unix.Mount("", one.Config.Cold, "", unix.MS_REMOUNT, "size=100m,nr_inodes=1000"))
			one.Point = nil
			one.run()
			checkMoved(t, all, want)
		})
	}
}

func TestReserveIsLeft(t *testing.T) {
	one := replicas(t, "one")[0]
	fill([]*replica{one}, 1, 5)
	one.Config.ReserveBytes = 1 << 60
	if outcome := one.run()[oneDay]; outcome.Step != Wait || !strings.Contains(outcome.Why, "with the reserve are needed") {
		t.Errorf("%+v", outcome)
	}
}

// rot gives a file other content, and its times stay.
func rot(t *testing.T, path string) {
	t.Helper()
	stat, err := os.Stat(path)
	do(t, err, os.WriteFile(path, []byte(strings.Repeat("?", int(stat.Size()))), 0o600), os.Chtimes(path, stat.ModTime(), stat.ModTime()))
}

// A copy that is no copy is none, and the next run makes a new one.
func TestCopyLosesAFile(t *testing.T) {
	all := replicas(t, "one")
	one := all[0]
	want := fill(all, 1, 5)
	one.at("copied", func() { do(t, os.Remove(one.cold(private, "2020%2F02%2F01.partial/dir0/file 0"))) })
	result, err := one.Run(context.Background())
	do(t, err)
	if err := result.Days[0].Err; !errors.Is(err, tree.ErrUnlike) || !strings.Contains(err.Error(), `"dir0/file 0" is missing`) {
		t.Errorf("%v", err)
	}
	checkFiles(t, all, want)
	if left := one.left(); len(left) > 0 {
		t.Errorf("left of it: %q", left)
	}
	one.run()
	checkMoved(t, all, want)
}

// A disk that does not give back what it was given must not become the only copy: what it
// has is read before the old directory goes, by the next run or by this one.
func TestCopyThatRotsAtOnce(t *testing.T) {
	for _, grace := range []int64{0, 3600} {
		t.Run(fmt.Sprintf("grace %d", grace), func(t *testing.T) {
			all := replicas(t, "one")
			one := all[0]
			one.Config.Grace = grace
			want := fill(all, 1, 5)
			one.at("flipped", func() {
				rot(t, one.cold(oneDay, "dir0/file 0"))
				rot(t, one.cold(oneDay, "dir1/file 1"))
			})
			_, err := one.Run(context.Background())
			do(t, err)
			one.Point = nil
			if grace > 0 {
				if _, err := os.Stat(one.hot(private, "2020%2F02%2F01.old-1.read")); err == nil {
					t.Error("the run that copied has read it back")
				}
			}
			result, err := one.Run(context.Background())
			if grace == 0 {
				checkMoved(t, all, want)
				return
			}
			do(t, err)
			if err := result.Days[0].Err; err == nil || !strings.Contains(err.Error(), `in the archive, "dir0/file 0" does not read as it was written (the content is another, and nobody changed it): it was written again, and lies as it was in .tier-archive/replaced/`) || !strings.Contains(err.Error(), "(and 1 more)") {
				t.Errorf("%v", err)
			}
			checkFiles(t, all, want)
			kept, err := filepath.Glob(one.cold(".tier-archive/replaced/*-rotten", oneDay, "dir0/file 0"))
			do(t, err)
			if text, err := os.ReadFile(strings.Join(kept, " ")); err != nil || !strings.HasPrefix(string(text), "??") {
				t.Errorf("what rotted is kept as %q: %.20q, %v", kept, text, err)
			}
			if outcome := one.run()[oneDay]; outcome.Step != Wait || !slices.Contains(outcome.Done, ReadBack) {
				t.Errorf("the next run: %+v", outcome)
			}
			if outcome := one.run()[oneDay]; slices.Contains(outcome.Done, ReadBack) {
				t.Errorf("it is read again and again: %+v", outcome)
			}
			one.Config.Grace = 0
			settled(t, all, nil)
			checkMoved(t, all, want)
		})
	}
}

// What somebody wrote into the archive since is theirs; what is gone from it comes back, and
// is read from the disk with all else.
func TestArchiveChangedBeforeItIsReadBack(t *testing.T) {
	all := replicas(t, "one")
	one := all[0]
	one.Config.Grace = 3600
	want := fill(all, 1, 5)
	one.run()
	do(t, os.WriteFile(one.hot(oneDay, "dir0/file 0"), []byte("theirs"), 0o600), os.Remove(one.hot(oneDay, "dir1/file 1")))
	want[oneDay+"/dir0/file 0"] = "theirs"
	one.puts("1 file of the day, the first is \"dir1/file 1\"")
	if outcome := one.run()[oneDay]; !slices.Contains(outcome.Done, ReadBack) {
		t.Errorf("%+v", outcome)
	}
	one.Config.Grace = 0
	settled(t, all, nil)
	checkMoved(t, all, want)
}

// Something went missing in the archive between the copy and the flip.
func TestArchiveLostAFile(t *testing.T) {
	all := replicas(t, "one", "two")
	one := all[0]
	want := fill(all, 1, 5)
	one.run()
	all[1].Nodes = nil // it alone may go first
	all[1].run()
	do(t, os.Remove(one.cold(oneDay, "dir0/file 0")))
	if outcome := one.run()[oneDay]; outcome.Step != Wait || !strings.Contains(outcome.Why, "the archive does not have it any longer") {
		t.Errorf("%+v", outcome)
	}
	checkFiles(t, all, want)
	settled(t, all, nil)
	checkMoved(t, all, want)
}

func TestWhatStaysHot(t *testing.T) {
	// A file that nobody holds any more is closed by the garbage collector.
	var written *os.File
	defer func() { _ = written.Close() }()
	for name, test := range map[string]struct {
		make func(string) error
		step Step
		says string
	}{
		"a socket":             {func(at string) error { return unix.Mknod(at, unix.S_IFSOCK|0o600, 0) }, Leave, `"it" is a socket`},
		"a pipe":               {func(at string) error { return unix.Mkfifo(at, 0o600) }, Leave, `"it" is a pipe`},
		"a link out":           {func(at string) error { return os.Symlink("../../03/file", at) }, Leave, "leads out"},
		"a file being written": {func(at string) (err error) { written, err = os.Create(at); return err }, Wait, "open for writing"},
	} {
		t.Run(name, func(t *testing.T) {
			all := replicas(t, "one")
			fill(all, 1, 2)
			do(t, test.make(all[0].hot(oneDay, "it")))
			if outcome := all[0].run()[oneDay]; outcome.Step != test.step || !strings.Contains(outcome.Why, test.says) {
				t.Errorf("%+v", outcome)
			}
			if all[0].flipped(oneDay) {
				t.Error("it was moved")
			}
		})
	}
}

// A young day is one that came lately, whatever its name says.
func TestQuietTime(t *testing.T) {
	one := replicas(t, "one")[0]
	one.Config.Quiet = 3600
	fill([]*replica{one}, 1, 2)
	if outcome := one.run()[oneDay]; outcome.Step != Wait || !strings.Contains(outcome.Why, "has to rest for 1h0m0s") {
		t.Errorf("%+v", outcome)
	}
}

func TestTwoMoversAtOnce(t *testing.T) {
	one := replicas(t, "one")[0]
	fill([]*replica{one}, 1, 2)
	var busy *BusyError
	one.at("copying", func() {
		other := Mover{Config: one.Config}
		if _, err := other.Run(context.Background()); !errors.As(err, &busy) {
			t.Errorf("%v", err)
		}
	})
	one.run()
	if busy == nil {
		t.Error("the second mover was never tried")
	}
}

func TestConfig(t *testing.T) {
	good := `{"tier":"files","hot":"/srv/hot","cold":"/srv/cold","layout":"%Y/%m/%d","hot_days":30,"quiet":60,"grace":60}`
	if _, err := ParseConfig([]byte(good)); err != nil {
		t.Error(err)
	}
	for _, change := range [][2]string{
		{`"/srv/cold"`, `"/srv/hot/cold"`}, {`"/srv/hot"`, `"/srv/cold"`}, {`"/srv/hot"`, `"srv/hot"`}, {`"/srv/hot"`, `"/srv/../hot"`},
		{`%Y`, `%y`}, {`"files"`, `""`}, {`30`, `-1`}, {`"quiet"`, `"invented_later"`}, {`{`, ``},
		{`}`, `,"nodes":[{"name":"../two"}]}`}, {`}`, `,"node":"two","nodes":[{"name":"two"}]}`}, {`}`, `,"nodes":[{"command":["ssh"]}]}`}, {`}`, `,"nodes":[{"name":"two","command":["a"]},{"name":"two","command":["b"]}]}`},
	} {
		text := strings.Replace(good, change[0], change[1], 1)
		if config, err := ParseConfig([]byte(text)); err == nil {
			t.Errorf("%s is taken as %+v", text, config)
		}
	}
	config, _ := ParseConfig([]byte(good))
	if text, err := config.linkText("2026/01/02"); err != nil || text != "../../../cold/2026/01/02" {
		t.Errorf("the link says %q, %v", text, err)
	}
}

// The work is in proportion to the days that move, not to the tree: what is too
// young is not read.
func TestYoungDaysAreNotRead(t *testing.T) {
	all := replicas(t, "one")
	want := fill(all, 1, 5)
	all[0].write("2099/01/01/x/young", "young")
	fd, err := unix.InotifyInit1(unix.IN_NONBLOCK | unix.IN_CLOEXEC)
	do(t, err)
	defer func() { _ = unix.Close(fd) }()
	for _, dir := range []string{"2099/01/01", "2099/01/01/x"} {
		_, err := unix.InotifyAddWatch(fd, all[0].hot(dir), unix.IN_ACCESS)
		do(t, err)
	}
	read := func() bool {
		n, err := unix.Read(fd, make([]byte, 4096))
		return err == nil && n > 0
	}
	all[0].run()
	if read() {
		t.Error("a day that is too young was read")
	}
	do(t, os.RemoveAll(all[0].hot("2099/01/01/x/young")))
	if _, err := os.ReadDir(all[0].hot("2099/01/01")); err != nil || !read() {
		t.Errorf("reading it is not seen: %v", err)
	}
	do(t, os.RemoveAll(all[0].hot("2099")))
	checkMoved(t, all, want)
}
