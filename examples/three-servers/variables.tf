variable "servers" {
  description = "The three servers by name: public address, public SSH host key, and an address of your choice in 10.77.0.0/24 for the mesh."
  type = map(object({
    host         = string
    host_key     = string
    mesh_address = string
  }))
}

variable "user" {
  description = "Login name on the servers, with sudo."
  type        = string
}

variable "sudo_password" {
  description = "What sudo asks that user for, the same on all three. Set TF_VAR_sudo_password rather than writing it into a file."
  type        = string
  sensitive   = true
}

variable "ssh_key_file" {
  description = "Private SSH key that the user logs in with."
  type        = string
  default     = "~/.ssh/id_ed25519"
}

variable "mysql_repository" {
  description = "MySQL's own repository, for servers of which the distribution has no MySQL: key_file is the key from https://repo.mysql.com/, suite the code name of the release, such as \"trixie\"."
  type = object({
    key_file     = string
    suite        = string
    distribution = optional(string, "debian")
  })
  default = null
}

variable "package_sources" {
  description = "Other repositories to take packages from, by a name of your choice; key_file is the ASCII-armoured key that signs one, fingerprint what its owner publishes."
  type = map(object({
    uris        = set(string)
    suites      = set(string)
    components  = set(string)
    key_file    = string
    fingerprint = string
  }))
  default = {}
}
