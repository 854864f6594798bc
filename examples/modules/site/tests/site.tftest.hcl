# No server is reached: the provider is a mock. `make check` runs this file; what
# it takes to run on real servers is in internal/acceptance.

mock_provider "atoll" {
  # Where an answer has to make sense to those who take it.
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
  nodes = {
    hk1 = {
      roles        = ["database", "router"]
      mesh_address = "10.77.0.11"
      ssh          = { host = "203.0.113.11", host_key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIN+BKQXTY+cPtK3EW+P/7sLf2nwaUaUAs5NJiqVcSjhH", user = "admin", port = 2222, key = "office" }
    }
    hk2 = {
      roles        = ["database"]
      mesh_address = "10.77.0.12"
      ssh          = { host = "10.0.0.12", host_key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIN+BKQXTY+cPtK3EW+P/7sLf2nwaUaUAs5NJiqVcSjhH", jumps = [{ host = "203.0.113.11", user = "admin" }] }
      endpoint     = "203.0.113.12"
      memory_mib   = 1024
    }
    sg1  = { roles = ["database"], mesh_address = "10.77.0.13", ssh = { host = "198.51.100.13" } }
    app1 = { roles = ["router"], mesh_address = "10.77.0.21", ssh = { host = "203.0.113.21" } }
    mail = { mesh_address = "10.77.0.31", ssh = { host = "203.0.113.31" } }
  }
}

run "roles_decide_what_is_where" {
  assert {
    condition     = toset(keys(atoll_host.node)) == toset(["hk1", "hk2", "sg1", "app1", "mail"])
    error_message = "Every node is a host."
  }
  assert {
    condition     = toset(keys(atoll_mesh.site.peers)) == toset(["hk1", "hk2", "sg1", "app1", "mail"])
    error_message = "Every node is in the mesh."
  }
  assert {
    condition     = toset(keys(atoll_mysql_cluster.main.members)) == toset(["hk1", "hk2", "sg1"])
    error_message = "The nodes with the role database are the members of the cluster."
  }
  assert {
    condition     = toset(keys(output.endpoints)) == toset(["hk1", "app1"])
    error_message = "The nodes with the role router carry one, a database among them."
  }
  assert {
    condition     = atoll_host.node["hk1"].packages == toset(["tinc", "iputils-ping", "openssl", "mysql-server", "mysql-router"])
    error_message = "A node with two roles gets the packages of both."
  }
}

run "each_server_is_reached_in_its_own_way" {
  assert {
    condition     = output.ssh["hk1"].user == "admin" && output.ssh["hk1"].port == 2222 && output.ssh["hk1"].key == "office"
    error_message = "User, port and key of a node are those that were given."
  }
  assert {
    condition     = atoll_mysql_server.database["hk2"].ssh.jumps[0].host == "203.0.113.11" && atoll_mesh_peer.node["hk2"].endpoint == "203.0.113.12"
    error_message = "Jumps and endpoint of a node are those that were given."
  }
  assert {
    condition     = atoll_mysql_server.database["hk2"].memory_mib == 1024 && atoll_mysql_server.database["sg1"].memory_mib == null
    error_message = "memory_mib of a node is what was given, and nothing otherwise."
  }
}

run "host_names_are_left_alone" {
  variables {
    set_hostnames = false
  }
  assert {
    condition     = alltrue([for host in atoll_host.node : host.hostname == null])
    error_message = "set_hostnames = false leaves the host names alone."
  }
}

run "refuses_an_unknown_role" {
  command = plan
  variables {
    nodes = { a = { roles = ["databse"], mesh_address = "10.77.0.1", ssh = { host = "203.0.113.11" } } }
  }
  expect_failures = [var.nodes]
}

run "refuses_a_site_without_a_database" {
  command = plan
  variables {
    nodes = { a = { roles = ["router"], mesh_address = "10.77.0.1", ssh = { host = "203.0.113.11" } } }
  }
  expect_failures = [var.nodes]
}

run "refuses_one_mesh_address_for_two" {
  command = plan
  variables {
    nodes = {
      a = { roles = ["database"], mesh_address = "10.77.0.1", ssh = { host = "203.0.113.11" } }
      b = { roles = ["database"], mesh_address = "10.77.0.1", ssh = { host = "203.0.113.12" } }
    }
  }
  expect_failures = [var.nodes]
}

run "refuses_a_mesh_address_with_a_prefix" {
  command = plan
  variables {
    nodes = { a = { roles = ["database"], mesh_address = "10.77.0.1/24", ssh = { host = "203.0.113.11" } } }
  }
  expect_failures = [var.nodes]
}

run "refuses_a_name_that_is_no_host_name" {
  command = plan
  variables {
    nodes = { "a_b" = { roles = ["database"], mesh_address = "10.77.0.1", ssh = { host = "203.0.113.11" } } }
  }
  expect_failures = [var.nodes]
}

run "refuses_names_and_networks_that_cannot_be" {
  command = plan
  variables {
    name         = "averyveryverylongname"
    cidr         = "10.77.0.5/24"
    cluster_name = "1 main"
  }
  expect_failures = [var.name, var.cidr, var.cluster_name]
}
