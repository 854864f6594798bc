variable "nodes" {
  description = "The servers of the site by name: address and public SSH host key, address inside the mesh, and whether it carries a database."
  type = map(object({
    host     = string
    host_key = string
    mesh     = string
    database = bool
  }))
}

variable "ssh_key_file" {
  description = "Private SSH key that root of every server accepts."
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
