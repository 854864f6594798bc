# Machines that other providers make become nodes by their address and SSH host
# key: Atoll does not care who made them. Here a VPS that is managed with Linode's
# own provider, one at another cloud, and a rented physical machine.
#
# A machine from another provider shows its host key to nobody in advance. Bring
# one with its user data, as below; that key stays in the state, so replace it on
# the machine when the site stands, and change it here.

terraform {
  required_providers {
    atoll = {
      source = "atollhq/atoll"
    }
    linode = {
      source = "linode/linode"
    }
    hcloud = {
      source = "hetznercloud/hcloud"
    }
    tls = {
      source = "hashicorp/tls"
    }
  }
}

# The other providers' tokens come from the environment: LINODE_TOKEN and HCLOUD_TOKEN.
provider "atoll" {
  ssh = {
    key_files = { default = "~/.ssh/id_ed25519" }
  }
}

locals {
  login     = trimspace(file("~/.ssh/id_ed25519.pub"))
  elsewhere = toset(["sg1", "fsn1"])
  # JSON is YAML, too, and nothing of the key's lines can be lost in it.
  user_data = { for name in local.elsewhere : name => join("\n", ["#cloud-config", jsonencode({
    ssh_deletekeys = true
    ssh_keys = {
      ed25519_private = tls_private_key.host[name].private_key_openssh
      ed25519_public  = trimspace(tls_private_key.host[name].public_key_openssh)
    }
    ssh_authorized_keys = [local.login]
  })]) }
}

resource "tls_private_key" "host" {
  for_each  = local.elsewhere
  algorithm = "ED25519"
}

resource "linode_instance" "sg1" {
  label           = "sg1"
  region          = "ap-south"
  type            = "g6-standard-1"
  image           = "linode/debian13"
  authorized_keys = [local.login]
  metadata {
    user_data = base64encode(local.user_data["sg1"])
  }
}

resource "hcloud_server" "fsn1" {
  name        = "fsn1"
  server_type = "cx22"
  location    = "fsn1"
  image       = "debian-13"
  user_data   = local.user_data["fsn1"]
}

resource "atoll_host" "sg1" {
  hostname = "sg1"
  ssh = {
    host     = one(linode_instance.sg1.ipv4)
    host_key = trimspace(tls_private_key.host["sg1"].public_key_openssh)
  }
}

resource "atoll_host" "fsn1" {
  hostname = "fsn1"
  ssh = {
    host     = hcloud_server.fsn1.ipv4_address
    host_key = trimspace(tls_private_key.host["fsn1"].public_key_openssh)
  }
}

# The hoster's mail says the fingerprint; ssh-keyscan and a look at the console
# give the key.
resource "atoll_host" "hk1" {
  hostname = "hk1"
  ssh = {
    host     = "203.0.113.11"
    host_key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIODemPSmCiN57xuhwV5DI/saEWet9DMN/vL3zZZ41wq+"
  }
}

# From here on all are the same, as in examples/site.
resource "atoll_mesh_peer" "node" {
  for_each = {
    sg1  = { ssh = atoll_host.sg1.ssh, address = "10.77.0.13" }
    fsn1 = { ssh = atoll_host.fsn1.ssh, address = "10.77.0.14" }
    hk1  = { ssh = atoll_host.hk1.ssh, address = "10.77.0.11" }
  }
  mesh    = "site"
  name    = each.key
  ssh     = each.value.ssh
  address = each.value.address
}

resource "atoll_mesh" "site" {
  name  = "site"
  cidr  = "10.77.0.0/24"
  peers = { for name, node in atoll_mesh_peer.node : name => node.peer }
}
