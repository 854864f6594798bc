// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package lab

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Clean removes everything that a lab's record and name lead to, whether its
// daemon ended well or not, and what no lab's record leads to any more. A lab
// that runs is refused. The record goes last, so that the next Clean finds what
// this one could not remove.
func Clean(name string) error {
	p := paths{name}
	r, found := readRecord(p)
	if found && r.alive() && r.PID != os.Getpid() {
		return fmt.Errorf("lab %s is up (pid %d): take it down first, or choose another --name", name, r.PID)
	}
	var problems []error
	for _, host := range hostsOf(p) {
		problems = append(problems, endHost(p.namespace(host), p.machine(host)))
	}
	if found {
		problems = append(problems, r.Uplink.down())
	}
	if err := errors.Join(problems...); err != nil {
		return err
	}
	return errors.Join(os.RemoveAll(p.state()), os.RemoveAll(p.run()), sweep())
}

// hostsOf names the hosts that a lab has made anything for, and its own two.
func hostsOf(p paths) []string {
	names := []string{Operator, RepositoryHost}
	disks, _ := os.ReadDir(filepath.Join(p.state(), "disks"))
	for _, disk := range disks {
		names = append(names, disk.Name())
	}
	return names
}

// endHost kills what runs in a host's namespace, which is the lab's by
// definition, and removes the namespace with its devices. The supervisor ends
// with its host and tidies up by itself; one that is still about to boot, or
// does not end, is killed.
func endHost(namespace, machine string) error {
	begun := time.Now()
	for busy := begun; ; time.Sleep(50 * time.Millisecond) {
		doomed, err := processesIn(namespace)
		if err != nil {
			return err
		}
		doomed = slices.DeleteFunc(doomed, func(pid int) bool { return pid == os.Getpid() })
		around := supervisorsOf(machine)
		if len(doomed)+len(around) == 0 {
			break
		}
		if time.Since(begun) > 20*time.Second {
			return fmt.Errorf("ending %s: the processes %v stay", namespace, append(doomed, around...))
		}
		if len(doomed) > 0 {
			busy = time.Now()
		} else if time.Since(busy) > 2*time.Second {
			doomed = around
		}
		for _, pid := range doomed {
			if err := syscall.Kill(pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
				return fmt.Errorf("ending %s: %w", namespace, err)
			}
		}
	}
	_ = os.Remove("/run/systemd/nspawn/propagate/" + machine) // is left by a supervisor that was killed
	removeCgroup(machine)
	if _, err := os.Lstat("/run/netns/" + namespace); errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return ip("netns", "del", namespace)
}

// removeCgroup removes a host's control group, wherever the machine has them. The
// kernel may call it busy for a moment after the last process; one that stays
// is empty and does no harm, since the next boot uses it.
func removeCgroup(machine string) {
	for _, root := range []string{"/sys/fs/cgroup", "/sys/fs/cgroup/unified"} {
		top := filepath.Join(root, cgroups, machine)
		for range 40 {
			if _, err := os.Lstat(top); err != nil {
				break
			}
			removeGroups(top)
			time.Sleep(50 * time.Millisecond)
		}
		_ = os.Remove(filepath.Dir(top)) // as long as other hosts have theirs in it, it stays
	}
}

// removeGroups removes a control group and those below it, the innermost first.
func removeGroups(top string) {
	var groups []string
	_ = filepath.WalkDir(top, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.IsDir() {
			groups = append(groups, path)
		}
		return nil
	})
	for _, group := range slices.Backward(groups) {
		_ = os.Remove(group)
	}
}

// supervisorsOf finds what boots a machine, or is about to: its name is a whole
// argument of theirs.
func supervisorsOf(machine string) []int {
	files, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	var found []int
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			continue
		}
		args := bytes.Split(content, []byte{0})
		if slices.ContainsFunc(args, func(arg []byte) bool { return string(arg) == machine || string(arg) == "--machine="+machine }) {
			pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(file)))
			found = append(found, pid)
		}
	}
	return found
}

// sweep removes the namespaces, links and rules that no lab's record leads to,
// as they are left where the record was lost. A lab writes its record before it
// makes any of them, and holds the lock of the uplinks meanwhile.
func sweep() error {
	unlock, err := lockUplinks()
	if err != nil {
		return err
	}
	defer unlock()
	namespaces, _ := filepath.Glob("/run/netns/atoll-*")
	links, err := net.Interfaces()
	if err != nil {
		return err
	}
	tables, err := exec.Command("nft", "list", "tables", "ip").Output()
	if err != nil && !errors.Is(err, exec.ErrNotFound) {
		return fmt.Errorf("listing the packet filter's tables: %w", err)
	}
	labs := Labs()
	var kept []uplink
	for _, name := range labs {
		if r, found := readRecord(paths{name}); found && r.Uplink.Table != "" {
			kept = append(kept, r.Uplink)
		}
	}
	var problems []error
	for _, path := range namespaces {
		if name := filepath.Base(path); strayNamespace(name, labs) {
			problems = append(problems, endHost(name, name))
		}
	}
	for _, link := range links {
		if strayLink(link.Name, kept) {
			problems = append(problems, deleteLink(link.Name))
		}
	}
	for line := range strings.Lines(string(tables)) {
		if name, ours := strings.CutPrefix(strings.TrimSpace(line), "table ip "); ours && strayTable(name, kept) {
			problems = append(problems, nft("delete table ip "+name+"\n"))
		}
	}
	return errors.Join(problems...)
}

func strayNamespace(name string, labs []string) bool {
	return !slices.ContainsFunc(labs, func(lab string) bool { return strings.HasPrefix(name, paths{lab}.namespace("")) })
}

var linkPattern = regexp.MustCompile(`^atoll(\d+)(h\d+)?$`)

func strayLink(name string, kept []uplink) bool {
	parts := linkPattern.FindStringSubmatch(name)
	return parts != nil && !slices.ContainsFunc(kept, func(u uplink) bool { return strconv.Itoa(u.Index) == parts[1] })
}

func strayTable(name string, kept []uplink) bool {
	return strings.HasPrefix(name, "atoll_") && !slices.ContainsFunc(kept, func(u uplink) bool { return u.Table == name })
}
