# No server is reached: the provider is a mock. What it takes to run on three real
# servers is in internal/acceptance.

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
  user          = "admin"
  sudo_password = "never sent"
  servers = {
    one   = { host = "203.0.113.11", mesh_address = "10.77.0.1", host_key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIN+BKQXTY+cPtK3EW+P/7sLf2nwaUaUAs5NJiqVcSjhH" }
    two   = { host = "203.0.113.12", mesh_address = "10.77.0.2", host_key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIN+BKQXTY+cPtK3EW+P/7sLf2nwaUaUAs5NJiqVcSjhH" }
    three = { host = "198.51.100.13", mesh_address = "10.77.0.3", host_key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIN+BKQXTY+cPtK3EW+P/7sLf2nwaUaUAs5NJiqVcSjhH" }
  }
}

run "each_is_a_database_and_a_router" {
  assert {
    condition     = toset(keys(output.database)) == toset(["one", "two", "three"])
    error_message = "Each server carries a router."
  }
  assert {
    condition     = alltrue([for ssh in module.site.ssh : ssh.user == "admin"])
    error_message = "Each server is reached as the user that was given."
  }
}

run "takes_a_repository_with_its_key_in_a_file" {
  variables {
    package_sources = {
      other = { uris = ["https://repo.example/debian"], suites = ["trixie"], components = ["main"], key_file = "tests/repo.asc", fingerprint = "011B AA84 2FCA EB18 5798 B693 30F5 06F7 DFC3 E73C" }
    }
  }
  assert {
    condition     = toset(keys(output.database)) == toset(["one", "two", "three"])
    error_message = "The key is read and is the one of the fingerprint, and the site is the same."
  }
}
