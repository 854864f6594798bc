// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

// Package mysqlrouter is the provisioning plugin for MySQL Router beside an
// application: bootstrapped by Router itself against the cluster, with an
// account that was made for it, and run by a unit that starts after the mesh.
// A bootstrap is for a cluster; what else is declared is written into what it
// left, without another account. A machine may have several routers, each with a
// name; the one without has the names that were there before there were others.
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
	"github.com/atollhq/terraform-provider-atoll/internal/provision/innodbcluster"
)

// Config is what one atoll_mysql_router declares.
type Config struct {
	// Address of the machine, under which the cluster knows the router.
	Address string
	// Instance is the router's name among several on the machine; "" for the one
	// without.
	Instance string `json:"-"`
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
	// the members' are encrypted; "" is DefaultTLS. VerifyTLS is one for the members'.
	ClientTLS, ServerTLS string `json:",omitempty"`
	// Authorities are the certificates that a router with VerifyTLS knows the members
	// by; "" where not all of them are known, and what is there stays.
	Authorities string `json:"-"`
	// Awaited are members that get another certificate, which it has to know.
	Awaited []string `json:"-"`
	// Routing is what the cluster's metadata tell this router alone; nil leaves that
	// to others.
	Routing *innodbcluster.RoutingOptions `json:"-"`
	// Members are the cluster's, as "host:port". The router follows them by
	// itself, so they are no reason to bootstrap it while it knows one of them.
	Members []string `json:"-"`
	// After is the unit of what the members are reached by, such as a mesh's;
	// "" for none.
	After string
}

// DefaultTLS is what a bootstrap writes by itself.
const DefaultTLS = "PREFERRED"

// VerifyTLS lets the router talk to those alone that show a certificate for their
// address by an authority of the cluster's members.
const VerifyTLS = "VERIFY_IDENTITY"

// Verifies says whether it does, so that Authorities count.
func (c Config) Verifies() bool { return c.ServerTLS == VerifyTLS }

const (
	user = "mysqlrouter"
	// home is that of the user, whichever routers there are.
	home = "/var/lib/atoll-router"
)

// named is a name with that of the router behind it.
func (c Config) named(name string) string {
	if c.Instance == "" {
		return name
	}
	return name + "-" + c.Instance
}

// Owner is the name under which a machine records what the router has there.
func (c Config) Owner() string { return c.named(ownerPrefix) }

const ownerPrefix = "mysql-router"

// Name is the router's in the cluster's metadata, beside its address.
func (c Config) Name() string { return c.named("atoll") }

// Unit that runs the router.
func (c Config) Unit() string { return c.named("mysqlrouter") + ".service" }

// runtime is the name of its directory in /run.
func (c Config) runtime() string { return c.named("mysqlrouter") }

// directory is the router's own, where it bootstraps itself and keeps its
// keyring and state; root writes nothing there.
func (c Config) directory() string { return c.named(home) }

// settings is where what root writes stands, and the router's user may only read:
// the configuration, what of it the bootstrap wrote, and what that was for.
func (c Config) settings() string { return c.named("/etc/atoll-router") }
func (c Config) conf() string     { return c.settings() + "/mysqlrouter.conf" }
func (c Config) written() string  { return c.settings() + "/bootstrapped.conf" }
func (c Config) members() string  { return c.settings() + "/members.pem" }
func (c Config) stamp() string    { return c.settings() + "/bootstrapped" }

// Account is the name of the router's own account in the cluster. 32
// characters are the most that MySQL takes.
func (c Config) Account() string {
	of := c.named(c.Address)
	name := "mysql_router_" + regexp.MustCompile(`[^A-Za-z0-9]`).ReplaceAllString(of, "_")
	if len(name) > 32 {
		sum := sha256.Sum256([]byte(of))
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

// port is one that a section of the configuration opens.
type port struct {
	section string
	number  int64
}

const splitSection = "routing:bootstrap_rw_split"

// ports are those that are opened.
func (c Config) ports() []port {
	return slices.DeleteFunc([]port{{"routing:bootstrap_rw", c.ReadWrite}, {"routing:bootstrap_ro", c.ReadOnly}, {splitSection, c.ReadWriteSplit}},
		func(p port) bool { return p.number == 0 })
}

// InstanceForm is that of the name of a router among several: what units,
// directories and MySQL's accounts may be called.
var InstanceForm = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,30}$`)

// declared sums up everything that the configuration is made of.
func (c Config) declared() string {
	c.After = "" // only the unit's
	return sum(c)
}

// identity sums up what only a bootstrap gives a router: its place in the metadata
// of a cluster, and the sections that its version writes.
func (c Config) identity() string {
	return sum(struct {
		Address, ClusterID, Name string
		Splits                   bool
	}{c.Address, c.ClusterID, c.Name(), c.ReadWriteSplit != 0})
}

func sum(of any) string {
	text, err := json.Marshal(of)
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
	unit := converge.Unit{Name: c.Unit(), Enabled: &yes}
	if start {
		unit.Active = &yes
	}
	return converge.Manifest{
		Owner: c.Owner(), Refusal: c.forms(),
		Items: []converge.Item{
			converge.Package{Name: c.packageName()},
			converge.User{Name: user, Home: home},
			converge.Directory{Path: c.directory(), Owner: user, Group: user, Mode: 0o700},
			converge.Directory{Path: c.settings(), Group: user, Mode: 0o750},
			converge.File{Path: "/etc/systemd/system/" + c.Unit(), Mode: 0o644, Content: c.unit(), Restart: []string{c.Unit()}},
			unit,
			converge.Check[Status]{Question: c.StatusQuestion(), Differs: func(s Status) []converge.Line { return provision.Drift(c.Diagnose(s)) }},
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
	if c.Instance != "" {
		problems = append(problems, converge.Formed("name", c.Instance, InstanceForm))
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
Environment=ROUTER_PID=/run/%s/mysqlrouter.pid
RuntimeDirectory=%s
ExecStart=/usr/bin/mysqlrouter -c %s
Restart=always
RestartSec=1
LimitNOFILE=65536

[Install]
WantedBy=multi-user.target
`, order, user, c.runtime(), c.runtime(), c.conf())
}
