// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package unison

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// steps are the calls by which a process and all that it starts change something on the
// disk. The kernel stops each of them before it is made, and asks: so a test ends them
// all at one of these, and not at some time.
type steps struct {
	command *exec.Cmd
	// last is the one at which they are ended; 0 for none.
	last int
	// ended is closed when none of them lives any more.
	ended chan struct{}

	mu    sync.Mutex
	count int
	at    string
}

// calls are those that change something; those that open a file do so by their flags.
var calls = map[int32]string{
	unix.SYS_RENAME: "rename", unix.SYS_RENAMEAT: "renameat", unix.SYS_RENAMEAT2: "renameat2", unix.SYS_UNLINK: "unlink", unix.SYS_UNLINKAT: "unlinkat",
	unix.SYS_MKDIR: "mkdir", unix.SYS_MKDIRAT: "mkdirat", unix.SYS_RMDIR: "rmdir", unix.SYS_SYMLINK: "symlink", unix.SYS_SYMLINKAT: "symlinkat",
	unix.SYS_LINK: "link", unix.SYS_LINKAT: "linkat", unix.SYS_CHMOD: "chmod", unix.SYS_FCHMOD: "fchmod", unix.SYS_FCHMODAT: "fchmodat",
	unix.SYS_UTIME: "utime", unix.SYS_UTIMES: "utimes", unix.SYS_UTIMENSAT: "utimensat", unix.SYS_FTRUNCATE: "ftruncate",
	unix.SYS_FSYNC: "fsync", unix.SYS_FDATASYNC: "fdatasync",
}

// opens are the calls that open a file, and which of their words has the flags.
var opens = map[int32]uint32{unix.SYS_OPEN: 1, unix.SYS_OPENAT: 2}

// question and answer are the kernel's struct seccomp_notif and seccomp_notif_resp.
type question struct {
	id         uint64
	pid, flags uint32
	call       int32
	arch       uint32
	at         uint64
	words      [6]uint64
}

type answer struct {
	id    uint64
	value int64
	err   int32
	flags uint32
}

// Where the words of a call lie in what a filter looks at.
const (
	wordOfCall  = 0
	wordOfFirst = 16
)

// filter has the kernel ask for the calls that are steps.
func filter() []unix.SockFilter {
	const load, equal, has, give = unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, unix.BPF_JMP | unix.BPF_JSET | unix.BPF_K, unix.BPF_RET | unix.BPF_K
	program := []unix.SockFilter{{Code: load, K: wordOfCall}}
	for call := range calls {
		program = append(program, unix.SockFilter{Code: equal, K: uint32(call), Jf: 1}, unix.SockFilter{Code: give, K: unix.SECCOMP_RET_USER_NOTIF})
	}
	for call, word := range opens {
		program = append(program, unix.SockFilter{Code: equal, K: uint32(call), Jf: 4},
			unix.SockFilter{Code: load, K: wordOfFirst + 8*word},
			unix.SockFilter{Code: has, K: unix.O_CREAT | unix.O_WRONLY | unix.O_RDWR, Jf: 1},
			unix.SockFilter{Code: give, K: unix.SECCOMP_RET_USER_NOTIF}, unix.SockFilter{Code: give, K: unix.SECCOMP_RET_ALLOW})
	}
	return append(program, unix.SockFilter{Code: give, K: unix.SECCOMP_RET_ALLOW})
}

// stepsVariable names the file by which a process hands over whom the kernel asks.
const stepsVariable = "ATOLL_TEST_STEPS"

