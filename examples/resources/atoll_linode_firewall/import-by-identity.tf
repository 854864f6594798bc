import {
  to = atoll_linode_firewall.site
  identity = {
    id = "1234"
  }
}
