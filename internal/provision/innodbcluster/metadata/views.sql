-- The published views. SQL SECURITY INVOKER: a router's account reads with its
-- own rights, and no definer has to exist.
CREATE OR REPLACE SQL SECURITY INVOKER VIEW mysql_innodb_cluster_metadata.v2_clusters AS
  SELECT c.cluster_type, c.primary_mode, c.cluster_id, c.cluster_name, c.router_options
  FROM mysql_innodb_cluster_metadata.clusters c;

CREATE OR REPLACE SQL SECURITY INVOKER VIEW mysql_innodb_cluster_metadata.v2_gr_clusters AS
  SELECT c.cluster_type, c.primary_mode, c.cluster_id, c.cluster_name,
    c.attributes ->> '$.group_replication_group_name' AS group_name,
    c.attributes, c.options, c.router_options, c.description, c.clusterset_id
  FROM mysql_innodb_cluster_metadata.clusters c
  WHERE c.cluster_type = 'gr';

CREATE OR REPLACE SQL SECURITY INVOKER VIEW mysql_innodb_cluster_metadata.v2_instances AS
  SELECT i.instance_id, i.cluster_id, i.instance_name AS label, i.mysql_server_uuid, i.address,
    i.addresses ->> '$.mysqlClassic' AS endpoint, i.addresses ->> '$.mysqlX' AS xendpoint,
    JSON_INSERT(IFNULL(i.attributes, JSON_OBJECT()), '$.instance_type', i.instance_type) AS attributes,
    i.instance_type
  FROM mysql_innodb_cluster_metadata.instances i;

CREATE OR REPLACE SQL SECURITY INVOKER VIEW mysql_innodb_cluster_metadata.v2_this_instance AS
  SELECT i.cluster_id, i.instance_id, i.instance_type, c.cluster_name, c.cluster_type
  FROM mysql_innodb_cluster_metadata.instances i
  JOIN mysql_innodb_cluster_metadata.clusters c ON c.cluster_id = i.cluster_id
  WHERE i.mysql_server_uuid = (
    SELECT CONVERT(g.variable_value USING utf8mb4) COLLATE utf8mb4_0900_ai_ci
    FROM performance_schema.global_variables g WHERE g.variable_name = 'server_uuid');

CREATE OR REPLACE SQL SECURITY INVOKER VIEW mysql_innodb_cluster_metadata.v2_ar_clusters AS
  SELECT v.view_id, c.cluster_type, c.primary_mode, v.topology_type AS async_topology_type, c.cluster_id, c.cluster_name,
    c.attributes, c.options, c.router_options, c.description, c.clusterset_id
  FROM mysql_innodb_cluster_metadata.clusters c
  JOIN mysql_innodb_cluster_metadata.async_cluster_views v ON v.cluster_id = c.cluster_id
  WHERE c.cluster_type = 'ar' AND v.view_id = (
    SELECT MAX(newest.view_id) FROM mysql_innodb_cluster_metadata.async_cluster_views newest WHERE newest.cluster_id = c.cluster_id);

CREATE OR REPLACE SQL SECURITY INVOKER VIEW mysql_innodb_cluster_metadata.v2_ar_members AS
  SELECT m.view_id, i.cluster_id, i.instance_id, i.instance_name AS label, i.mysql_server_uuid AS member_id,
    IF(m.primary_master, 'PRIMARY', 'SECONDARY') AS member_role,
    m.master_instance_id, above.mysql_server_uuid AS master_member_id
  FROM mysql_innodb_cluster_metadata.instances i
  LEFT JOIN mysql_innodb_cluster_metadata.async_cluster_members m ON m.cluster_id = i.cluster_id AND m.instance_id = i.instance_id
  LEFT JOIN mysql_innodb_cluster_metadata.instances above ON above.instance_id = m.master_instance_id
  WHERE m.view_id = (
    SELECT MAX(newest.view_id) FROM mysql_innodb_cluster_metadata.async_cluster_views newest WHERE newest.cluster_id = i.cluster_id);

