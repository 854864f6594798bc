variable "nodes" {
  type = map(object({
    address = string
    ssh     = object({ host = string, host_key = string, user = string })
  }))
}

resource "atoll_host" "node" {
  for_each = var.nodes
  hostname = each.key
  ssh      = each.value.ssh
}

module "mesh" {
  source = "./modules/mesh"
  nodes  = { for name, node in var.nodes : name => { address = node.address, ssh = atoll_host.node[name].ssh } }
}

module "database" {
  source    = "./modules/database"
  mesh      = module.mesh.mesh
  databases = { hk1 = { address = module.mesh.addresses["hk1"], ssh = atoll_host.node["hk1"].ssh } }
  routers = {
    hk1  = { ssh = atoll_host.node["hk1"].ssh }
    app1 = { ssh = atoll_host.node["app1"].ssh }
  }
  settings = { max_connections = "123" }
}

output "endpoint" {
  value = module.database.endpoints["app1"].read_write
}
