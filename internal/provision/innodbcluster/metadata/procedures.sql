-- The published procedures, for tools that call them. Atoll itself keeps one
-- cluster and needs none. Statements end with a line of two slashes.
DROP PROCEDURE IF EXISTS mysql_innodb_cluster_metadata._v2_begin_cs_change
//
CREATE PROCEDURE mysql_innodb_cluster_metadata._v2_begin_cs_change(
  IN cs_id VARCHAR(36), IN operation VARCHAR(32), IN is_failover INT, OUT csvid BIGINT UNSIGNED)
  SQL SECURITY INVOKER
BEGIN
  DECLARE last_view BIGINT UNSIGNED;
  SELECT MAX(v.view_id) INTO last_view FROM mysql_innodb_cluster_metadata.clusterset_views v WHERE v.clusterset_id = cs_id;
  -- A failover leaves room, so that a view lost with a dead primary is never numbered again.
  SET csvid = last_view + IF(is_failover, 4294967296, 1);
  INSERT INTO mysql_innodb_cluster_metadata.clusterset_views
    (clusterset_id, view_id, topology_type, view_change_reason, view_change_time, view_change_info, attributes)
    SELECT v.clusterset_id, csvid, v.topology_type, operation, NOW(6), JSON_OBJECT('user', USER(), 'source', @@server_uuid), v.attributes
    FROM mysql_innodb_cluster_metadata.clusterset_views v WHERE v.clusterset_id = cs_id AND v.view_id = last_view;
  INSERT INTO mysql_innodb_cluster_metadata.clusterset_members
    (clusterset_id, view_id, cluster_id, master_cluster_id, primary_cluster, attributes)
    SELECT m.clusterset_id, csvid, m.cluster_id, m.master_cluster_id, m.primary_cluster, m.attributes
    FROM mysql_innodb_cluster_metadata.clusterset_members m WHERE m.clusterset_id = cs_id AND m.view_id = last_view;
END
//
DROP PROCEDURE IF EXISTS mysql_innodb_cluster_metadata.v2_cs_created
//
CREATE PROCEDURE mysql_innodb_cluster_metadata.v2_cs_created(
  IN domain_name VARCHAR(63), IN cluster_id VARCHAR(36), IN attributes JSON, OUT cs_id VARCHAR(36))
  SQL SECURITY INVOKER
BEGIN
  SET cs_id = UUID();
  INSERT INTO mysql_innodb_cluster_metadata.clustersets (clusterset_id, domain_name, attributes, topology_type)
    VALUES (cs_id, domain_name, attributes, 'SINGLE-PRIMARY-STAR');
  INSERT INTO mysql_innodb_cluster_metadata.clusterset_views
    (clusterset_id, view_id, topology_type, view_change_reason, view_change_time, view_change_info, attributes)
    VALUES (cs_id, 1, 'SINGLE-PRIMARY-TREE', 'CREATE', NOW(6), JSON_OBJECT('user', USER(), 'source', @@server_uuid), JSON_OBJECT());
  INSERT INTO mysql_innodb_cluster_metadata.clusterset_members
    (clusterset_id, view_id, cluster_id, master_cluster_id, primary_cluster, attributes)
    VALUES (cs_id, 1, cluster_id, NULL, TRUE, JSON_OBJECT());
  UPDATE mysql_innodb_cluster_metadata.clusters c SET c.clusterset_id = cs_id WHERE c.cluster_id = cluster_id;
END
//
DROP PROCEDURE IF EXISTS mysql_innodb_cluster_metadata.v2_cs_member_added
//
CREATE PROCEDURE mysql_innodb_cluster_metadata.v2_cs_member_added(
  IN cs_id VARCHAR(36), IN cluster_id VARCHAR(36), IN master_cluster_id VARCHAR(36), IN attributes JSON)
  SQL SECURITY INVOKER
BEGIN
  DECLARE csvid BIGINT UNSIGNED;
  CALL mysql_innodb_cluster_metadata._v2_begin_cs_change(cs_id, 'ADD_CLUSTER', 0, csvid);
  INSERT INTO mysql_innodb_cluster_metadata.clusterset_members
    (clusterset_id, view_id, cluster_id, master_cluster_id, primary_cluster, attributes)
    VALUES (cs_id, csvid, cluster_id, NULLIF(master_cluster_id, ''), FALSE, attributes);
  UPDATE mysql_innodb_cluster_metadata.clusters c SET c.clusterset_id = cs_id WHERE c.cluster_id = cluster_id;
