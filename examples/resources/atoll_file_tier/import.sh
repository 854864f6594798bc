terraform import atoll_file_tier.files files