// ask lets the kernel ask for this process, and for all that it starts; then it becomes
// what it was started as.
func ask() error {
	to, err := strconv.Atoi(os.Getenv(stepsVariable))
	if err != nil {
		return err
	}
	runtime.LockOSThread() // a filter is a thread's, and this one goes on
	program := filter()
	words := unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return err
	}
	fd, _, failed := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, unix.SECCOMP_FILTER_FLAG_NEW_LISTENER, uintptr(unsafe.Pointer(&words)))
	if failed != 0 {
		return failed
	}
	if err := errors.Join(unix.Sendmsg(to, []byte("x"), unix.UnixRights(int(fd)), nil, 0), unix.Close(int(fd)), unix.Close(to), os.Unsetenv(stepsVariable)); err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	return unix.Exec(self, os.Args, os.Environ())
}

// upTo starts a command that is ended at its last step, with all that it started.
func upTo(t *testing.T, command *exec.Cmd, last int) *steps {
	t.Helper()
	ends, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	its := os.NewFile(uintptr(ends[1]), "steps")
	command.ExtraFiles = append(command.ExtraFiles, its)
	command.Env = append(command.Env, stepsVariable+"="+strconv.Itoa(2+len(command.ExtraFiles)))
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	s := &steps{command: command, last: last, ended: make(chan struct{})}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	_ = its.Close()
	rights := make([]byte, unix.CmsgSpace(4))
	_, n, _, _, err := unix.Recvmsg(ends[0], make([]byte, 1), rights, 0)
	_ = unix.Close(ends[0])
	if err != nil || n == 0 {
		t.Fatalf("the kernel asks nobody: %v, %v", err, command.Wait())
	}
	messages, err := unix.ParseSocketControlMessage(rights[:n])
	if err != nil {
		t.Fatal(err)
	}
	fds, err := unix.ParseUnixRights(&messages[0])
	if err != nil {
		t.Fatal(err)
	}
	go s.attend(fds[0])
	return s
}

// attend answers until nobody is left who could ask.
func (s *steps) attend(fd int) {
	defer close(s.ended)
	defer func() { _ = unix.Close(fd) }()
	for {
		ready := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
		if _, err := unix.Poll(ready, -1); err != nil {
			continue
		}
		if ready[0].Revents&unix.POLLIN == 0 {
			_ = s.command.Wait()
			return // POLLHUP
		}
		var asked question
		if _, _, failed := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), unix.SECCOMP_IOCTL_NOTIF_RECV, uintptr(unsafe.Pointer(&asked))); failed != 0 {
			continue // it was ended meanwhile
		}
		if s.step(asked) {
			// The call that was asked for is not made any more.
			_ = syscall.Kill(-s.command.Process.Pid, syscall.SIGKILL)
			continue
		}
		goOn := answer{id: asked.id, flags: unix.SECCOMP_USER_NOTIF_FLAG_CONTINUE}
		_, _, _ = unix.Syscall(unix.SYS_IOCTL, uintptr(fd), unix.SECCOMP_IOCTL_NOTIF_SEND, uintptr(unsafe.Pointer(&goOn)))
	}
}

// step counts, and says whether it is the last.
func (s *steps) step(asked question) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.count++
	if s.count != s.last {
		return s.last > 0 && s.count > s.last
	}
	name, word := calls[asked.call], 0
	if at, is := opens[asked.call]; is {
		name, word = "open", int(at)-1
	} else if asked.call == unix.SYS_RENAMEAT || asked.call == unix.SYS_RENAMEAT2 || asked.call == unix.SYS_UNLINKAT || asked.call == unix.SYS_MKDIRAT {
		word = 1
	}
	s.at = name + " " + filepath.Base(textOf(asked.pid, asked.words[word]))
	return true
}

// textOf reads a text of a process that waits for an answer; "" where there is none.
func textOf(pid uint32, address uint64) string {
	memory, err := os.Open(filepath.Join("/proc", strconv.Itoa(int(pid)), "mem"))
	if err != nil {
		return ""
	}
	defer func() { _ = memory.Close() }()
	text := make([]byte, 256)
	n, _ := memory.ReadAt(text, int64(address))
	return unix.ByteSliceToString(text[:n])
}

// where is the step at which they were ended; "" where they ended before it, or live.
func (s *steps) where() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.at
}
