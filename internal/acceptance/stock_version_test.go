// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package acceptance

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A bare machine takes the declared version of MySQL from the sources that are declared
// with it, in one apply; what those do not have is refused by the plan once they are there.
func TestStockHostTakesADeclaredVersion(t *testing.T) {
	f, repository := stock(t)
	const name = "sg1"
	f.must(f.lab.Rebuild(f.Context(), name))
	f.afterwards(name, "systemctl stop mysql") // the machine's memory is for the next test
	host, err := f.lab.Inventory.Host(name)
	f.must(err)
	body := func(version string) string {
		return fmt.Sprintf(`resource "atoll_host" "h" {
  ssh = { host = %[1]q, host_key = %[2]q, user = "deploy" }
  apt_sources = { lab = { uris = [%[3]q], suites = [%[4]q], components = [%[5]q], key = file(%[6]q), fingerprint = %[7]q } }
}
resource "atoll_mysql_server" "s" {
  ssh     = atoll_host.h.ssh
  address = %[1]q
  version = %[8]q
}
`, host.Address, host.HostKey, repository.URI, repository.Suite, repository.Component, repository.KeyFile, repository.Fingerprint, version)
	}
	f.terraform = written(t, f.lab, body("9.99.1"))
	if err := f.terraform.Apply(f.Context()); err == nil || !strings.Contains(flat(err.Error()), "it is in none of the machine's package sources: of mysql-server they have 9.7.") {
		t.Errorf("a version that nobody has: %v", err)
	}
	if got := f.on(name, "dpkg-query -W -f '${db:Status-Abbrev}' mysql-server 2>/dev/null || :"); strings.HasPrefix(got, "i") {
		t.Errorf("mysql-server is installed: %q", got)
	}
	// What the sources have is known now, and so is what a plan may say.
	if _, err := f.terraform.Plan(f.Context()); err == nil || !strings.Contains(flat(err.Error()), "it is in none of the machine's package sources") {
		t.Errorf("a version that nobody has is planned: %v", err)
	}
	offered := f.on(name, "LC_ALL=C apt-cache madison mysql-server | awk '{print $3; exit}'")
	version, _, _ := strings.Cut(offered, "-")
	main := filepath.Join(f.terraform.Dir, "main.tf")
	text, err := os.ReadFile(main)
	f.must(err)
	f.must(os.WriteFile(main, []byte(strings.Replace(string(text), "9.99.1", version, 1)), 0o600))
	f.apply()
	f.inSync()
	if got := f.on(name, "dpkg-query -W -f '${Version}' mysql-server; echo; mysql -N -B -e \""+runs+"\""); got != offered+"\n"+version {
		t.Errorf("declared is %s, and there is %q", version, got)
	}
}
