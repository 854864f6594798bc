# How the tree is that app1 and app2 share, also when they are not in step.
data "atoll_file_tier_status" "now" {
  tier = atoll_file_tier.files
}

# A plan warns of what is wrong, and goes on.
check "files" {
  assert {
    condition     = data.atoll_file_tier_status.now.healthy
    error_message = join("\n", data.atoll_file_tier_status.now.problems)
  }
}

# What a person has to decide: both sides changed it before they met.
output "conflicts" {
  value = { for pair in data.atoll_file_tier_status.now.pairs : "${pair.dials} and ${pair.serves}" => pair.skipped[*].path if length(pair.skipped) > 0 }
}

output "full_on" {
  value = { for name, node in data.atoll_file_tier_status.now.nodes : name => node.full_on }
}
