variable "nodes" {
  description = <<-END
    The servers of the mesh, by name.

    - address: its IPv4 address inside the mesh.
    - ssh: how to reach it: the ssh of an atoll_host or an atoll_linode, taken whole, or written out.
    - endpoint: where the other servers dial it. Default ssh.host.
    - port: TCP and UDP port of tinc on it. Default 655.
  END
  type = map(object({
    address = string
    ssh = object({
      host     = string
      host_key = optional(string)
      port     = optional(number)
      user     = optional(string)
      key      = optional(string)
      jumps = optional(list(object({
        host     = string
        host_key = optional(string)
        port     = optional(number)
        user     = optional(string)
        key      = optional(string)
      })))
    })
    endpoint = optional(string)
    port     = optional(number)
  }))
  nullable = false

  validation {
    condition     = length(var.nodes) > 0
    error_message = "nodes is empty: a mesh has one server at least."
  }
  validation {
    condition     = alltrue([for name in keys(var.nodes) : can(regex("^[A-Za-z0-9_][A-Za-z0-9_-]{0,62}$", name))])
    error_message = "The name of a node has 1 to 63 letters, digits, hyphens and underscores, and does not start with a hyphen."
  }
  validation {
    condition     = alltrue([for node in var.nodes : can(cidrnetmask("${node.address}/32"))])
    error_message = "address is an IPv4 address without a prefix length, such as \"10.77.0.11\"."
  }
  validation {
    condition     = length(distinct([for node in var.nodes : node.address])) == length(var.nodes)
    error_message = "Two nodes have the same address."
  }
}

variable "name" {
  description = "Name of the mesh and of its network interface on every server."
  type        = string
  default     = "site"
  nullable    = false

  validation {
    condition     = can(regex("^[A-Za-z][A-Za-z0-9_]{0,14}$", var.name))
    error_message = "name must start with a letter and have at most 15 letters, digits and underscores: it also names the network interface."
  }
}

variable "cidr" {
  description = "IPv4 network of the mesh, in which every address lies. It may not overlap a network that the servers know already."
  type        = string
  default     = "10.77.0.0/24"
  nullable    = false

  validation {
    condition     = can(cidrnetmask(var.cidr)) && try(cidrsubnet(var.cidr, 0, 0) == var.cidr, false)
    error_message = "cidr is an IPv4 network without bits behind its prefix, such as \"10.77.0.0/24\"."
  }
}
