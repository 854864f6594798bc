# By number or by label, and the machine's SSH host key after a blank.
terraform import atoll_linode.sg1 "sg1 ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIMNJ+vKzslqdw9cW99BnkZjbUxjrDBLk9XMM4acITiSu"
