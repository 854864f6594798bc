// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package lab

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// limit is a bound of the kernel that all hosts share, since they run as the
// same users on one kernel.
type limit struct {
	// key as sysctl names it.
	key string
	// machine is left to everything else; host is what one host may use.
	machine, host int64
	// used counts what is in use now, below the root of a file system; nil where
	// the kernel does not tell.
	used func(root string) (int64, error)
}

// limits with a host's share: what hosts were seen to use, with room. A host of
// bare systemd holds 6 inotify instances, and mysqld takes 2305 events of
// asynchronous I/O at its start; 28 hosts use up the kernel's defaults of either.
var limits = []limit{
	{"fs.inotify.max_user_instances", 128, 16, usedInotify},
	{"fs.inotify.max_user_watches", 8192, 8192, nil},
	{"fs.aio-max-nr", 16384, 4096, firstNumber("fs/aio-nr")},
	{"fs.file-max", 65536, 16384, firstNumber("fs/file-nr")},
	{"kernel.pty.max", 1024, 32, firstNumber("kernel/pty/nr")},
	{"kernel.pid_max", 8192, 512, nil},
	{"kernel.threads-max", 8192, 512, nil},
	{"kernel.keys.maxkeys", 200, 16, nil},
	{"kernel.keys.maxbytes", 20000, 1600, nil},
	{"net.ipv4.neigh.default.gc_thresh3", 1024, 64, nil},
}

func (l limit) need(hosts int) int64 { return l.machine + l.host*int64(hosts) }

func (l limit) file(root string) string {
	return filepath.Join(root, "proc/sys", strings.ReplaceAll(l.key, ".", "/"))
}

// raiseLimits lets the kernel carry that many hosts. It never lowers anything.
// What this kernel does not have cannot run out. root is "/", or a test's.
func raiseLimits(root string, hosts int) error {
	var problems []error
	for _, one := range limits {
		value, err := readNumber(one.file(root))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		need := one.need(hosts)
		if err == nil && value >= need {
			continue
		}
		if err == nil {
			err = os.WriteFile(one.file(root), fmt.Appendln(nil, need), 0o644)
		}
		if now, readErr := readNumber(one.file(root)); err == nil && (readErr != nil || now < need) {
			err = errors.Join(fmt.Errorf("it is %d after writing", now), readErr)
		}
		if err != nil {
			problems = append(problems, fmt.Errorf("%s is %d, and %d hosts need %d: raise it where the kernel is yours, sysctl -w %[1]s=%[4]d: %w", one.key, value, hosts, need, err))
		}
	}
	return errors.Join(problems...)
}

// exhausted names the limits that have no room left for one more host, for the
// error of a host that did not boot: what it says by itself leads nowhere.
func exhausted(root string) string {
	var lines []string
	for _, one := range limits {
		if one.used == nil {
			continue
		}
		value, err := readNumber(one.file(root))
		if err != nil {
			continue
		}
		if used, err := one.used(root); err == nil && value-used < one.host {
			lines = append(lines, fmt.Sprintf("\n%s ran out: %d of %d are in use, and a host needs up to %d", one.key, used, value, one.host))
		}
	}
	return strings.Join(lines, "")
}

func readNumber(path string) (int64, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return 0, err
	}
	fields := strings.Fields(string(content))
	if len(fields) == 0 {
		return 0, fmt.Errorf("%s is empty", path)
	}
	return strconv.ParseInt(fields[0], 10, 64)
}

func firstNumber(name string) func(string) (int64, error) {
	return func(root string) (int64, error) { return readNumber(filepath.Join(root, "proc/sys", name)) }
}

// usedInotify counts the inotify instances of root's processes: the limit is
// each user's own, and root of a host is root of the machine.
func usedInotify(root string) (int64, error) {
	files, err := filepath.Glob(filepath.Join(root, "proc/[0-9]*/fd/*"))
	var used int64
	for _, file := range files {
		if target, err := os.Readlink(file); err == nil && strings.HasSuffix(target, "anon_inode:inotify") {
			used++
		}
	}
	return used, err
}

// makeRoom raises the kernel's limits for the hosts of all labs on this machine,
// which is how many namespaces they have. Labs do so one after the other, or one
// would take back what another has raised. What was raised stays.
func makeRoom() error {
	unlock, err := lockFile(filepath.Join(cacheRoot(), "limits.lock"))
	if err != nil {
		return err
	}
	defer unlock()
	hosts, err := filepath.Glob("/run/netns/atoll-*")
	if err != nil {
		return err
	}
	return raiseLimits("/", len(hosts))
}
