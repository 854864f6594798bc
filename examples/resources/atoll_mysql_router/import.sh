terraform import atoll_mysql_router.app1 "203.0.113.21 ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIN+BKQXTY+cPtK3EW+P/7sLf2nwaUaUAs5NJiqVcSjhH"
