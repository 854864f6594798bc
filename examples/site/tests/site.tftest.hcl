# No server is reached and none is made: the provider is a mock. `make demo` does
# the same to the hosts of a lab.

mock_provider "atoll" {
  # Where an answer has to make sense to those who take it.
  mock_resource "atoll_linode" {
    defaults = {
      ssh   = { host = "198.51.100.100", port = 22, user = "root", host_key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIN+BKQXTY+cPtK3EW+P/7sLf2nwaUaUAs5NJiqVcSjhH", key = "default", jumps = [] }
      specs = { memory_mib = 2048, vcpus = 1, disk_mib = 51200, transfer_gb = 2000 }
    }
  }

  mock_resource "atoll_mesh_peer" {
    defaults = {
      peer = { mesh = "site", name = "a", address = "10.77.0.1", endpoint = "203.0.113.11", port = 655, public_key = "AAAA", ssh = { host = "203.0.113.11", port = 22, user = "root", host_key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIN+BKQXTY+cPtK3EW+P/7sLf2nwaUaUAs5NJiqVcSjhH", key = "default", jumps = [] } }
    }
  }

  mock_resource "atoll_mysql_server" {
    defaults = {
      member = { address = "10.77.0.1", port = 3306, server_id = 7, mesh = "site", ssh = { host = "203.0.113.11", port = 22, user = "root", host_key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIN+BKQXTY+cPtK3EW+P/7sLf2nwaUaUAs5NJiqVcSjhH", key = "default", jumps = [] } }
    }
  }

  mock_resource "atoll_mysql_cluster" {
    defaults = {
      routing = { cluster = "main", cluster_id = "7", members = { a = { address = "10.77.0.1", port = 3306, server_id = 7, mesh = "site", ssh = { host = "203.0.113.11", port = 22, user = "root", host_key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIN+BKQXTY+cPtK3EW+P/7sLf2nwaUaUAs5NJiqVcSjhH", key = "default", jumps = [] } } } }
    }
  }
}

variables {
  ssh_key_file = "./tests/key"
  nodes = {
    hk1  = { roles = ["database"], mesh_address = "10.77.0.11", ssh = { host = "203.0.113.11", host_key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIN+BKQXTY+cPtK3EW+P/7sLf2nwaUaUAs5NJiqVcSjhH" } }
    hk2  = { roles = ["database"], mesh_address = "10.77.0.12", ssh = { host = "203.0.113.12", host_key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIN+BKQXTY+cPtK3EW+P/7sLf2nwaUaUAs5NJiqVcSjhH" } }
    app1 = { roles = ["router"], mesh_address = "10.77.0.21", ssh = { host = "203.0.113.21", host_key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIN+BKQXTY+cPtK3EW+P/7sLf2nwaUaUAs5NJiqVcSjhH" } }
    app2 = { roles = ["router"], mesh_address = "10.77.0.22", ssh = { host = "203.0.113.22", host_key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIN+BKQXTY+cPtK3EW+P/7sLf2nwaUaUAs5NJiqVcSjhH" } }
  }
  linodes = {
    sg1 = { roles = ["database"], mesh_address = "10.77.0.13", region = "ap-south", type = "g6-standard-1" }
  }
}

run "a_linode_is_a_node_like_any_other" {
  assert {
    condition     = toset(keys(module.site.databases)) == toset(["hk1", "hk2", "sg1"])
    error_message = "The Linode is a member of the cluster."
  }
  assert {
    condition     = module.site.ssh["sg1"].host == "198.51.100.100"
    error_message = "The Linode is reached as its resource says."
  }
  assert {
    condition     = toset(keys(output.routers)) == toset(["app1", "app2"])
    error_message = "Each application has its router."
  }
}
