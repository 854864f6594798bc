# By number or by label.
terraform import atoll_linode_firewall.site site
