# No server is reached: the provider is a mock. `make check` runs this file; what
# it takes to run on real servers is in internal/acceptance.

mock_provider "atoll" {
  # Where an answer has to make sense to those who take it.
  mock_resource "atoll_mesh_peer" {
    defaults = {
      peer = { mesh = "site", name = "a", address = "10.77.0.1", endpoint = "203.0.113.11", port = 655, public_key = "AAAA", ssh = { host = "203.0.113.11", port = 22, user = "root", host_key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIN+BKQXTY+cPtK3EW+P/7sLf2nwaUaUAs5NJiqVcSjhH", key = "default", jumps = [] } }
    }
  }
}

variables {
  nodes = {
    hk1 = { address = "10.77.0.11", ssh = { host = "203.0.113.11", user = "admin" } }
    hk2 = { address = "10.77.0.12", ssh = { host = "10.0.0.12", jumps = [{ host = "203.0.113.11" }] }, endpoint = "203.0.113.12", port = 1655 }
  }
}

run "every_node_is_in_the_mesh" {
  assert {
    condition     = toset(keys(atoll_mesh.site.peers)) == toset(["hk1", "hk2"]) && atoll_mesh.site.cidr == "10.77.0.0/24"
    error_message = "Every node is a peer of the mesh."
  }
  assert {
    condition     = alltrue([for peer in atoll_mesh_peer.node : peer.mesh == atoll_mesh.site.name])
    error_message = "Every peer belongs to the mesh of its name."
  }
  assert {
    condition     = atoll_mesh_peer.node["hk2"].endpoint == "203.0.113.12" && atoll_mesh_peer.node["hk2"].port == 1655
    error_message = "Endpoint and port of a node are those that were given."
  }
  assert {
    condition     = atoll_mesh_peer.node["hk1"].address == "10.77.0.11" && atoll_mesh_peer.node["hk1"].ssh.user == "admin"
    error_message = "Address and login of a node are those that were given."
  }
}

run "refuses_a_mesh_of_nobody" {
  command = plan
  variables {
    nodes = {}
  }
  expect_failures = [var.nodes]
}

run "refuses_one_address_for_two" {
  command = plan
  variables {
    nodes = {
      a = { address = "10.77.0.1", ssh = { host = "203.0.113.11" } }
      b = { address = "10.77.0.1", ssh = { host = "203.0.113.12" } }
    }
  }
  expect_failures = [var.nodes]
}

run "refuses_what_is_no_address" {
  command = plan
  variables {
    nodes = { a = { address = "10.77.0.300", ssh = { host = "203.0.113.11" } } }
  }
  expect_failures = [var.nodes]
}

run "refuses_a_name_that_no_peer_can_have" {
  command = plan
  variables {
    nodes = { "a b" = { address = "10.77.0.1", ssh = { host = "203.0.113.11" } } }
  }
  expect_failures = [var.nodes]
}

run "refuses_names_and_networks_that_cannot_be" {
  command = plan
  variables {
    name = "averyveryverylongname"
    cidr = "10.77.0.5/24"
  }
  expect_failures = [var.name, var.cidr]
}
