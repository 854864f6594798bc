# How the cluster is, also when it is not well.
data "atoll_mysql_cluster_status" "now" {
  cluster = atoll_mysql_cluster.main.routing
}

# A plan warns unless all members take part, and goes on.
check "cluster" {
  assert {
    condition     = data.atoll_mysql_cluster_status.now.state == "ONLINE"
    error_message = data.atoll_mysql_cluster_status.now.summary
  }
}

output "behind" {
  value = { for name, member in data.atoll_mysql_cluster_status.now.members : name => member.behind }
}
