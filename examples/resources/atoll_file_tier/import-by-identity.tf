import {
  to = atoll_file_tier.files
  identity = {
    name = "files"
  }
}
