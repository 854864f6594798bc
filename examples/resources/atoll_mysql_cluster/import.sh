terraform import atoll_mysql_cluster.main main
