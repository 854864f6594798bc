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

# With packages from a repository of their own. Its owner publishes key and
# fingerprint; the latter is compared when the plan is made.
resource "atoll_host" "sg1" {
  ssh = {
    host     = "198.51.100.13"
    host_key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIN+BKQXTY+cPtK3EW+P/7sLf2nwaUaUAs5NJiqVcSjhH"
  }

  apt_sources = {
    databases = {
      uris        = ["https://repo.example/debian"]
      suites      = ["trixie"]
      components  = ["main"]
      key         = file("repo.asc")
      fingerprint = "011B AA84 2FCA EB18 5798  B693 30F5 06F7 DFC3 E73C"
    }
  }
  packages = ["some-database"]
}
