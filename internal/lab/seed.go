// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package lab

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
)

// seedFile is one file that the host begins with.
type seedFile struct {
	path, content string
	mode          os.FileMode
}

// firstKeys lets the host make its own host keys where cloud-init brought none.
// sshd's own test of them comes after that.
const firstKeys = `[Service]
ExecStartPre=
ExecStartPre=/bin/sh -c 'ls /etc/ssh/ssh_host_*_key >/dev/null 2>&1 || ssh-keygen -A'
ExecStartPre=/usr/sbin/sshd -t
`

// access is what lets somebody in: the lab's own keys, or what a hoster's API
// was asked for. The host key of the latter is the host's own affair.
func (m *machine) access(authorized string) ([]seedFile, error) {
	if cloud := m.spec.Cloud; cloud != nil {
		files := []seedFile{
			{"root/.ssh/authorized_keys", strings.Join(cloud.AuthorizedKeys, "\n") + "\n", 0o600},
			{"etc/systemd/system/ssh.service.d/lab.conf", firstKeys, 0o644},
		}
		if cloud.UserData != nil {
			files = append(files, seedFile{"var/lib/cloud/seed/nocloud/meta-data", "instance-id: " + m.spec.Name + "\n", 0o600},
				seedFile{"var/lib/cloud/seed/nocloud/user-data", string(cloud.UserData), 0o600})
		}
		return files, nil
	}
	private, err := os.ReadFile(m.keyFile())
	if err != nil {
		return nil, err
	}
	return []seedFile{
		{"etc/ssh/ssh_host_ed25519_key", string(private), 0o600},
		{"etc/ssh/ssh_host_ed25519_key.pub", m.hostKey + "\n", 0o644},
		{"root/.ssh/authorized_keys", authorized, 0o600},
	}, nil
}

// seed writes what makes this host different from its root.
func (m *machine) seed(authorized string) error {
	seed := filepath.Join(m.paths.disk(m.spec.Name), "seed")
	if _, err := os.Stat(seed); err == nil {
		return nil
	}
	building := seed + ".new"
	if err := os.RemoveAll(building); err != nil {
		return err
	}
	id, err := os.ReadFile("/proc/sys/kernel/random/uuid")
	if err != nil {
		return err
	}
	files := []seedFile{
		{"etc/hostname", m.spec.Name + "\n", 0o644},
		{"etc/hosts", "127.0.0.1 localhost\n127.0.1.1 " + m.spec.Name + "\n", 0o644},
		{"etc/systemd/system/lab-meminfo.service", memoryUnit, 0o644},
		{"etc/machine-id", strings.ReplaceAll(string(id), "-", ""), 0o444},
	}
	access, err := m.access(authorized)
	if err != nil {
		return err
	}
	for _, file := range append(files, access...) {
		path := filepath.Join(building, file.path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, []byte(file.content), file.mode); err != nil {
			return err
		}
	}
	wants := filepath.Join(building, "etc/systemd/system/sysinit.target.wants")
	if err := errors.Join(os.MkdirAll(wants, 0o755), os.Symlink("../lab-meminfo.service", filepath.Join(wants, "lab-meminfo.service"))); err != nil {
		return err
	}
	if err := m.seedLogins(building, authorized); err != nil {
		return err
	}
	return errors.Join(os.Chmod(filepath.Join(building, "root"), 0o700), os.Chmod(filepath.Join(building, "root/.ssh"), 0o700), os.Rename(building, seed))
}

// seedLogins lets in who else may log in.
func (m *machine) seedLogins(building, authorized string) error {
	_, noUsers := os.Stat(filepath.Join(m.lower, "home/admin"))
	switch {
	case m.spec.Cloud != nil:
		return nil
	case noUsers == nil:
		return seedUsers(building, authorized)
	case m.spec.User == "":
		return nil
	}
	if !userPattern.MatchString(m.spec.User) {
		return fmt.Errorf("host %s: user %q: must be a letter and up to 30 letters, digits, hyphens and underscores, all lower case", m.spec.Name, m.spec.User)
	}
	return os.WriteFile(filepath.Join(m.paths.disk(m.spec.Name), "first"), []byte(fmt.Sprintf(firstUser, m.spec.User, sudoPassword)), 0o600)
}

var userPattern = regexp.MustCompile(`^[a-z][a-z0-9_-]{0,30}$`)

// firstUser runs once on a new disk: the user takes root's place. The seed has
// put the keys where root's are.
const firstUser = `export PATH=/usr/sbin:/usr/bin:/sbin:/bin
useradd -m -s /bin/bash %[1]s
echo '%[1]s:%[2]s' | chpasswd
echo '%[1]s ALL=(ALL:ALL) ALL' >/etc/sudoers.d/%[1]s
chmod 0440 /etc/sudoers.d/%[1]s
mv /root/.ssh /home/%[1]s/.ssh
chown -R %[1]s: /home/%[1]s/.ssh
`

// seedUsers lets the root's other users in: admin has sudo without a password,
// operator0 with one, nobody0 none. Their numbers follow from the recipe.
func seedUsers(building, authorized string) error {
	for i, name := range []string{"admin", "operator0", "nobody0"} {
		home := filepath.Join(building, "home", name)
		if err := os.MkdirAll(filepath.Join(home, ".ssh"), 0o700); err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(home, ".ssh/authorized_keys"), []byte(authorized), 0o600); err != nil {
			return err
		}
		for _, path := range []string{home, filepath.Join(home, ".ssh"), filepath.Join(home, ".ssh/authorized_keys")} {
			if err := os.Chown(path, 1000+i, 1000+i); err != nil {
				return err
			}
		}
	}
	return nil
}

func (m *machine) keyFile() string { return filepath.Join(m.paths.disk(m.spec.Name), "host_key") }

// makeKey makes the host's own key, once for all of its disks.
func (m *machine) makeKey() error {
	if err := os.MkdirAll(m.paths.disk(m.spec.Name), 0o755); err != nil {
		return err
	}
	key, err := makeKeyPair(m.keyFile(), "")
	m.hostKey = key
	return err
}

// makeKeyPair makes an Ed25519 pair and gives the public line.
func makeKeyPair(file, comment string) (string, error) {
	if _, err := os.Stat(file); err != nil {
		if out, err := exec.Command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", file).CombinedOutput(); err != nil {
			return "", fmt.Errorf("ssh-keygen: %w: %s", err, bytes.TrimSpace(out))
		}
	}
	public, err := os.ReadFile(file + ".pub")
	return strings.TrimSpace(string(public)), err
}
