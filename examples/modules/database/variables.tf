variable "databases" {
  description = <<-END
    The servers of the cluster, by name: 1 to 9, better an odd number.

    - address: the IP address that MySQL listens on and is known by to the others: one that only they can reach, such as that in a mesh.
    - ssh: how to reach it: the ssh of an atoll_host or an atoll_linode, taken whole, or written out.
    - memory_mib: memory to size MySQL for. Default all that the machine has.
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
    memory_mib = optional(number)
  }))
  nullable = false

  validation {
    condition     = length(var.databases) >= 1 && length(var.databases) <= 9
    error_message = "A cluster has 1 to 9 databases."
  }
  validation {
    condition     = alltrue([for database in var.databases : can(cidrhost("${database.address}/32", 0)) || can(cidrhost("${database.address}/128", 0))])
    error_message = "address is an IP address without a prefix length, such as \"10.77.0.11\"."
  }
  validation {
    condition     = length(distinct([for database in var.databases : database.address])) == length(var.databases)
    error_message = "Two databases have the same address."
  }
}

variable "routers" {
  description = "The servers that carry applications, by name, each with its ssh. They may be databases as well. Default none."
  type = map(object({
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
  }))
  default  = {}
  nullable = false
}

variable "name" {
  description = "Name of the InnoDB Cluster. A change makes the cluster anew."
  type        = string
  default     = "main"
  nullable    = false

  validation {
    condition     = can(regex("^[A-Za-z_][A-Za-z0-9_.-]{0,62}$", var.name))
    error_message = "name must start with a letter or underscore and have at most 63 letters, digits, dots, hyphens and underscores."
  }
}

variable "mesh" {
  description = "The mesh that the addresses belong to, by the id of its atoll_mesh: MySQL starts after it. Without one the addresses are there at boot by other means."
  type        = string
  default     = null
}

variable "settings" {
  description = "MySQL settings of your own on every database, such as { max_connections = \"200\" }. What the cluster needs cannot be set."
  type        = map(string)
  default     = {}
  nullable    = false
}

variable "failover" {
  description = "How soon a silent database is given up: \"fast\", \"default\" or \"patient\"."
  type        = string
  default     = "default"
  nullable    = false

  validation {
    condition     = contains(["fast", "default", "patient"], var.failover)
    error_message = "failover is \"fast\", \"default\" or \"patient\"."
  }
}

variable "quorum_survivors" {
  description = "After most databases died at once and will not come back: the names of those that go on without them. They must be dead. Take it out again afterwards."
  type        = set(string)
  default     = null
}

variable "mysql_package" {
  description = "Package of the MySQL server: mysql-community-server in MySQL's own repository. It comes from what the servers have, see apt_sources of atoll_host."
  type        = string
  default     = "mysql-server"
  nullable    = false
}

variable "router_package" {
  description = "Package of MySQL Router: mysql-router-community in MySQL's own repository. It comes from what the servers have, see apt_sources of atoll_host."
  type        = string
  default     = "mysql-router"
  nullable    = false
}
