resource "atoll_host" "hk1" {
  hostname = "hk1"
  ssh = {
    host     = "203.0.113.11"
    host_key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIN+BKQXTY+cPtK3EW+P/7sLf2nwaUaUAs5NJiqVcSjhH"
  }

  sysctls  = { "vm.swappiness" = "1" }
  packages = ["htop"]
}

# Behind another machine, as a user with sudo:
resource "atoll_host" "inner" {
  ssh = {
    host     = "10.0.0.5"
    user     = "admin"
    key      = "office"
    host_key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIN+BKQXTY+cPtK3EW+P/7sLf2nwaUaUAs5NJiqVcSjhH"
    jumps = [{
      host     = "203.0.113.11"
      host_key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIN+BKQXTY+cPtK3EW+P/7sLf2nwaUaUAs5NJiqVcSjhH"
    }]
  }
}
