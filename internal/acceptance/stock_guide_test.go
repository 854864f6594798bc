// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package acceptance

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/atollhq/terraform-provider-atoll/internal/lab"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
	"github.com/atollhq/terraform-provider-atoll/internal/site"
)

// The first guide is followed as it is printed, from a clone to a running site, by
// somebody whose servers are stock Debian 13 and whose sudo asks for a password.
// What is somebody's own is put in place of the guide's: addresses, keys, the
// login, the repository. MySQL's own repository is left out, and so are commands
// with another prompt than that of the reader's machine.
func TestStockFirstGuide(t *testing.T) {
	f, repository := stock(t)
	f.rebuildAll()
	defer f.rebuildAll()
	root, err := site.Root()
	f.must(err)
	reader := newReader(t, f.lab.Inventory, root)
	f.must(os.WriteFile(filepath.Join(reader.home, "repo.asc"), []byte(repository.Key), 0o600))
	guide, err := os.ReadFile(filepath.Join(root, "templates", "guides", "first-site.md.tmpl"))
	f.must(err)
	script := reader.follow(string(guide), f.lab.Inventory, repository)
	output := reader.run(root, script, f.lab.Inventory.SudoPassword+"\nyes\n")
	for _, want := range []string{
		"Apply complete! Resources: 14 added, 0 changed, 0 destroyed.", `"sg1" = "127.0.0.1:6446"`,
		"No changes. Your infrastructure matches the configuration.\n", "\n0\n",
	} {
		if !strings.Contains(output, want) {
			t.Errorf("the output lacks %q", want)
		}
	}
	if count := strings.Count(output, `= "ONLINE"`); count != 3 {
		t.Errorf("%d members are shown online, want 3", count)
	}
	if t.Failed() {
		t.Fatalf("the commands\n%s\nprinted\n%s", script, output)
	}

	names := []string{"hk1", "hk2", "sg1"}
	f.members(names...)
	for _, name := range names {
		f.on(name, "timeout 10 bash -c 'exec 3<>/dev/tcp/127.0.0.1/6446'")
		if policy := f.on(name, "LC_ALL=C apt-cache policy mysql-server"); !strings.Contains(policy, repository.URI) {
			t.Errorf("MySQL on %s is from elsewhere: %s", name, policy)
		}
	}

	// It goes on as a site of one's own does.
	const source = "/etc/apt/sources.list.d/atoll-mysql.sources"
	f.terraform = reader.terraform()
	f.on("hk2", "sed -i '/^Suites:/s/$/ trixie-proposed/' "+source)
	if plan := f.plan(); strings.Join(plan.Lines(), "; ") != `module.site.atoll_host.node["hk2"]: file `+source+": content differs" {
		t.Errorf("a source was edited, and the plan says %q", plan.Lines())
	}
	f.apply()
	f.inSync()
	f.members(names...)
	(&student{fixture: f, reader: reader, inventory: f.lab.Inventory}).study(root)
}

// reader is somebody who follows a guide, with a home of their own.
type reader struct {
	*testing.T
	home, program string
}

