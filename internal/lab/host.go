// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package lab

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// machine is one host of a running lab.
type machine struct {
	spec    HostSpec
	paths   paths
	lower   string
	hostKey string
	diskMiB int64
	// number is its place in the uplink's network.
	number int
	// gone is closed when the container's supervisor has ended, too: until then
	// it keeps the disk locked.
	gone <-chan struct{}
}

// cgroups is the control group that all hosts' groups lie in.
const cgroups = "atoll-lab"

// bootScript makes the disk's file systems and boots. All of its mounts live in
// a mount namespace of its own, so that a killed lab leaves none behind.
// Its processes have a control group of their own: two systemds in one would
// remove each other's groups of units while they start something in them.
// redirect_dir lets directories of the lower root be renamed, as mysqld does with
// its redo logs after a clone. Arguments: disk directory, lower root, machine name, network namespace, disk size in MiB.
const bootScript = `set -e
disk=$1 lower=$2 name=$3 namespace=$4 size=$5
if [ "$(stat -fc %T /sys/fs/cgroup)" != cgroup2fs ]; then
  umount -R /sys/fs/cgroup
  mount -t cgroup2 cgroup2 /sys/fs/cgroup
fi
cgroup=/sys/fs/cgroup/` + cgroups + `/$name
mkdir -p "$cgroup"
find "$cgroup" -mindepth 1 -depth -type d -exec rmdir {} + || :
echo $$ >"$cgroup/cgroup.procs"
mkdir -p "$disk/data" "$disk/root"
if [ ! -e "$disk/image" ]; then
  truncate -s "${size}M" "$disk/image.new"
  mkfs.ext4 -q -m 0 -E lazy_itable_init=1,lazy_journal_init=1 "$disk/image.new"
  mv "$disk/image.new" "$disk/image"
fi
mount -o loop,noatime "$disk/image" "$disk/data"
mkdir -p "$disk/data/upper" "$disk/data/work"
mount -t overlay overlay -o "redirect_dir=on,lowerdir=$lower,upperdir=$disk/data/upper,workdir=$disk/data/work" "$disk/root"
if [ ! -e "$disk/data/seeded" ]; then
  cp -a "$disk/seed/." "$disk/root/"
  [ ! -e "$disk/first" ] || chroot "$disk/root" /bin/sh -e <"$disk/first"
  [ ! -d "$disk/seed/var/lib/cloud" ] || rm -f "$disk/root/etc/cloud/cloud-init.disabled"
  : >"$disk/data/seeded"
fi
cp "$disk/meminfo" "$disk/root/etc/lab-meminfo"
exec systemd-nspawn --quiet -D "$disk/root" --machine="$name" --register=no --keep-unit --boot \
  --network-namespace-path="/run/netns/$namespace" --bind=/dev/net/tun --capability=all \
  --system-call-filter='bpf keyctl add_key' --link-journal=no --console=pipe`

// boot switches the host on and returns when its sshd answers.
func (m *machine) boot(ctx context.Context, authorized string) error {
	ended, err := m.powerOn(authorized)
	if err != nil {
		return err
	}
	return m.waitForSSH(ctx, ended)
}

// powerOn switches the host on. The channel tells when it ends.
func (m *machine) powerOn(authorized string) (<-chan error, error) {
	if err := m.seed(authorized); err != nil {
		return nil, err
	}
	if err := m.writeMemory(); err != nil {
		return nil, err
	}
	console, err := os.OpenFile(m.paths.console(m.spec.Name), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fmt.Errorf("opening the console log: %w", err)
	}
	defer func() { _ = console.Close() }()
	command := exec.Command("unshare", "--mount", "sh", "-c", bootScript, "boot", m.paths.disk(m.spec.Name), m.lower,
		m.paths.machine(m.spec.Name), m.paths.namespace(m.spec.Name), strconv.FormatInt(m.diskMiB, 10))
	command.Stdout, command.Stderr = console, console
	command.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := command.Start(); err != nil {
		return nil, fmt.Errorf("booting %s: %w", m.spec.Name, err)
	}
	ended, gone := make(chan error, 1), make(chan struct{})
	m.gone = gone
	go func() {
		ended <- command.Wait()
		close(gone)
	}()
	return ended, nil
}

// memoryUnit lays the host's own meminfo over the kernel's: nspawn cannot bind
// into /proc.
const memoryUnit = `[Unit]
DefaultDependencies=no
Before=sysinit.target

[Service]
Type=oneshot
ExecStart=mount --bind -o ro /etc/lab-meminfo /proc/meminfo
`

