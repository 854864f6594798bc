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
    condition     = toset(keys(output.peers)) == toset(["hk1", "hk2", "sg1", "app1", "mail"]) && toset(keys(output.members)) == toset(["hk1", "hk2", "sg1"])
    error_message = "What an atoll_site_status takes has every node and every database."
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

run "packages_come_from_what_the_servers_have" {
  assert {
    condition     = alltrue([for host in atoll_host.node : host.apt_sources == null])
    error_message = "Without sources nothing is declared of any."
  }
  assert {
    condition     = atoll_mysql_server.database["hk1"].package == "mysql-server" && atoll_mysql_router.application["hk1"].package == "mysql-router"
    error_message = "The packages are those of the distribution."
  }
}

run "packages_come_from_a_repository" {
  variables {
    package_sources = {
      lab = { uris = ["http://repo.example"], suites = ["trixie"], components = ["main"], pin = { priority = 700 } }
    }
    mysql_package = "mysql-server-9.7"
  }
  assert {
    condition     = alltrue([for host in atoll_host.node : toset(keys(host.apt_sources)) == toset(["lab"]) && host.apt_sources["lab"].pin.priority == 700])
    error_message = "Every server has the source."
  }
  assert {
    condition     = contains(atoll_host.node["sg1"].packages, "mysql-server-9.7") && atoll_mysql_server.database["sg1"].package == "mysql-server-9.7"
    error_message = "The server's package is the one that was given."
  }
}

run "packages_are_mysqls_own" {
  variables {
    mysql_repository = {
      suite       = "trixie"
      fingerprint = "011B AA84 2FCA EB18 5798 B693 30F5 06F7 DFC3 E73C"
      key         = <<-END
        -----BEGIN PGP PUBLIC KEY BLOCK-----

        mDMEawdfVRYJKwYBBAHaRw8BAQdAM7LTkI61u07sZwfJRnM8xI9wxSnGNgvwFL7c
        iIy4tNC0DkF0b2xsIHRlc3Qgb25liJAEExYIADgWIQQBG6qEL8rrGFeYtpMw9Qb3
        38PnPAUCawdfVQIbAwULCQgHAgYVCgkICwIEFgIDAQIeAQIXgAAKCRAw9Qb338Pn
        PIWNAP4uYvbuROQ9hctm+PpITh118jL4ZR45VVcMyt0JMr2xdAEAsyv7CUJFFhj1
        yt4snrM+BtBhKpodllPOKzPSOsaxpgw=
        =uc8N
        -----END PGP PUBLIC KEY BLOCK-----
      END
    }
  }
  assert {
    condition     = alltrue([for host in atoll_host.node : host.apt_sources["mysql"].uris == toset(["https://repo.mysql.com/apt/debian"]) && host.apt_sources["mysql"].components == toset(["mysql-8.4-lts", "mysql-tools"])])
    error_message = "Every server has MySQL's repository, of the LTS series."
  }
  assert {
    condition     = atoll_host.node["hk1"].packages == toset(["tinc", "iputils-ping", "openssl", "mysql-community-server", "mysql-router-community"])
    error_message = "MySQL's own packages have names of their own."
  }
  assert {
    condition     = atoll_mysql_server.database["hk1"].package == "mysql-community-server" && atoll_mysql_router.application["app1"].package == "mysql-router-community"
    error_message = "Server and router are of MySQL's own packages."
  }
}

run "refuses_a_distribution_that_mysql_does_not_know" {
  command = plan
  variables {
    mysql_repository = { suite = "41", distribution = "fedora", key = "" }
  }
  expect_failures = [var.mysql_repository]
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

run "goes_on_as_it_is_told" {
  command = plan
  variables {
    failover         = "patient"
    quorum_survivors = ["sg1"]
  }
  assert {
    condition     = atoll_mysql_cluster.main.failover == "patient" && atoll_mysql_cluster.main.quorum_survivors == toset(["sg1"])
    error_message = "The cluster has both."
  }
}
