-- The tables of the InnoDB Cluster metadata, as MySQL Router and MySQL Shell
-- read them. Text of our own after the published interface. Every statement can
-- be run again: an installation that broke off is finished by the next.
-- A line "-- since X.Y.Z" begins what only that version and later ones have.
CREATE SCHEMA IF NOT EXISTS mysql_innodb_cluster_metadata DEFAULT CHARACTER SET utf8mb4;

CREATE TABLE IF NOT EXISTS mysql_innodb_cluster_metadata.clustersets (
  clusterset_id VARCHAR(36) CHARACTER SET ascii COLLATE ascii_general_ci NOT NULL,
  domain_name VARCHAR(63) NOT NULL,
  options JSON,
  attributes JSON,
  router_options JSON,
  topology_type ENUM('SINGLE-PRIMARY-STAR'),
  PRIMARY KEY (clusterset_id)
) ENGINE = InnoDB CHARSET = utf8mb4 ROW_FORMAT = DYNAMIC;

CREATE TABLE IF NOT EXISTS mysql_innodb_cluster_metadata.clusters (
  cluster_id CHAR(36) CHARACTER SET ascii COLLATE ascii_general_ci NOT NULL,
  cluster_name VARCHAR(63) NOT NULL,
  description TEXT,
  options JSON,
  attributes JSON,
  cluster_type ENUM('gr', 'ar') NOT NULL,
  primary_mode ENUM('pm', 'mm') NOT NULL DEFAULT 'pm',
  router_options JSON,
  clusterset_id VARCHAR(36) CHARACTER SET ascii COLLATE ascii_general_ci DEFAULT NULL,
  PRIMARY KEY (cluster_id),
  UNIQUE KEY cluster_name (cluster_name)
) ENGINE = InnoDB CHARSET = utf8mb4 ROW_FORMAT = DYNAMIC;

CREATE TABLE IF NOT EXISTS mysql_innodb_cluster_metadata.instances (
  instance_id INT UNSIGNED NOT NULL AUTO_INCREMENT,
  cluster_id CHAR(36) CHARACTER SET ascii COLLATE ascii_general_ci NOT NULL,
  address VARCHAR(265) CHARACTER SET ascii COLLATE ascii_general_ci,
  mysql_server_uuid CHAR(36) NOT NULL,
  instance_name VARCHAR(265) NOT NULL,
  addresses JSON NOT NULL,
  attributes JSON,
  description TEXT,
  instance_type ENUM('group-member', 'async-member', 'read-replica') NOT NULL,
  PRIMARY KEY (instance_id, cluster_id),
  KEY cluster_id (cluster_id),
  CONSTRAINT instances_ibfk_1 FOREIGN KEY (cluster_id) REFERENCES mysql_innodb_cluster_metadata.clusters (cluster_id)
) ENGINE = InnoDB CHARSET = utf8mb4 ROW_FORMAT = DYNAMIC;

CREATE TABLE IF NOT EXISTS mysql_innodb_cluster_metadata.async_cluster_views (
  cluster_id CHAR(36) CHARACTER SET ascii COLLATE ascii_general_ci NOT NULL,
  view_id INT UNSIGNED NOT NULL,
  topology_type ENUM('SINGLE-PRIMARY-TREE'),
  view_change_reason VARCHAR(32) NOT NULL,
  view_change_time TIMESTAMP(6) NOT NULL,
  view_change_info JSON NOT NULL,
  attributes JSON NOT NULL,
  PRIMARY KEY (cluster_id, view_id),
  KEY view_id (view_id),
  CONSTRAINT async_cluster_views_ibfk_1 FOREIGN KEY (cluster_id) REFERENCES mysql_innodb_cluster_metadata.clusters (cluster_id)
) ENGINE = InnoDB CHARSET = utf8mb4 ROW_FORMAT = DYNAMIC;

CREATE TABLE IF NOT EXISTS mysql_innodb_cluster_metadata.async_cluster_members (
  cluster_id CHAR(36) CHARACTER SET ascii COLLATE ascii_general_ci NOT NULL,
  view_id INT UNSIGNED NOT NULL,
  instance_id INT UNSIGNED NOT NULL,
  master_instance_id INT UNSIGNED,
  primary_master BOOL NOT NULL,
  attributes JSON NOT NULL,
  PRIMARY KEY (cluster_id, view_id, instance_id),
  KEY view_id (view_id),
  KEY instance_id (instance_id),
  CONSTRAINT async_cluster_members_ibfk_1 FOREIGN KEY (cluster_id, view_id)
    REFERENCES mysql_innodb_cluster_metadata.async_cluster_views (cluster_id, view_id)
) ENGINE = InnoDB CHARSET = utf8mb4 ROW_FORMAT = DYNAMIC;