CREATE OR REPLACE SQL SECURITY INVOKER VIEW mysql_innodb_cluster_metadata.v2_cs_clustersets AS
  SELECT v.view_id, v.topology_type AS async_topology_type, s.clusterset_id, s.domain_name, s.attributes, s.options, s.router_options
  FROM mysql_innodb_cluster_metadata.clustersets s
  JOIN mysql_innodb_cluster_metadata.clusterset_views v ON v.clusterset_id = s.clusterset_id
  WHERE v.view_id = (
    SELECT MAX(newest.view_id) FROM mysql_innodb_cluster_metadata.clusterset_views newest WHERE newest.clusterset_id = s.clusterset_id);

CREATE OR REPLACE SQL SECURITY INVOKER VIEW mysql_innodb_cluster_metadata.v2_cs_members AS
  SELECT latest.view_id, c.clusterset_id, c.cluster_id, c.cluster_name,
    IF(m.cluster_id IS NULL, NULL, IF(m.primary_cluster, 'PRIMARY', 'REPLICA')) AS member_role,
    m.master_cluster_id, m.cluster_id IS NULL AS invalidated
  FROM (
    SELECT v.clusterset_id, MAX(v.view_id) AS view_id FROM mysql_innodb_cluster_metadata.clusterset_views v GROUP BY v.clusterset_id
  ) latest
  LEFT JOIN mysql_innodb_cluster_metadata.clusters c ON c.clusterset_id = latest.clusterset_id
  LEFT JOIN mysql_innodb_cluster_metadata.clusterset_members m
    ON m.clusterset_id = c.clusterset_id AND m.cluster_id = c.cluster_id AND m.view_id = latest.view_id
  WHERE c.clusterset_id IS NOT NULL;

CREATE OR REPLACE SQL SECURITY INVOKER VIEW mysql_innodb_cluster_metadata.v2_routers AS
  SELECT r.router_id, r.cluster_id, r.router_name, r.product_name, r.address, r.version, r.last_check_in, r.attributes, r.options, r.clusterset_id
  FROM mysql_innodb_cluster_metadata.routers r;

CREATE OR REPLACE SQL SECURITY INVOKER VIEW mysql_innodb_cluster_metadata.v2_router_rest_accounts AS
  SELECT a.cluster_id, a.user, a.authentication_method, a.authentication_string, a.description, a.privileges, a.attributes
  FROM mysql_innodb_cluster_metadata.router_rest_accounts a;

CREATE OR REPLACE SQL SECURITY INVOKER VIEW mysql_innodb_cluster_metadata.v2_cs_router_options AS
  SELECT r.router_id, CONCAT(CONVERT(r.address USING utf8mb4), '::', r.router_name) AS router_label, r.clusterset_id,
    JSON_MERGE_PATCH(
      IFNULL((SELECT s.router_options FROM mysql_innodb_cluster_metadata.clustersets s WHERE s.clusterset_id = r.clusterset_id), '{}'),
      IFNULL(r.options, '{}')) AS router_options
  FROM mysql_innodb_cluster_metadata.routers r;

CREATE OR REPLACE SQL SECURITY INVOKER VIEW mysql_innodb_cluster_metadata.v2_router_options AS
  SELECT r.router_id, CONCAT(CONVERT(r.address USING utf8mb4), '::', r.router_name) AS router_label, r.cluster_id, r.clusterset_id,
    JSON_MERGE_PATCH(
      IFNULL((SELECT s.router_options FROM mysql_innodb_cluster_metadata.clustersets s WHERE s.clusterset_id = r.clusterset_id), '{}'),
      IFNULL((SELECT c.router_options FROM mysql_innodb_cluster_metadata.clusters c WHERE c.cluster_id = r.cluster_id), '{}'),
      IFNULL(r.options, '{}')) AS router_options
  FROM mysql_innodb_cluster_metadata.routers r;
