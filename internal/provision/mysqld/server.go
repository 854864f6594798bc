// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

// Package mysqld is the provisioning plugin for one MySQL server, ready to be a
// member of an InnoDB Cluster: the package, one settings file for that very
// version and that very machine, the unit behind the mesh. Who is in the
// cluster is the business of package innodbcluster.
package mysqld

import (
	"errors"
	"fmt"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/mysqlroot"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// Config is what one atoll_mysql_server declares.
type Config struct {
	// Address to listen on and to be known by; Port is TCP.
	Address string
	Port    int
	// ServerID is MySQL's server_id, different for each member.
	ServerID int64
	// After is the unit that brings the address, such as a mesh's; "" for none.
	After string
	// Interface by which others may come, a mesh's; "" for any.
	Interface string
	// Package to install; "" means mysql-server.
	Package string
	// Own are the user's own; see CheckSettings.
	Own map[string]string
	// GivenMemory is what the user says the settings are to be sized for, in
	// bytes; 0 means what the machine has.
	GivenMemory uint64
	// MemoryBytes is what they are sized for, see sizedFor.
	MemoryBytes uint64
	// GeneratesKeys is ON where a table that is made without a primary key gets one, OFF
	// where it does not; "" leaves that to MySQL.
	GeneratesKeys string
	// Unguarded: no guardian stands beside it.
	Unguarded bool
	// Version of the installed package; the zero Version is taken for a 9.x.
	Version Version
	// Wanted is the version that is declared; the zero Version leaves what is there.
	Wanted Version

	// release is the package's version that Wanted comes as, see chosen.
	release string
}

// What only this plugin's lines say.
const (
	// CodeNoData: apply makes a new datadir, and a new server with it.
	CodeNoData converge.Code = "mysql-no-data"
	// CodeForeignUUID: apply gives the server a new UUID.
	CodeForeignUUID converge.Code = "mysql-foreign-uuid"
	// CodeProgram: the server's next start is one of another version.
	CodeProgram converge.Code = "mysql-program"
	// CodeIncomplete: the server's first start left out views of information_schema.
	CodeIncomplete converge.Code = "mysql-incomplete"
	// CodeMemory: the settings are sized for another machine.
	CodeMemory converge.Code = "mysql-memory"
)

// Owner is the name under which a machine records what the server has there.
const Owner = "mysql-server"

const (
	// Unit is the server's.
	Unit          = mysqlroot.Unit
	dataDirectory = mysqlroot.DataDirectory
	settingsFile  = "/etc/mysql/mysql.conf.d/zz-atoll.cnf"
	identityFile  = "/var/lib/atoll/mysql-identity"
	noMariaDB     = "MariaDB has no Group Replication, so it cannot be a member of an InnoDB Cluster. Remove it, or use another machine"
)

func (c Config) packageName() string {
	if c.Package == "" {
		return "mysql-server"
	}
	return c.Package
}

// Manifest is everything that the server wants on its machine. The settings
// file restarts nothing: see Converge, which sets at run time what it can and
// restarts members of one group one after another.
func (c Config) Manifest() converge.Manifest {
	yes := true
	items := []converge.Item{
		c.wantedPackage(), openssl(),
		converge.Directory{Path: "/var/lib/atoll", Mode: 0o755}, converge.Directory{Path: "/etc/systemd/system/mysql.service.d", Mode: 0o755},
	}
	items = append(items, c.door()...)
	guardian, err := c.guardian()
	items = append(items, guardian...)
	return converge.Manifest{Owner: Owner, Refusal: errors.Join(c.forms(), err), Items: append(items,
		converge.File{Path: settingsFile, Mode: 0o644, Content: c.file()},
		converge.File{Path: "/etc/systemd/system/mysql.service.d/atoll.conf", Mode: 0o644, Content: c.unitConfig()},
		initialise(), identify(),
		converge.Unit{Name: Unit, Enabled: &yes, Active: &yes},
		converge.Check[uint64]{Question: memoryQuestion(), Differs: c.memoryDrift},
		converge.Check[Status]{Question: c.statusQuestion(), Differs: c.drift},
	)}
}

// openssl makes the certificate.
func openssl() converge.Package { return converge.Package{Name: "openssl"} }

func (c Config) wantedPackage() converge.Package {
	return converge.Package{
		Name: c.packageName(), Version: c.release, Instead: map[string]string{"mysqld": mysqlroot.StandIn},
		Refuse: map[string]string{"mariadb-server": noMariaDB, "mariadb-server-core": noMariaDB},
	}
}

// unitConfig lets the server start when the address is there. tinc's unit is up
// before its interface is, so the address itself is awaited.
func (c Config) unitConfig() []byte {
	order := ""
	if c.After != "" {
		order = fmt.Sprintf("[Unit]\nAfter=%[1]s\nWants=%[1]s\n\n", c.After)
	}
	return fmt.Appendf(nil, `# Written by Atoll.
%[1]s[Service]
LimitNOFILE=65536
ExecStartPre=/bin/sh -c 'i=0; until ip -o addr show | grep -qwF %[2]s; do i=$$((i + 1)); [ $$i -lt 300 ] || exit 1; sleep 0.2; done'
`, order, c.Address)
}

// initialise makes a datadir where none is, as the distribution's package does:
// the machine's root is let in over the socket and nobody else. Anything else
// in its place, such as another database's files, is left alone.
func initialise() converge.Action {
	return converge.Action{
		Name: "make the datadir",
		Line: converge.Line{Subject: "datadir " + dataDirectory, Code: CodeNoData, Text: "missing"},
		Done: mysqlroot.HalfMade + "[ -e " + dataDirectory + "/mysql.ibd ] && ! half_made",
		Run: mysqlroot.HalfMade + `systemctl stop mysql.service 2>/dev/null || :
install -d -o mysql -g mysql -m 0750 ` + dataDirectory + `
if [ -n "$(ls -A ` + dataDirectory + `)" ] && ! half_made; then
  echo '` + dataDirectory + ` holds something that is no datadir of MySQL 8 or later: move it away' >&2; exit 1
fi
mkdir -p /var/lib/atoll
: >` + mysqlroot.Initialising + `
find ` + dataDirectory + `/ -mindepth 1 -delete
sql=$(mktemp --tmpdir=/var/lib/mysql-files atoll.XXXXXX)
trap 'rm -f "$sql"' EXIT
printf '%s\n' "INSTALL PLUGIN auth_socket SONAME 'auth_socket.so';" "ALTER USER 'root'@'localhost' IDENTIFIED WITH 'auth_socket';" >"$sql"
chown mysql:mysql "$sql"
mysqld --no-defaults --initialize-insecure --user=mysql --datadir=` + dataDirectory + ` --init-file="$sql" >&2
rm -f ` + mysqlroot.Initialising,
	}
}

// identify gives the server a UUID of its own, once a machine: machines that
// were cloned from one image share it, and a group refuses its second bearer. A
// member of a group keeps the one that it is known by.
func identify() converge.Action {
	return converge.Action{
		Name: "give the server a UUID of its own",
		Line: converge.Line{Subject: "server UUID", Code: CodeForeignUUID, Text: "not known to be this machine's own"},
		Done: fmt.Sprintf(`[ "$(cat %s 2>/dev/null)" = "$(cat /etc/machine-id)" ]`, identityFile),
		Run: `if ! grep -qs '"group_replication_group_name"' ` + dataDirectory + `/mysqld-auto.cnf; then
` + renewIdentity + `
fi
mkdir -p /var/lib/atoll
cat /etc/machine-id >` + identityFile,
	}
}

// renewIdentity lets mysqld make a new UUID at its next start.
const renewIdentity = `running=$(systemctl is-active mysql.service || :)
if [ "$running" = active ]; then systemctl stop mysql.service; fi
rm -f ` + dataDirectory + `/auto.cnf
if [ "$running" = active ]; then systemctl start mysql.service; fi`

// RenewIdentity gives a server that is not a member a new UUID; it restarts.
func RenewIdentity() remote.Command {
	return remote.Command{Name: "giving the server a UUID of its own", Script: "set -e\n" + renewIdentity, Long: true}
}

// deleteData removes the datadir's content for good.
func deleteData() remote.Command {
	return remote.Command{Name: "deleting the datadir", Long: true,
		Script: "set -e\nsystemctl stop mysql.service 2>/dev/null || :\nfind " + dataDirectory + " -mindepth 1 -delete\nrm -f " + identityFile}
}
