# hk1 comes back, after it was worked on:
#   terraform apply -invoke=action.atoll_mysql_rejoin.hk1
action "atoll_mysql_rejoin" "hk1" {
  config {
    cluster = atoll_mysql_cluster.main.routing
    member  = "hk1"
  }
}
