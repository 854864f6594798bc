resource "atoll_mysql_cluster" "main" {
  name = "main"
  members = {
    hk1 = atoll_mysql_server.hk1.member
    hk2 = atoll_mysql_server.hk2.member
    sg1 = atoll_mysql_server.sg1.member
  }
}
