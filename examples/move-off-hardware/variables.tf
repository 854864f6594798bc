variable "machines" {
  description = "Servers that answer SSH already, by name: address and public SSH host key, address inside the mesh, and role: database or application."
  type = map(object({
    host     = string
    host_key = string
    mesh     = string
    role     = string
  }))
  validation {
    condition     = alltrue([for machine in var.machines : contains(["database", "application"], machine.role)])
    error_message = "A role is database or application."
  }
}

variable "linodes" {
  description = "Servers to be made at Linode, by name: region and type, address inside the mesh, and role. Needs LINODE_TOKEN."
  type = map(object({
    region = string
    type   = string
    mesh   = string
    role   = string
  }))
  default = {}
}

variable "ssh_key_file" {
  description = "Private SSH key that root of every server accepts; its public half lies beside it."
  type        = string
  default     = "~/.ssh/id_ed25519"
}

variable "lost" {
  description = "Addresses of servers that are gone for good."
  type        = set(string)
  default     = []
}
