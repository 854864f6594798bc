variable "nodes" {
  description = "Servers that answer SSH already, by name: roles (database, router, or both), address inside the mesh, and how to reach it."
  type = map(object({
    roles        = set(string)
    mesh_address = string
    ssh = object({
      host     = string
      host_key = string
      port     = optional(number)
      user     = optional(string)
    })
  }))
}

variable "linodes" {
  description = "Servers to be made at Linode, by name: roles and address inside the mesh, region and type. Needs LINODE_TOKEN."
  type = map(object({
    roles        = set(string)
    mesh_address = string
    region       = string
    type         = string
  }))
  default = {}
}

variable "ssh_key_file" {
  description = "Private SSH key that every server accepts; its public half lies beside it."
  type        = string
  default     = "~/.ssh/id_ed25519"
}

variable "mysql_settings" {
  description = "MySQL settings of your own, beside those that the cluster needs."
  type        = map(string)
  default     = {}
}

variable "quiet_minutes" {
  description = "How long nothing in an old day may have changed before it moves to the archive, in minutes; an hour where it is null."
  type        = number
  default     = null
}

variable "lost" {
  description = "Addresses of servers that are gone for good."
  type        = set(string)
  default     = []
}