END
//
DROP PROCEDURE IF EXISTS mysql_innodb_cluster_metadata.v2_cs_member_rejoined
//
CREATE PROCEDURE mysql_innodb_cluster_metadata.v2_cs_member_rejoined(
  IN cs_id VARCHAR(36), IN cluster_id VARCHAR(36), IN master_cluster_id VARCHAR(36), IN attributes JSON)
  SQL SECURITY INVOKER
BEGIN
  DECLARE csvid BIGINT UNSIGNED;
  CALL mysql_innodb_cluster_metadata._v2_begin_cs_change(cs_id, 'REJOIN_CLUSTER', 0, csvid);
  INSERT INTO mysql_innodb_cluster_metadata.clusterset_members
    (clusterset_id, view_id, cluster_id, master_cluster_id, primary_cluster, attributes)
    VALUES (cs_id, csvid, cluster_id, NULLIF(master_cluster_id, ''), FALSE, attributes);
END
//
DROP PROCEDURE IF EXISTS mysql_innodb_cluster_metadata.v2_cs_member_removed
//
CREATE PROCEDURE mysql_innodb_cluster_metadata.v2_cs_member_removed(IN cs_id VARCHAR(36), IN cluster_id VARCHAR(36))
  SQL SECURITY INVOKER
BEGIN
  DECLARE csvid BIGINT UNSIGNED;
  CALL mysql_innodb_cluster_metadata._v2_begin_cs_change(cs_id, 'REMOVE_CLUSTER', 0, csvid);
  DELETE FROM mysql_innodb_cluster_metadata.clusterset_members m
    WHERE m.clusterset_id = cs_id AND m.cluster_id = cluster_id AND m.view_id = csvid;
  UPDATE mysql_innodb_cluster_metadata.clusters c SET c.clusterset_id = NULL WHERE c.cluster_id = cluster_id;
END
//
DROP PROCEDURE IF EXISTS mysql_innodb_cluster_metadata.v2_cs_add_invalidated_member
//
CREATE PROCEDURE mysql_innodb_cluster_metadata.v2_cs_add_invalidated_member(IN cs_id VARCHAR(36), IN cluster_id VARCHAR(36))
  SQL SECURITY INVOKER
BEGIN
  DECLARE newest BIGINT UNSIGNED;
  SELECT MAX(v.view_id) INTO newest FROM mysql_innodb_cluster_metadata.clusterset_views v WHERE v.clusterset_id = cs_id;
  DELETE FROM mysql_innodb_cluster_metadata.clusterset_members m
    WHERE m.clusterset_id = cs_id AND m.cluster_id = cluster_id AND m.view_id = newest;
END
//
DROP PROCEDURE IF EXISTS mysql_innodb_cluster_metadata.v2_cs_primary_changed
//
CREATE PROCEDURE mysql_innodb_cluster_metadata.v2_cs_primary_changed(
  IN cs_id VARCHAR(36), IN primary_cluster_id VARCHAR(36), IN primary_attributes JSON)
  SQL SECURITY INVOKER
BEGIN
  DECLARE csvid BIGINT UNSIGNED;
  CALL mysql_innodb_cluster_metadata._v2_begin_cs_change(cs_id, 'SWITCH_PRIMARY', 0, csvid);
  UPDATE mysql_innodb_cluster_metadata.clusterset_members m
    SET m.primary_cluster = (m.cluster_id = primary_cluster_id),
      m.master_cluster_id = IF(m.cluster_id = primary_cluster_id, NULL, primary_cluster_id),
      m.attributes = IF(m.cluster_id = primary_cluster_id, primary_attributes, m.attributes)
    WHERE m.clusterset_id = cs_id AND m.view_id = csvid;
END
//
DROP PROCEDURE IF EXISTS mysql_innodb_cluster_metadata.v2_cs_primary_force_changed
//
CREATE PROCEDURE mysql_innodb_cluster_metadata.v2_cs_primary_force_changed(
  IN cs_id VARCHAR(36), IN primary_cluster_id VARCHAR(36), IN primary_attributes JSON)
  SQL SECURITY INVOKER
