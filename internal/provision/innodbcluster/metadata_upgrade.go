// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package innodbcluster

import (
	"context"
	"errors"
	"fmt"

	"github.com/atollhq/terraform-provider-atoll/internal/provision/mysqld"
)

// MetadataVersions are those that this provider writes, the oldest first. Each has
// all that the one before has.
var MetadataVersions = []string{"2.2.0", "2.3.0", "2.4.0"}

// metadataLock is what MySQL Shell holds while it upgrades, and an apply, too.
const metadataLock = schema + ".upgrade_in_progress"

// outdated finds metadata of an older version than the declared one. Nothing else is
// done before they are upgraded, since members and routers are written into them.
func (d *diagnosing) outdated(authority Observation) bool {
	declared := d.cluster.Options.MetadataVersion
	is, want := mysqld.ParseVersion(authority.Schema), mysqld.ParseVersion(declared)
	if declared == "" || authority.Schema == "" || !older(is, want) {
		return false
	}
	if upgrading := is == (mysqld.Version{}); !upgrading && is.Before(2, 1, 0) {
		d.refuse(fmt.Errorf("%w: they are of version %s, and an apply upgrades from 2.1.0. Run dba.upgradeMetadata() of MySQL Shell on the cluster, and apply again", ErrMetadata, authority.Schema))
		return false
	}
	d.find(UpgradeMetadata{d.Primary}, "cluster metadata", CodeMetadata, "version is %s, want %s", authority.Schema, declared)
	return true
}

// upgradeMetadata brings the schema to a version. While it works the version says
// 0.0.0, by which routers keep what they know; each statement can be run again, so an
// upgrade that broke off is finished by the next.
func (s *server) upgradeMetadata(ctx context.Context, version mysqld.Version) error {
	got, err := s.Await(ctx, "taking the lock of the metadata's upgrade", "SELECT GET_LOCK(?, 30)", metadataLock)
	if err != nil {
		return err
	}
	if got != "1" {
		return fmt.Errorf("%w: somebody else is upgrading them. Wait until that has ended, and apply again", ErrMetadata)
	}
	defer func() {
		_ = s.Run(context.WithoutCancel(ctx), "letting the metadata's lock go", "DO RELEASE_LOCK("+literal(metadataLock)+")")
	}()
	// Shell keeps a copy in this schema while it works, and goes back to it.
	if copies, err := s.Text(ctx, "looking for an upgrade that broke off", "SELECT COUNT(*) FROM information_schema.schemata WHERE schema_name = ?", schema+"_bkp"); err != nil || copies != "0" {
		return errors.Join(err, fmt.Errorf("%w: an upgrade by MySQL Shell broke off and left %s_bkp. Run dba.upgradeMetadata() again, and apply then", ErrMetadata, schema))
	}
	typed, err := s.Text(ctx, "asking for the type of instances", "SELECT COUNT(*) FROM information_schema.columns WHERE table_schema = ? AND table_name = 'instances' AND column_name = 'instance_type'", schema)
	if err != nil {
		return err
	}
	statements := []string{versionStatement(mysqld.Version{})}
	const types = "instance_type ENUM('group-member', 'async-member', 'read-replica')"
	if typed == "0" {
		statements = append(statements, "ALTER TABLE "+schema+".instances ADD COLUMN "+types)
	}
	statements = append(statements,
		"UPDATE "+schema+".instances i JOIN "+schema+".clusters c USING (cluster_id) SET i.instance_type = IF(c.cluster_type = 'ar', 'async-member', 'group-member') WHERE i.instance_type IS NULL",
		"ALTER TABLE "+schema+".instances MODIFY COLUMN "+types+" NOT NULL",
		"UPDATE "+schema+".routers SET address = '' WHERE address IS NULL",
		"ALTER TABLE "+schema+".routers MODIFY COLUMN address VARCHAR(256) CHARACTER SET ascii COLLATE ascii_general_ci NOT NULL",
		"DROP PROCEDURE IF EXISTS "+schema+".v2_set_global_router_option", "DROP PROCEDURE IF EXISTS "+schema+".v2_set_routing_option")
	made := schemaStatements(version)
	statements = append(statements, made[:len(made)-1]...) // the version comes last of all
	if err := s.Run(ctx, "upgrading the cluster metadata", statements...); err != nil {
		return err
	}
	if !version.Before(2, 4, 0) {
		if err := s.keepStats(ctx); err != nil {
			return err
		}
	}
	return s.Run(ctx, "ending the upgrade of the cluster metadata", versionStatement(version))
}

// keepStats takes over when routers were there last, and lets their accounts say so
// in the new place.
func (s *server) keepStats(ctx context.Context) error {
	names, err := s.List(ctx, "asking for the routers' accounts", `SELECT CONCAT(QUOTE(u.user), '@', QUOTE(u.host)) FROM mysql.user u
 WHERE u.user REGEXP ? OR u.user IN (SELECT attributes->>'$.MetadataUser' FROM `+schema+`.routers)`, accountOfRouter)
	if err != nil {
		return err
	}
	statements := []string{"INSERT IGNORE INTO " + schema + ".router_stats (router_id, last_check_in) SELECT router_id, last_check_in FROM " + schema + ".routers"}
	for _, name := range names {
		statements = append(statements, "GRANT INSERT, UPDATE ON "+schema+".router_stats TO "+name)
	}
	return s.Run(ctx, "taking over what routers said", statements...)
}
