// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package innodbcluster

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"strconv"

	"github.com/go-sql-driver/mysql"

	"github.com/atollhq/terraform-provider-atoll/internal/provision/mysqlroot"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/preflight"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// Source is a server outside of the cluster, with a copy of whose data a new one begins.
type Source struct {
	Address string
	Port    int
	// User clones; with Password he is let in from the first member's address.
	User, Password string
	// CA are certificates in PEM form of which one has signed the source's; "" only
	// encrypts.
	CA string
}

// Endpoint is "host:port", as the server that clones it notes it.
func (s Source) Endpoint() string { return net.JoinHostPort(s.Address, strconv.Itoa(s.Port)) }

// sourceFacts is what a source says of itself.
type sourceFacts struct {
	Version string `json:"version"`
	// Platform is what MySQL was built for.
	Platform string `json:"platform"`
	// SuperReadOnly: nobody writes there.
	SuperReadOnly int    `json:"super_read_only"`
	GTIDMode      string `json:"gtid_mode"`
	Executed      string `json:"executed"`
	// Plugins are those that came from a library and are active.
	Plugins []string `json:"plugins"`
	// Encrypted are tablespaces that only a keyring opens.
	Encrypted int `json:"encrypted"`
	// Root is how the machine's root logs in; "" where there is no such account.
	Root string `json:"root"`
	// Clustered: it has the metadata of a cluster.
	Clustered int `json:"clustered"`
	// Lacks are privileges that the user has not.
	Lacks []string `json:"lacks"`
	// Facts are those of a preflight, without the machine's.
	Facts preflight.Facts `json:"-"`
}

// pluginsOf is a query's column with those that came from a library and are active.
const pluginsOf = `(SELECT JSON_ARRAYAGG(plugin_name) FROM information_schema.plugins WHERE plugin_status = 'ACTIVE' AND plugin_library IS NOT NULL)`

// needed are the privileges of who clones and looks before at what there is.
const needed = "BACKUP_ADMIN, PROCESS, SELECT"

// lacksQuery comes first: without these privileges the next one fails, or sees less.
const lacksQuery = `SELECT JSON_ARRAYAGG(p.name) FROM (SELECT 'BACKUP_ADMIN' AS name UNION ALL SELECT 'PROCESS' UNION ALL SELECT 'SELECT') AS p
 WHERE p.name NOT IN (SELECT privilege_type FROM information_schema.user_privileges WHERE grantee = CONCAT('''', REPLACE(CURRENT_USER(), '@', '''@'''), ''''))`

const sourceQuery = `SELECT JSON_OBJECT('version', @@version, 'platform', CONCAT(@@version_compile_os, ' ', @@version_compile_machine), 'super_read_only', @@global.super_read_only,
 'gtid_mode', @@global.gtid_mode, 'executed', REPLACE(@@global.gtid_executed, '\n', ''), 'plugins', ` + pluginsOf + `,
 'encrypted', (SELECT COUNT(*) FROM information_schema.innodb_tablespaces WHERE encryption = 'Y'),
 'root', IFNULL((SELECT plugin FROM mysql.user WHERE user = 'root' AND host = 'localhost'), ''),
 'clustered', (SELECT COUNT(*) FROM information_schema.schemata WHERE schema_name = '` + schema + `'))`

// ErrSource says why a source cannot be cloned.
var ErrSource = errors.New("its data cannot be those of a new cluster")

// askSource asks a source from the machine that is to clone it, as the user that does.
func askSource(ctx context.Context, host remote.Host, source Source) (sourceFacts, error) {
	session, err := mysqlroot.ConnectTo(host, mysqlroot.Login{Address: source.Endpoint(), User: source.User, Password: source.Password, CA: source.CA})
	if err != nil {
		return sourceFacts{}, fmt.Errorf("import_from.ssl_ca: %w", err)
	}
	defer session.Close()
	text, err := session.Text(ctx, "asking for privileges", lacksQuery)
	if err != nil {
		return sourceFacts{}, source.unheard(host.Target().Host, err)
	}
	var found sourceFacts
	if text != "" {
		if err := json.Unmarshal([]byte(text), &found.Lacks); err != nil || len(found.Lacks) > 0 {
			return found, err
		}
	}
	if text, err = session.Text(ctx, "asking for what it is", sourceQuery); err != nil {
		return found, source.unheard(host.Target().Host, err)
	}
	if err := json.Unmarshal([]byte(text), &found); err != nil {
		return found, fmt.Errorf("%w: %w", mysqlroot.ErrNotWhole, err)
	}
	if found.Version == "" || found.GTIDMode == "" {
		return found, fmt.Errorf("%w: version and gtid_mode are missing", mysqlroot.ErrNotWhole)
	}
	found.Facts, err = preflight.Over(ctx, session)
	return found, err
}

// unheard says by the attribute why a source said nothing.
func (s Source) unheard(from string, err error) error {
	var refused *mysql.MySQLError
	var stranger x509.UnknownAuthorityError
	var invalid x509.CertificateInvalidError
	switch {
	case errors.As(err, &stranger), errors.As(err, &invalid):
		return fmt.Errorf("import_from.ssl_ca: the source %s shows a certificate that none of these has signed: %w. Give it ca.pem of the source's datadir", s.Endpoint(), err)
	case errors.As(err, &refused) && refused.Number == 1045:
		return fmt.Errorf("import_from.user = %q: the source %s does not let this user in from %s with this import_from.password (%w). On the source: CREATE USER %[1]q@'%[3]s' IDENTIFIED BY '<password>' REQUIRE SSL; GRANT %[5]s ON *.* TO %[1]q@'%[3]s'", s.User, s.Endpoint(), from, refused, needed)
	case errors.As(err, &refused):
		return fmt.Errorf("import_from.address = %q: the source %s, asked from %s, says: %w", s.Address, s.Endpoint(), from, refused)
	}
	return fmt.Errorf("import_from.address = %q: the source %s is not reached from %s: %w. Let it listen there, and let that machine through its firewall", s.Address, s.Endpoint(), from, err)
}
