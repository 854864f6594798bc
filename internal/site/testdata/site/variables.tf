variable "nodes" {
  description = "Servers that answer SSH already, by name: address and public SSH host key, address inside the mesh, and whether it carries a database."
  type = map(object({
    host     = string
    host_key = string
    mesh     = string
    database = bool
  }))
}

variable "linodes" {
  description = "Servers to be made at Linode, by name: region and type, address inside the mesh, and whether it carries a database. Needs LINODE_TOKEN."
  type = map(object({
    region   = string
    type     = string
    mesh     = string
    database = bool
  }))
  default = {}
}

variable "ssh_key_file" {
  description = "Private SSH key that root of every server accepts; its public half lies beside it."
  type        = string
  default     = "~/.ssh/id_ed25519"
}

variable "mysql_settings" {
  description = "MySQL settings of your own, beside those that the cluster needs."
  type        = map(string)
  default     = {}
}

variable "lost" {
  description = "Addresses of servers that are gone for good."
  type        = set(string)
  default     = []
}

variable "failover" {
  description = "How soon a silent member is given up."
  type        = string
  default     = "default"
}
