# hk1 and hk2 are gone for good, and sg1 goes on without them:
#   terraform apply -invoke=action.atoll_mysql_force_quorum.sg1
action "atoll_mysql_force_quorum" "sg1" {
  config {
    cluster          = atoll_mysql_cluster.main.routing
    quorum_survivors = ["sg1"]
  }
}
