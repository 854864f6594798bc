# What sg1 alone holds is saved and given up; it gets the group's data:
#   terraform apply -invoke=action.atoll_mysql_reset_member.sg1
action "atoll_mysql_reset_member" "sg1" {
  config {
    cluster = atoll_mysql_cluster.main.routing
    member  = "sg1"

    # As the line DIVERGED of the cluster's drift shows it.
    discard_transactions = "3e11fa47-71ca-11e1-9e33-c80aa9429562:1-5"
    discard_schemas      = ["scratch"]
  }
}
