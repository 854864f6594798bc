// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

// Package mysqlrouter is the provisioning plugin for MySQL Router beside an
// application: bootstrapped by Router itself against the cluster, with an
// account that was made for it, and run by a unit that starts after the mesh.
package mysqlrouter

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
	"github.com/atollhq/terraform-provider-atoll/internal/provision"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// Config is what one atoll_mysql_router declares.
type Config struct {
	// Address of the machine, under which the cluster knows the router.
	Address string
	// ClusterID is the UUID in the cluster's metadata: with another one, the
	// router has to be bootstrapped anew.
	ClusterID   string
	BindAddress string
	// Package to install; "" means mysql-router.
	Package string `json:"-"`
	// ReadWrite, ReadOnly and ReadWriteSplit are TCP ports. A version that does
	// not split (see Splits) leaves the last one alone.
	ReadWrite, ReadOnly, ReadWriteSplit int64
	// ConnectTimeout and ReadTimeout in seconds.
	ConnectTimeout, ReadTimeout int64
	// ClientTLS and ServerTLS are Router's words for how the application's side and
	// the members' are encrypted; "" is DefaultTLS.
	ClientTLS, ServerTLS string `json:",omitempty"`
	// Members are the cluster's, as "host:port". The router follows them by
	// itself, so they are no reason to bootstrap it while it knows one of them.
	Members []string `json:"-"`
	// After is the unit of what the members are reached by, such as a mesh's;
	// "" for none.
	After string
}

// DefaultTLS is what a bootstrap writes by itself.
const DefaultTLS = "PREFERRED"

const (
	// Owner is the name under which a machine records what the router has there.
	Owner = "mysql-router"
	// Name is the router's in the cluster's metadata, beside its address.
	Name = "atoll"
	// Unit that runs the router.
	Unit = "mysqlrouter.service"
	user = "mysqlrouter"
	// directory is the router's own, where it bootstraps itself and keeps its
	// keyring and state; root writes nothing there.
	directory = "/var/lib/atoll-router"
	// What root writes stands where the router's user may only read.
	settings = "/etc/atoll-router"
	conf     = settings + "/mysqlrouter.conf"
	stamp    = settings + "/bootstrapped"
)

// Account is the name of the router's own account in the cluster. 32
// characters are the most that MySQL takes.
func (c Config) Account() string {
	name := "mysql_router_" + regexp.MustCompile(`[^A-Za-z0-9]`).ReplaceAllString(c.Address, "_")
	if len(name) > 32 {
		sum := sha256.Sum256([]byte(c.Address))
		name = "mysql_router_" + hex.EncodeToString(sum[:])[:16]
	}
	return name
}

// Splits says whether a version sends reads and writes of one connection to
// different members: Router does since 8.2.0, and an older one does not open that
// port. A version that is not known ("") is taken for a newer one.
func Splits(version string) bool {
	var major, minor int
	if _, err := fmt.Sscanf(version, "%d.%d.", &major, &minor); err != nil {
		return true
	}
	return major > 8 || major == 8 && minor >= 2
}

// as is the router as a version can be it.
func (c Config) as(version string) Config {
	if !Splits(version) {
		c.ReadWriteSplit = 0
	}
	return c
}

func (c Config) packageName() string { return cmp.Or(c.Package, "mysql-router") }

// ports are those that are opened.
func (c Config) ports() []int64 {
	return slices.DeleteFunc([]int64{c.ReadWrite, c.ReadOnly, c.ReadWriteSplit}, func(port int64) bool { return port == 0 })
}

