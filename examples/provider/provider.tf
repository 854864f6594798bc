terraform {
  required_providers {
    atoll = {
      source = "atollhq/atoll"
    }
  }
}

provider "atoll" {
  ssh = {
    key_files = { default = "~/.ssh/id_ed25519" } # or keys = { … }, or agent = true
  }

  # A machine that is gone for good is declared so, and never waited for:
  # lost = ["203.0.113.11"]
}
