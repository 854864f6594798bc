variable "nodes" {
  description = <<-END
    The servers of the site, by name.

    - roles: what the server does: "database", "router" (it carries applications), both, or none. Default none: it is only in the mesh.
    - mesh_address: its IPv4 address inside the mesh.
    - ssh: how to reach it. Written out, with user, port, key and jumps where they differ from the defaults, or the ssh of an atoll_linode, taken whole.
    - endpoint: where the other servers dial it. Default ssh.host; needed where that is a name or address that only you can reach.
    - memory_mib: memory to size MySQL for. Default all that the machine has. Give less where much else runs on it, and an atoll_linode's specs.memory_mib, so that MySQL's settings follow a change of its type in the same apply.
  END
  type = map(object({
    roles        = optional(set(string), [])
    mesh_address = string
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
    endpoint   = optional(string)
    memory_mib = optional(number)
  }))
  nullable = false

  validation {
    condition     = alltrue([for name in keys(var.nodes) : can(regex("^[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?$", name))])
    error_message = "The name of a node becomes its host name: 1 to 63 letters, digits and hyphens, no hyphen at either end."
  }
  validation {
    condition     = alltrue([for node in var.nodes : length(setsubtract(node.roles, ["database", "router"])) == 0])
    error_message = "roles may hold \"database\" and \"router\"."
  }
  validation {
    condition     = alltrue([for node in var.nodes : can(cidrnetmask("${node.mesh_address}/32"))])
    error_message = "mesh_address is an IPv4 address without a prefix length, such as \"10.77.0.11\"."
  }
  validation {
    condition     = length(distinct([for node in var.nodes : node.mesh_address])) == length(var.nodes)
    error_message = "Two nodes have the same mesh_address."
  }
  validation {
    condition     = length([for node in var.nodes : node if contains(node.roles, "database")]) <= 9
    error_message = "More than 9 nodes have the role \"database\": MySQL's group takes no more."
  }
  validation {
    condition     = length([for node in var.nodes : node if contains(node.roles, "database")]) >= 1
    error_message = "No node has the role \"database\". A mesh without one is what the module mesh is for."
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
  description = "IPv4 network of the mesh, in which every mesh_address lies. It may not overlap a network that the servers know already."
  type        = string
  default     = "10.77.0.0/24"
  nullable    = false

  validation {
    condition     = can(cidrnetmask(var.cidr)) && try(cidrsubnet(var.cidr, 0, 0) == var.cidr, false)
    error_message = "cidr is an IPv4 network without bits behind its prefix, such as \"10.77.0.0/24\"."
  }
}

variable "cluster_name" {
  description = "Name of the InnoDB Cluster. A change makes the cluster anew."
  type        = string
  default     = "main"
  nullable    = false

  validation {
    condition     = can(regex("^[A-Za-z_][A-Za-z0-9_.-]{0,62}$", var.cluster_name))
    error_message = "cluster_name must start with a letter or underscore and have at most 63 letters, digits, dots, hyphens and underscores."
  }
}

variable "mysql_settings" {
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

variable "watcher_keys" {
  description = "Public SSH keys that may watch the servers and nothing else, such as that of a job in CI; see watcher_keys of atoll_host. Default none."
  type        = set(string)
  default     = []
  nullable    = false
}

variable "package_sources" {
  description = <<-END
    Where packages come from besides what the servers have, by a name of your choice, the same on every server; see apt_sources of atoll_host.

    - uris, suites, components: where the repository is, which releases and which parts of it are meant. A flat repository has no components.
    - architectures: to take packages for. Default all that a server knows.
    - key, fingerprint: the key that signs the repository, ASCII-armoured, by its content, and the fingerprint that it has to have.
    - pin: how much apt prefers these packages (priority), and which of them (packages, by name or pattern; default all).
  END
  type = map(object({
    uris          = set(string)
    suites        = set(string)
    components    = optional(set(string))
    architectures = optional(set(string))
    key           = optional(string)
    fingerprint   = optional(string)
    pin = optional(object({
      priority = number
      packages = optional(set(string))
    }))
  }))
  default  = {}
  nullable = false
}

variable "mysql_repository" {
  description = <<-END
    MySQL's own repository, repo.mysql.com, as a source named mysql. Default none: MySQL comes from what the servers have, or from package_sources.

    - key: the key that signs it, by its content: file("RPM-GPG-KEY-mysql-2025"), downloaded from https://repo.mysql.com/. MySQL renews it now and then under the same fingerprint.
    - suite: code name of the distribution's release, such as "trixie" or "noble".
    - distribution: "debian" or "ubuntu". Default "debian".
    - release: the series of MySQL. Default "mysql-8.4-lts".
    - fingerprint: of the key. Default that of MySQL's build key, as its manual prints it.
  END
  type = object({
    key          = string
    suite        = string
    distribution = optional(string, "debian")
    release      = optional(string, "mysql-8.4-lts")
    fingerprint  = optional(string, "BCA4 3417 C3B4 85DD 128E C6D4 B7B3 B788 A8D3 785C")
  })
  default = null

  validation {
    condition     = try(contains(["debian", "ubuntu"], var.mysql_repository.distribution), true)
    error_message = "distribution is \"debian\" or \"ubuntu\": MySQL has packages for apt for no other."
  }
}

variable "mysql_package" {
  description = "Package of the MySQL server. Default mysql-server, or mysql-community-server with mysql_repository."
  type        = string
  default     = null
}

variable "router_package" {
  description = "Package of MySQL Router. Default mysql-router, or mysql-router-community with mysql_repository."
  type        = string
  default     = null
}

variable "set_hostnames" {
  description = "Whether every server takes the name of its node as host name."
  type        = bool
  default     = true
  nullable    = false
}
