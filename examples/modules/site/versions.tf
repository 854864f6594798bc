terraform {
  required_version = ">= 1.9"

  required_providers {
    atoll = {
      source = "atollhq/atoll"
    }
  }
}