BEGIN
  DECLARE csvid BIGINT UNSIGNED;
  CALL mysql_innodb_cluster_metadata._v2_begin_cs_change(cs_id, 'FORCE_PRIMARY', 1, csvid);
  UPDATE mysql_innodb_cluster_metadata.clusterset_members m
    SET m.primary_cluster = (m.cluster_id = primary_cluster_id),
      m.master_cluster_id = IF(m.cluster_id = primary_cluster_id, NULL, primary_cluster_id),
      m.attributes = IF(m.cluster_id = primary_cluster_id, primary_attributes, m.attributes)
    WHERE m.clusterset_id = cs_id AND m.view_id = csvid;
END
//
DROP PROCEDURE IF EXISTS mysql_innodb_cluster_metadata.v2_set_global_cs_router_option
//
CREATE PROCEDURE mysql_innodb_cluster_metadata.v2_set_global_cs_router_option(
  IN id VARCHAR(36), IN option_name VARCHAR(100), IN option_value JSON)
  SQL SECURITY INVOKER
BEGIN
  UPDATE mysql_innodb_cluster_metadata.clustersets s
    SET s.router_options = IF(option_value IS NULL,
      JSON_REMOVE(IFNULL(s.router_options, '{}'), CONCAT('$.', option_name)),
      JSON_SET(IFNULL(s.router_options, '{}'), CONCAT('$.', option_name), option_value))
    WHERE s.clusterset_id = id;
END
//
DROP PROCEDURE IF EXISTS mysql_innodb_cluster_metadata.v2_set_global_cluster_router_option
//
CREATE PROCEDURE mysql_innodb_cluster_metadata.v2_set_global_cluster_router_option(
  IN id VARCHAR(36), IN option_name VARCHAR(100), IN option_value JSON)
  SQL SECURITY INVOKER
BEGIN
  UPDATE mysql_innodb_cluster_metadata.clusters c
    SET c.router_options = IF(option_value IS NULL,
      JSON_REMOVE(IFNULL(c.router_options, '{}'), CONCAT('$.', option_name)),
      JSON_SET(IFNULL(c.router_options, '{}'), CONCAT('$.', option_name), option_value))
    WHERE c.cluster_id = id;
END
//
DROP PROCEDURE IF EXISTS mysql_innodb_cluster_metadata.v2_set_cs_routing_option
//
CREATE PROCEDURE mysql_innodb_cluster_metadata.v2_set_cs_routing_option(
  IN router VARCHAR(512), IN clusterset_id VARCHAR(36), IN option_name VARCHAR(100), IN option_value JSON)
  SQL SECURITY INVOKER
BEGIN
  IF NOT EXISTS (SELECT 1 FROM mysql_innodb_cluster_metadata.routers r
    WHERE CONCAT(CONVERT(r.address USING utf8mb4), '::', r.router_name) = router AND r.clusterset_id = clusterset_id) THEN
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'There is no such router in the ClusterSet';
  END IF;
  UPDATE mysql_innodb_cluster_metadata.routers r
    SET r.options = IF(option_value IS NULL,
      JSON_REMOVE(IFNULL(r.options, '{}'), CONCAT('$.', option_name)),
      JSON_SET(IFNULL(r.options, '{}'), CONCAT('$.', option_name), option_value))
    WHERE CONCAT(CONVERT(r.address USING utf8mb4), '::', r.router_name) = router AND r.clusterset_id = clusterset_id;
END
//
DROP PROCEDURE IF EXISTS mysql_innodb_cluster_metadata.v2_set_cluster_routing_option
//
CREATE PROCEDURE mysql_innodb_cluster_metadata.v2_set_cluster_routing_option(
  IN router VARCHAR(512), IN cluster_id VARCHAR(36), IN option_name VARCHAR(100), IN option_value JSON)
  SQL SECURITY INVOKER
BEGIN
  IF NOT EXISTS (SELECT 1 FROM mysql_innodb_cluster_metadata.routers r
    WHERE CONCAT(CONVERT(r.address USING utf8mb4), '::', r.router_name) = router AND r.cluster_id = cluster_id) THEN
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'There is no such router in the cluster';
  END IF;
  UPDATE mysql_innodb_cluster_metadata.routers r
    SET r.options = IF(option_value IS NULL,
      JSON_REMOVE(IFNULL(r.options, '{}'), CONCAT('$.', option_name)),
      JSON_SET(IFNULL(r.options, '{}'), CONCAT('$.', option_name), option_value))
    WHERE CONCAT(CONVERT(r.address USING utf8mb4), '::', r.router_name) = router AND r.cluster_id = cluster_id;
END
//
