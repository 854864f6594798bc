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