func newReader(t *testing.T, inventory lab.Inventory, root string) reader {
	t.Helper()
	r := reader{T: t, home: t.TempDir()}
	found, err := site.Find(root)
	if err != nil {
		t.Fatal(err)
	}
	key, err := os.ReadFile(inventory.Key)
	if err != nil {
		t.Fatal(err)
	}
	r.program = filepath.Join(r.home, "bin", "terraform")
	for _, dir := range []string{".ssh", "bin"} {
		if err := os.Mkdir(filepath.Join(r.home, dir), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(r.home, ".ssh", "id_ed25519"), key, 0o600); err != nil {
		t.Fatal(err)
	}
	// OpenTofu is as good, under the name that is printed.
	if err := os.Symlink(found, r.program); err != nil {
		t.Fatal(err)
	}
	return r
}

// environment is that of a machine on which nothing of Terraform is set up. What
// Go has built and fetched may be used again.
func (r reader) environment() []string {
	all := []string{"HOME=" + r.home, "PATH=" + filepath.Join(r.home, "bin") + ":" + os.Getenv("PATH"), "TF_CLI_CONFIG_FILE=", "CHECKPOINT_DISABLE=1"}
	for _, name := range []string{"GOCACHE", "GOMODCACHE", "GOPROXY", "GOFLAGS"} {
		value, err := exec.CommandContext(r.Context(), "go", "env", name).Output()
		if err != nil {
			r.Fatal(err)
		}
		all = append(all, name+"="+strings.TrimSpace(string(value)))
	}
	return all
}

// terraform goes on in the reader's directory.
func (r reader) terraform() *site.Terraform {
	return &site.Terraform{
		Dir: filepath.Join(r.home, "site", "three-servers"), Program: r.program,
		Env: append(r.environment(), "TF_IN_AUTOMATION=1", "TF_INPUT=0", "TF_VAR_sudo_password=atoll-lab"),
	}
}

// run runs the commands in one shell, as they are typed one after another.
func (r reader) run(dir, script, typed string) string {
	r.Helper()
	path := filepath.Join(r.home, "typed.sh")
	if err := os.WriteFile(path, []byte(script), 0o600); err != nil {
		r.Fatal(err)
	}
	shell := exec.CommandContext(r.Context(), "bash", path)
	shell.Dir, shell.Env, shell.Stdin = dir, append(os.Environ(), r.environment()...), strings.NewReader(typed)
	var output bytes.Buffer
	shell.Stdout, shell.Stderr = &output, &output
	if err := shell.Run(); err != nil {
		r.Fatalf("%v\n%s\nof\n%s", err, output.String(), script)
	}
	return colours.ReplaceAllString(output.String(), "")
}

// colours are what Terraform prints for a terminal.
var colours = regexp.MustCompile("\x1b\\[[0-9;]*m")

var fences = regexp.MustCompile("(?ms)^```(console|hcl)\n(.*?)^```$")

// follow makes one script of the commands and the terraform.tfvars of a guide.
func (r reader) follow(guide string, inventory lab.Inventory, repository lab.Repository) string {
	r.Helper()
	script := "set -e\n"
	for _, block := range fences.FindAllStringSubmatch(guide, -1) {
		switch text := block[2]; {
		case strings.Contains(text, "repo.mysql.com"), strings.Contains(text, "mysql_repository"):
		case block[1] == "hcl":
			script += "cat >>terraform.tfvars <<'END'\n" + text + "END\n"
		default:
			for line := range strings.Lines(text) {
				if command, is := strings.CutPrefix(line, "$ "); is {
					script += command
				}
			}
		}
	}
	script = r.own(script, "user = \"admin\"", "user = \"deploy\"")
	for name, printed := range map[string]string{"hk1": "203.0.113.11", "hk2": "203.0.113.12", "sg1": "198.51.100.13"} {
		host, err := inventory.Host(name)
		if err != nil {
			r.Fatal(err)
		}
		script = r.own(script, fmt.Sprintf("host = %q, mesh_address = \"%s\", host_key = \"ssh-ed25519 AAAA…\"", printed, site.MeshAddress(host.HostSpec)),
			fmt.Sprintf("host = %q, mesh_address = \"%s\", host_key = %q", host.Address, site.MeshAddress(host.HostSpec), host.HostKey))
		script = r.own(script, printed, host.Address)
	}
	for printed, own := range map[string]string{
		"https://repo.example/debian": repository.URI, `suites      = ["trixie"]`: fmt.Sprintf("suites = [%q]", repository.Suite),
		`components  = ["mysql"]`: fmt.Sprintf("components = [%q]", repository.Component), `"repo.asc"`: `"` + filepath.Join(r.home, "repo.asc") + `"`,
		"011B AA84 2FCA EB18 5798  B693 30F5 06F7 DFC3 E73C": repository.Fingerprint,
	} {
		script = r.own(script, printed, own)
	}
	return script
}

// own replaces what is the guide's by what is the reader's.
func (r reader) own(script, printed, own string) string {
	r.Helper()
	if !strings.Contains(script, printed) {
		r.Fatalf("the guide has no %s in\n%s", remote.Quote(printed), script)
	}
	return strings.ReplaceAll(script, printed, own)
}