// writeMemory makes the file that the host sees as /proc/meminfo: with the
// memory of the machine below, a host would size its buffers for many times of
// what it is meant to be.
func (m *machine) writeMemory() error {
	mebibytes := m.spec.MemoryMiB
	if mebibytes == 0 {
		mebibytes = DefaultMemoryMiB
	}
	total := mebibytes << 10
	text := fmt.Sprintf("MemTotal:       %d kB\nMemFree:        %d kB\nMemAvailable:   %d kB\nBuffers:        0 kB\nCached:         0 kB\nSwapTotal:      0 kB\nSwapFree:       0 kB\n",
		total, total*3/4, total*3/4)
	return os.WriteFile(filepath.Join(m.paths.disk(m.spec.Name), "meminfo"), []byte(text), 0o644)
}

// waitForSSH dials from the operator's namespace until sshd greets and lets in
// others than root, too: it may greet while the host still boots.
func (m *machine) waitForSSH(ctx context.Context, ended <-chan error) error {
	address := net.JoinHostPort(m.spec.Address, "22")
	for {
		select {
		case err := <-ended:
			return fmt.Errorf("%s ended while booting: %w\n%s%s", m.spec.Name, err, m.consoleTail(), exhausted("/"))
		case <-ctx.Done():
			return fmt.Errorf("%s did not answer SSH: %w\n%s%s", m.spec.Name, ctx.Err(), m.consoleTail(), exhausted("/"))
		case <-time.After(200 * time.Millisecond):
		}
		conn, err := dialFrom(ctx, m.paths.namespace(Operator), address)
		if err != nil {
			continue
		}
		_ = conn.SetDeadline(time.Now().Add(2 * time.Second))
		greeting := make([]byte, 4)
		_, err = conn.Read(greeting)
		_ = conn.Close()
		if err == nil && string(greeting) == "SSH-" && m.admits() {
			return nil
		}
	}
}

// admits says whether the host has taken /run/nologin away, which keeps
// everybody but root out while it boots.
func (m *machine) admits() bool {
	path, err := m.inside("/run/nologin")
	if err != nil {
		return false
	}
	_, err = os.Lstat(path)
	return errors.Is(err, os.ErrNotExist)
}

func (m *machine) consoleTail() string {
	text, _ := os.ReadFile(m.paths.console(m.spec.Name))
	return lastLines(text, 15)
}

// pullPlug kills everything on the host at once. What its disk holds stays.
func (m *machine) pullPlug() error {
	_ = m.slowDisk(0) // or the next host that gets its loop device has a slow disk
	pids, err := processesIn(m.paths.namespace(m.spec.Name))
	if err != nil {
		return err
	}
	for _, pid := range pids {
		if isFirst(pid) {
			if err := syscall.Kill(pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
				return fmt.Errorf("pulling the plug of %s: %w", m.spec.Name, err)
			}
		}
	}
	if err := waitEmpty(m.paths.namespace(m.spec.Name)); err != nil || m.gone == nil {
		return err
	}
	select {
	case <-m.gone:
		return nil
	case <-time.After(20 * time.Second):
		return fmt.Errorf("pulling the plug of %s: its supervisor does not end", m.spec.Name)
	}
}

// processesIn lists the processes in a network namespace.
func processesIn(namespace string) ([]int, error) {
	if _, err := os.Stat("/run/netns/" + namespace); err != nil {
		return nil, nil //nolint:nilerr // no namespace, no processes
	}
	out, err := exec.Command("ip", "netns", "pids", namespace).Output()
	if err != nil {
		return nil, fmt.Errorf("listing processes of %s: %w", namespace, err)
	}
	var pids []int
	for _, field := range strings.Fields(string(out)) {
		pid, err := strconv.Atoi(field)
		if err == nil {
			pids = append(pids, pid)
		}
	}
	return pids, nil
}

// isFirst says whether a process is PID 1 of its own process namespace.
func isFirst(pid int) bool {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return false
	}
	for line := range strings.Lines(string(status)) {
		if rest, found := strings.CutPrefix(line, "NSpid:"); found {
			numbers := strings.Fields(rest)
			return len(numbers) > 1 && numbers[len(numbers)-1] == "1"
		}
	}
	return false
}

// waitEmpty waits until the last process of a namespace is gone.
func waitEmpty(namespace string) error {
	var left []int
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		pids, err := processesIn(namespace)
		if err != nil || len(pids) == 0 {
			return err
		}
		left = pids
	}
	return fmt.Errorf("processes in %s did not end: %s", namespace, named(left))
}

// named gives each process with its command's name and what it waits in, as far
// as it is still there.
func named(pids []int) string {
	var text []string
	for _, pid := range pids {
		name, _ := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid))
		channel, _ := os.ReadFile(fmt.Sprintf("/proc/%d/wchan", pid))
		text = append(text, fmt.Sprintf("%d %s (%s)", pid, strings.TrimSpace(string(name)), channel))
	}
	return strings.Join(text, ", ")
}
