import {
  to = atoll_mysql_cluster.main
  identity = {
    name = "main"
  }
}
