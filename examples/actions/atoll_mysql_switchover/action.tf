# hk2 takes writes, before hk1 is worked on:
#   terraform apply -invoke=action.atoll_mysql_switchover.to_hk2
action "atoll_mysql_switchover" "to_hk2" {
  config {
    cluster = atoll_mysql_cluster.main.routing
    primary = "hk2"
  }
}
