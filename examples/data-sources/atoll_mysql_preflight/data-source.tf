# A server with data and a machine that is to join it, before anything of MySQL
# is declared.
data "atoll_mysql_preflight" "before" {
  hosts = { hk1 = atoll_host.hk1.ssh, hk2 = atoll_host.hk2.ssh }
}

# What has to be done first, with the SQL that does it.
output "findings" {
  value = [for found in data.atoll_mysql_preflight.before.findings : found if found.severity != "info"]
}

# A plan warns while anything stands against it, and goes on.
check "one_cluster" {
  assert {
    condition     = data.atoll_mysql_preflight.before.ready
    error_message = join("\n", [for found in data.atoll_mysql_preflight.before.findings : "${found.server} ${found.object}: ${found.text}" if found.severity == "error"])
  }
}

# A machine that is no atoll_host yet is named by the way to it.
data "atoll_mysql_preflight" "alone" {
  hosts = {
    old = { host = "203.0.113.30", user = "deploy", host_key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIODemPSmCiN57xuhwV5DI/saEWet9DMN/vL3zZZ41wq+" }
  }
}
