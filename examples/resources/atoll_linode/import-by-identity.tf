# The number alone: the machine's host key stands in the configuration, as host_key.
import {
  to = atoll_linode.sg1
  identity = {
    id = "1234"
  }
}
