mock_provider "atoll" {
  # What a mock makes up of a port or a key is none.
  mock_resource "atoll_linode" {
    defaults = {
      ssh = {
        host     = "203.0.113.31"
        host_key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIN+BKQXTY+cPtK3EW+P/7sLf2nwaUaUAs5NJiqVcSjhH"
        port     = 22
        user     = "root"
        key      = "default"
        jumps    = []
      }
    }
  }
}

run "plan" {
  command = plan
}

run "apply" {
  assert {
    condition     = length(atoll_mesh.by_merge.peers) == 3 && length(atoll_mysql_cluster.by_module.members) == 2
    error_message = "A map lost an entry."
  }
}
