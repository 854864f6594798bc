// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package lab

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// needs are the programs that the lab runs, and the Debian packages with them.
var needs = map[string]string{
	"debootstrap": "debootstrap", "systemd-nspawn": "systemd-container", "nft": "nftables",
	"gpg": "gnupg", "ip": "iproute2", "jq": "jq", "unzip": "unzip", "ssh": "openssh-client", "ssh-keygen": "openssh-client", "mount": "mount", "unshare": "util-linux",
}

// Prepare makes the machine able to carry a lab: installs what is missing and
// builds the cached roots. It says clearly what it cannot do.
func Prepare(ctx context.Context, log io.Writer, config Config) error {
	if err := checkMachine(); err != nil {
		return err
	}
	if err := installMissing(ctx, log); err != nil {
		return err
	}
	return prepareRoots(ctx, log, config)
}

// prepareRoots builds what the hosts of a lab boot from, and are served.
func prepareRoots(ctx context.Context, log io.Writer, config Config) error {
	for _, kind := range config.kinds() {
		if _, err := ensureRoot(ctx, log, kind); err != nil {
			return err
		}
		if kind == Stock {
			if _, err := ensureRepository(ctx, log); err != nil {
				return err
			}
		}
	}
	return nil
}

// checkMachine refuses where a lab cannot work.
func checkMachine() error {
	if os.Geteuid() != 0 {
		return errors.New("the lab boots machines and makes networks: run it as root")
	}
	family, name := osFamily()
	if family != "debian" {
		return fmt.Errorf("the lab needs Debian 12 or later, or a current Ubuntu; this is %s. Run it in a virtual machine with one of them", name)
	}
	if _, err := os.Stat("/dev/net/tun"); err != nil {
		return fmt.Errorf("the lab needs TUN/TAP devices, and /dev/net/tun is missing: load the module tun, or give the container the device: %w", err)
	}
	if content, err := os.ReadFile("/proc/filesystems"); err == nil && !strings.Contains(string(content), "overlay") {
		if err := exec.Command("modprobe", "overlay").Run(); err != nil {
			return errors.New("the lab needs overlayfs, and this kernel has none: load the module overlay")
		}
	}
	return nil
}

// osFamily reads /etc/os-release: "debian" for Debian, Ubuntu and their kin.
func osFamily() (family, name string) {
	file, err := os.Open("/etc/os-release")
	if err != nil {
		return "", "an unknown system"
	}
	defer func() { _ = file.Close() }()
	values := map[string]string{}
	for scanner := bufio.NewScanner(file); scanner.Scan(); {
		key, value, _ := strings.Cut(scanner.Text(), "=")
		values[key] = strings.Trim(value, `"`)
	}
	if values["ID"] == "debian" || strings.Contains(" "+values["ID_LIKE"]+" ", " debian ") {
		return "debian", values["PRETTY_NAME"]
	}
	return values["ID"], values["PRETTY_NAME"]
}

func installMissing(ctx context.Context, log io.Writer) error {
	missing := map[string]bool{}
	for program, pkg := range needs {
		if _, err := exec.LookPath(program); err != nil {
			missing[pkg] = true
		}
	}
	if len(missing) == 0 {
		return nil
	}
	args := []string{"install", "-y", "--no-install-recommends"}
	for pkg := range missing {
		args = append(args, pkg)
	}
	_, _ = fmt.Fprintln(log, "lab: installing", strings.Join(args[3:], " "))
	for _, step := range [][]string{{"update"}, args} {
		command := exec.CommandContext(ctx, "apt-get", append([]string{"-q", "-o", "DPkg::Lock::Timeout=300"}, step...)...)
		command.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
		if out, err := command.CombinedOutput(); err != nil {
			return fmt.Errorf("apt-get %s: %w\n%s", step[0], err, lastLines(out, 10))
		}
	}
	return nil
}

// mirror is the package mirror that this machine itself uses.
func mirror() string {
	files, _ := filepath.Glob("/etc/apt/sources.list.d/*")
	for _, file := range append(files, "/etc/apt/sources.list") {
		content, err := os.ReadFile(file)
		if err != nil {
			continue
		}
		for _, field := range strings.Fields(string(content)) {
			if (strings.HasPrefix(field, "http://") || strings.HasPrefix(field, "https://")) &&
				strings.HasSuffix(strings.TrimSuffix(field, "/"), "/debian") {
				return strings.TrimSuffix(field, "/")
			}
		}
	}
	return "http://deb.debian.org/debian"
}

func lastLines(text []byte, count int) string {
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	if len(lines) > count {
		lines = lines[len(lines)-count:]
	}
	return strings.Join(lines, "\n")
}
