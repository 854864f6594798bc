# No server is reached: the provider is a mock. `make check` runs this file; what
# it takes to run on real servers is in internal/acceptance.

mock_provider "atoll" {
  # Where an answer has to make sense to those who take it.
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
  databases = {
    hk1 = { address = "10.77.0.11", ssh = { host = "203.0.113.11", user = "admin" } }
    hk2 = { address = "10.77.0.12", ssh = { host = "203.0.113.12" }, memory_mib = 1024 }
    sg1 = { address = "10.77.0.13", ssh = { host = "198.51.100.13" } }
  }
  routers = {
    hk1  = { ssh = { host = "203.0.113.11", user = "admin" } }
    app1 = { ssh = { host = "203.0.113.21" } }
  }
  settings = { max_connections = "200" }
}

run "members_and_routers" {
  assert {
    condition     = toset(keys(atoll_mysql_cluster.main.members)) == toset(["hk1", "hk2", "sg1"])
    error_message = "Every database is a member of the cluster."
  }
  assert {
    condition     = toset(keys(output.endpoints)) == toset(["hk1", "app1"])
    error_message = "A router may stand on a database's server and elsewhere."
  }
  assert {
    condition     = alltrue([for server in atoll_mysql_server.database : server.settings["max_connections"] == "200" && server.mesh == null])
    error_message = "Every database has the settings, and without a mesh none."
  }
  assert {
    condition     = atoll_mysql_server.database["hk2"].memory_mib == 1024 && atoll_mysql_server.database["hk1"].ssh.user == "admin"
    error_message = "What was given for one database goes to that one."
  }
}

run "starts_after_its_mesh" {
  variables {
    mesh = "site"
  }
  assert {
    condition     = alltrue([for server in atoll_mysql_server.database : server.mesh == "site"])
    error_message = "Every database starts after the mesh."
  }
}

run "refuses_a_cluster_of_nobody" {
  command = plan
  variables {
    databases = {}
  }
  expect_failures = [var.databases]
}

run "refuses_ten" {
  command = plan
  variables {
    databases = { for number in range(10) : "db${number}" => { address = "10.77.0.${number + 1}", ssh = { host = "203.0.113.${number + 1}" } } }
  }
  expect_failures = [var.databases]
}

run "refuses_one_address_for_two" {
  command = plan
  variables {
    databases = {
      a = { address = "10.77.0.1", ssh = { host = "203.0.113.11" } }
      b = { address = "10.77.0.1", ssh = { host = "203.0.113.12" } }
    }
  }
  expect_failures = [var.databases]
}

run "refuses_a_name_for_an_address" {
  command = plan
  variables {
    databases = { a = { address = "db.example", ssh = { host = "203.0.113.11" } } }
  }
  expect_failures = [var.databases]
}

run "refuses_a_name_that_routers_do_not_take" {
  command = plan
  variables {
    name = "1 main"
  }
  expect_failures = [var.name]
}

run "goes_on_as_it_is_told" {
  command = plan
  variables {
    databases        = { for number, name in ["a", "b", "c"] : name => { address = "10.77.0.${number + 1}", ssh = { host = "203.0.113.1${number}" } } }
    failover         = "fast"
    quorum_survivors = ["a"]
  }
  assert {
    condition     = atoll_mysql_cluster.main.failover == "fast" && atoll_mysql_cluster.main.quorum_survivors == toset(["a"])
    error_message = "The cluster has both."
  }
}

run "refuses_a_pace_that_there_is_not" {
  command = plan
  variables {
    failover = "faster"
  }
  expect_failures = [var.failover]
}
