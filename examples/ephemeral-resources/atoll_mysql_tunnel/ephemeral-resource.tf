# A way to whoever takes writes, for as long as Terraform runs.
ephemeral "atoll_mysql_tunnel" "primary" {
  cluster = atoll_mysql_cluster.main.routing
}

# Another provider takes it as its address. Its account is one that you made, such
# as by hand on the primary:
#   CREATE USER terraform@'%' IDENTIFIED BY '…' REQUIRE SSL;
#   GRANT CREATE USER ON *.* TO terraform@'%';
#   GRANT SELECT ON mysql.* TO terraform@'%';
#   GRANT ALL ON shop.* TO terraform@'%' WITH GRANT OPTION;
#
#   provider "mysql" {
#     endpoint = ephemeral.atoll_mysql_tunnel.primary.endpoint
#     username = "terraform"
#     password = var.mysql_password
#     tls      = "skip-verify"
#   }