CREATE TABLE IF NOT EXISTS mysql_innodb_cluster_metadata.clusterset_views (
  clusterset_id VARCHAR(36) CHARACTER SET ascii COLLATE ascii_general_ci NOT NULL,
  view_id BIGINT UNSIGNED NOT NULL,
  topology_type ENUM('SINGLE-PRIMARY-TREE'),
  view_change_reason VARCHAR(32) NOT NULL,
  view_change_time TIMESTAMP(6) NOT NULL,
  view_change_info JSON NOT NULL,
  attributes JSON NOT NULL,
  PRIMARY KEY (clusterset_id, view_id),
  KEY view_id (view_id),
  CONSTRAINT clusterset_views_ibfk_1 FOREIGN KEY (clusterset_id) REFERENCES mysql_innodb_cluster_metadata.clustersets (clusterset_id)
) ENGINE = InnoDB CHARSET = utf8mb4 ROW_FORMAT = DYNAMIC;

CREATE TABLE IF NOT EXISTS mysql_innodb_cluster_metadata.clusterset_members (
  clusterset_id VARCHAR(36) CHARACTER SET ascii COLLATE ascii_general_ci NOT NULL,
  view_id BIGINT UNSIGNED NOT NULL,
  cluster_id VARCHAR(36) CHARACTER SET ascii COLLATE ascii_general_ci NOT NULL,
  master_cluster_id VARCHAR(36) CHARACTER SET ascii COLLATE ascii_general_ci,
  primary_cluster BOOL NOT NULL,
  attributes JSON NOT NULL,
  PRIMARY KEY (clusterset_id, view_id, cluster_id),
  KEY view_id (view_id),
  KEY cluster_id (cluster_id),
  CONSTRAINT clusterset_members_ibfk_1 FOREIGN KEY (clusterset_id, view_id)
    REFERENCES mysql_innodb_cluster_metadata.clusterset_views (clusterset_id, view_id)
) ENGINE = InnoDB CHARSET = utf8mb4 ROW_FORMAT = DYNAMIC;

CREATE TABLE IF NOT EXISTS mysql_innodb_cluster_metadata.routers (
  router_id INT UNSIGNED NOT NULL AUTO_INCREMENT,
  router_name VARCHAR(265) NOT NULL,
  product_name VARCHAR(128) NOT NULL,
  address VARCHAR(256) CHARACTER SET ascii COLLATE ascii_general_ci NOT NULL,
  version VARCHAR(12) DEFAULT NULL,
  last_check_in TIMESTAMP NULL DEFAULT NULL,
  attributes JSON,
  cluster_id CHAR(36) CHARACTER SET ascii COLLATE ascii_general_ci DEFAULT NULL,
  options JSON DEFAULT NULL,
  clusterset_id VARCHAR(36) CHARACTER SET ascii COLLATE ascii_general_ci DEFAULT NULL,
  PRIMARY KEY (router_id),
  UNIQUE KEY address (address, router_name)
) ENGINE = InnoDB CHARSET = utf8mb4 ROW_FORMAT = DYNAMIC;

CREATE TABLE IF NOT EXISTS mysql_innodb_cluster_metadata.router_rest_accounts (
  cluster_id CHAR(36) CHARACTER SET ascii COLLATE ascii_general_ci NOT NULL,
  user VARCHAR(256) NOT NULL,
  authentication_method VARCHAR(64) NOT NULL DEFAULT 'modular_crypt_format',
  authentication_string TEXT CHARACTER SET ascii COLLATE ascii_general_ci,
  description VARCHAR(255),
  privileges JSON,
  attributes JSON,
  PRIMARY KEY (cluster_id, user)
) ENGINE = InnoDB CHARSET = utf8mb4 ROW_FORMAT = DYNAMIC;

-- since 2.3.0
CREATE TABLE IF NOT EXISTS mysql_innodb_cluster_metadata.routing_guidelines (
  guideline_id VARCHAR(36) CHARACTER SET ascii COLLATE ascii_general_ci NOT NULL,
  name VARCHAR(63) NOT NULL,
  guideline JSON,
  clusterset_id VARCHAR(36) CHARACTER SET ascii COLLATE ascii_general_ci,
  cluster_id VARCHAR(36) CHARACTER SET ascii COLLATE ascii_general_ci,
  last_update TIMESTAMP NULL DEFAULT NULL,
  default_guideline BOOL NOT NULL,
  PRIMARY KEY (guideline_id),
  UNIQUE KEY name (name),
  KEY clusterset_id (clusterset_id),
  KEY cluster_id (cluster_id),
  CONSTRAINT routing_guidelines_ibfk_1 FOREIGN KEY (clusterset_id) REFERENCES mysql_innodb_cluster_metadata.clustersets (clusterset_id),
  CONSTRAINT routing_guidelines_ibfk_2 FOREIGN KEY (cluster_id) REFERENCES mysql_innodb_cluster_metadata.clusters (cluster_id)
) ENGINE = InnoDB CHARSET = utf8mb4 ROW_FORMAT = DYNAMIC;

-- since 2.4.0
CREATE TABLE IF NOT EXISTS mysql_innodb_cluster_metadata.router_stats (
  router_id INT UNSIGNED NOT NULL,
  last_check_in TIMESTAMP NULL DEFAULT NULL,
  PRIMARY KEY (router_id)
) ENGINE = InnoDB CHARSET = utf8mb4 ROW_FORMAT = DYNAMIC;
