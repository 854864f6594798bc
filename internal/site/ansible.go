// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package site

import (
	"context"
	_ "embed"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/atollhq/terraform-provider-atoll/internal/lab"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

//go:embed playbook/site.yml
var playbook []byte

// measureAnsible lets Ansible look at what a plan looks at. It needs a Python
// on every host, which Atoll does not.
func measureAnsible(ctx context.Context, client *lab.Client, dir string) (cost, error) {
	program, err := exec.LookPath("ansible-playbook")
	if err != nil {
		return cost{}, fmt.Errorf("ansible-playbook is missing: apt-get install ansible-core: %w", err)
	}
	if err := preparePython(ctx, client); err != nil {
		return cost{}, err
	}
	known, hosts := &strings.Builder{}, &strings.Builder{}
	groups := map[bool][]string{}
	for _, host := range client.Inventory.Hosts {
		fmt.Fprintf(known, "%s %s\n", host.Address, host.HostKey)
		fmt.Fprintf(hosts, "%s ansible_host=%s mesh=%s\n", host.Name, host.Address, MeshAddress(host.HostSpec))
		groups[host.Database] = append(groups[host.Database], host.Name)
	}
	fmt.Fprintf(hosts, "[database]\n%s\n[application]\n%s\n", strings.Join(groups[true], "\n"), strings.Join(groups[false], "\n"))
	fmt.Fprintf(hosts, "[all:vars]\nansible_user=root\nansible_ssh_private_key_file=%s\nansible_python_interpreter=/usr/bin/python3\n", client.Inventory.Key)
	for name, content := range map[string][]byte{
		"known_hosts": []byte(known.String()), "hosts.ini": []byte(hosts.String()), "site.yml": playbook,
		"ansible.cfg": fmt.Appendf(nil, "[defaults]\nforks = 10\n[ssh_connection]\npipelining = True\nssh_args = -o ControlMaster=auto -o ControlPersist=60s -o UserKnownHostsFile=%s\ncontrol_path_dir = %s\n",
			filepath.Join(dir, "known_hosts"), filepath.Join(dir, "cp")),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			return cost{}, err
		}
	}
	return measure(ctx, client, func() error {
		// Each check begins without connections, as a run of CI does.
		_ = os.RemoveAll(filepath.Join(dir, "cp"))
		command := exec.CommandContext(ctx, program, "--check", "-i", "hosts.ini", "site.yml")
		command.Dir = dir
		command.Env = append(os.Environ(), "ANSIBLE_CONFIG="+filepath.Join(dir, "ansible.cfg"), "LC_ALL=C.UTF-8", "HOME="+dir)
		if text, err := command.CombinedOutput(); err != nil {
			return fmt.Errorf("ansible-playbook: %w\n%s", err, tail(string(text)))
		}
		return nil
	})
}

func preparePython(ctx context.Context, client *lab.Client) error {
	pool, err := Machines(client.Inventory)
	if err != nil {
		return err
	}
	defer func() { _ = pool.Close() }()
	for _, host := range client.Inventory.Hosts {
		machine, err := Machine(pool, client.Inventory, host.Name)
		if err != nil {
			return err
		}
		if _, err := machine.Run(ctx, remote.Command{Name: "installing Python for Ansible", Long: true, Script: `python3 -c 'import apt' 2>/dev/null ||
 { apt-get -q update && DEBIAN_FRONTEND=noninteractive apt-get -q -y --no-install-recommends install python3 python3-apt; } >/dev/null 2>&1`}); err != nil {
			return err
		}
	}
	return nil
}
