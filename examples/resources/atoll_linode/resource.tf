resource "atoll_linode" "sg1" {
  label           = "sg1"
  region          = "ap-south" # Singapore
  type            = "g6-standard-1"
  image           = "linode/debian13"
  tags            = ["site"]
  authorized_keys = [trimspace(file("~/.ssh/id_ed25519.pub"))]
}

# From here on it is a server like any other.
resource "atoll_host" "sg1" {
  hostname = "sg1"
  ssh      = atoll_linode.sg1.ssh
}
