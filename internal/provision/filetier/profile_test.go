// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package filetier

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// TestMain is an ssh for a test, which does to its standard error what ssh does.
func TestMain(m *testing.M) {
	if filepath.Base(os.Args[0]) != "ssh" {
		os.Exit(m.Run())
	}
	if err := unix.SetNonblock(int(os.Stderr.Fd()), true); err != nil {
		panic(err)
	}
	_, _ = os.Stderr.WriteString("said " + strings.Join(os.Args[1:], " ") + "\n")
	_, _ = io.Copy(os.Stdout, os.Stdin)
	os.Exit(0)
}

// Whoever starts ssh by our script still waits for whoever reads its own output.
func TestSSHLeavesOutputAsItIs(t *testing.T) {
	dir := t.TempDir()
	script := filepath.Join(dir, "dial-ssh")
	self, err := os.Executable()
	if err == nil {
		err = os.WriteFile(script, dialScript, 0o700)
	}
	if err == nil {
		err = os.Symlink(self, filepath.Join(dir, "ssh"))
	}
	if err != nil {
		t.Fatal(err)
	}
	for program, nonblocking := range map[string]bool{script: false, filepath.Join(dir, "ssh"): true} {
		out, in, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		command := exec.Command(program, "-l", "who", "a b")
		command.Env = append(os.Environ(), "PATH="+dir+":"+os.Getenv("PATH"))
		command.Stdin, command.Stderr = strings.NewReader("carried"), in
		carried, err := command.Output()
		if err != nil || string(carried) != "carried" {
			t.Errorf("%s: %q, %v", program, carried, err)
		}
		flags, err := 0, error(nil)
		// Fd would have it wait again.
		raw, problem := in.SyscallConn()
		if problem == nil {
			problem = raw.Control(func(fd uintptr) { flags, err = unix.FcntlInt(fd, unix.F_GETFL, 0) })
		}
		if err != nil || problem != nil {
			t.Fatal(err, problem)
		}
		if got := flags&unix.O_NONBLOCK != 0; got != nonblocking {
			t.Errorf("%s: its standard error waits for nobody: %v, want %v", program, got, nonblocking)
		}
		_ = in.Close()
		said, err := io.ReadAll(out)
		if err != nil || string(said) != "said -l who a b\n" {
			t.Errorf("%s said %q, %v", program, said, err)
		}
		_ = out.Close()
	}
}