// declared sums up everything that a bootstrap decides.
func (c Config) declared() string {
	c.After = "" // only the unit's
	text, err := json.Marshal(c)
	if err != nil {
		panic(err) // a struct of strings and numbers always encodes
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// Manifest is everything that the router wants on its machine, except what its
// bootstrap writes. start says whether the unit has to run by now.
func (c Config) Manifest(start bool) converge.Manifest {
	yes := true
	unit := converge.Unit{Name: Unit, Enabled: &yes}
	if start {
		unit.Active = &yes
	}
	return converge.Manifest{
		Owner: Owner, Refusal: c.forms(),
		Items: []converge.Item{
			converge.Package{Name: c.packageName()},
			converge.User{Name: user, Home: directory},
			converge.Directory{Path: directory, Owner: user, Group: user, Mode: 0o700},
			converge.Directory{Path: settings, Group: user, Mode: 0o750},
			converge.File{Path: "/etc/systemd/system/" + Unit, Mode: 0o644, Content: c.unit(), Restart: []string{Unit}},
			unit,
			converge.Check[Status]{Question: StatusQuestion(), Differs: func(s Status) []converge.Line { return provision.Drift(c.Diagnose(s)) }},
		},
	}
}

// forms says what cannot be written: units have no way to quote a unit's name, and
// the address goes into what Router writes about itself.
func (c Config) forms() error {
	problems := []error{
		converge.Formed("package", c.packageName(), converge.PackageForm), converge.OneLine("ssh.host", c.Address), converge.OneLine("cluster_id", c.ClusterID),
		converge.Addressed("bind_address", c.BindAddress),
	}
	if c.After != "" {
		problems = append(problems, converge.Formed("the unit to start after", c.After, converge.UnitForm))
	}
	return errors.Join(problems...)
}

// unit starts after the mesh, and again whenever the router ends.
func (c Config) unit() []byte {
	order := "After=network-online.target\nWants=network-online.target\n"
	if c.After != "" {
		order = fmt.Sprintf("After=network-online.target %[1]s\nWants=network-online.target %[1]s\n", c.After)
	}
	return fmt.Appendf(nil, `# Written by Atoll.
[Unit]
Description=MySQL Router
%sStartLimitIntervalSec=0

[Service]
Type=notify
User=%s
Environment=ROUTER_PID=/run/mysqlrouter/mysqlrouter.pid
RuntimeDirectory=mysqlrouter
ExecStart=/usr/bin/mysqlrouter -c %s
Restart=always
RestartSec=1
LimitNOFILE=65536

[Install]
WantedBy=multi-user.target
`, order, user, conf)
}

// bootstrapScript reads the account's password twice on standard input: the
// account bootstraps itself. Router does it as its own user, in its own
// directory, and root takes over from there only what that user can read.
// Sections for the X protocol, which the servers do not speak, are taken out of
// what Router wrote.
func (c Config) bootstrapScript(primary string) string {
	split, tls := "", ""
	set := func(option string, value any) string {
		return " --conf-set-option=" + remote.Quote(fmt.Sprintf("%s=%v", option, value))
	}
	// The section of the split has modes of its own.
	for _, side := range []struct{ option, mode string }{{"client_ssl_mode", c.ClientTLS}, {"server_ssl_mode", c.ServerTLS}} {
		if side.mode == "" {
			continue
		}
		tls += set("DEFAULT."+side.option, side.mode)
		if c.ReadWriteSplit != 0 {
			tls += set("routing:bootstrap_rw_split."+side.option, side.mode)
		}
	}
	// A section that the version does not write itself would lack all the rest.
	if c.ReadWriteSplit != 0 {
		split = set("routing:bootstrap_rw_split.bind_port", c.ReadWriteSplit)
	}
	return fmt.Sprintf(`set -e
umask 077
cd /
own="setpriv --reuid=%[2]s --regid=%[2]s --clear-groups --"
read -r password
said=$(printf '%%s\n%%s\n' "$password" "$password" | $own mysqlrouter --bootstrap %[3]s --directory %[1]s --force --disable-rest \
  --account=%[4]s --account-create=never --name=%[5]s --report-host=%[6]s --conf-bind-address=%[7]s%[8]s 2>&1) || { printf '%%s\n' "$said" >&2; exit 1; }
written=$($own cat %[1]s/mysqlrouter.conf)
printf '%%s\n' "$written" | grep -q '^\[metadata_cache' || { echo 'Router took the server for a standalone one: its configuration has no metadata_cache' >&2; exit 1; }
printf '%%s\n' "$written" | awk '/^\[/ {skip = ($0 ~ /^\[routing:bootstrap_x_/)} !skip' >%[9]s.new
chown root:%[2]s %[9]s.new
chmod 0640 %[9]s.new
mv -fT %[9]s.new %[9]s
printf '%%s %%s\n' %[10]s "$(sha256sum <%[9]s | cut -c1-64)" >%[11]s.new
mv -fT %[11]s.new %[11]s
systemctl try-restart %[12]s`,
		directory, user, remote.Quote(c.Account()+"@"+primary), remote.Quote(c.Account()), Name, remote.Quote(c.Address), remote.Quote(c.BindAddress),
		set("DEFAULT.connect_timeout", c.ConnectTimeout)+set("DEFAULT.read_timeout", c.ReadTimeout)+set("DEFAULT.logging_folder", "")+
			set("routing:bootstrap_rw.bind_port", c.ReadWrite)+set("routing:bootstrap_ro.bind_port", c.ReadOnly)+split+tls,
		conf, c.declared(), stamp, Unit)
}
