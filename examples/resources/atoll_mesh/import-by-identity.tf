import {
  to = atoll_mesh.site
  identity = {
    name = "site"
  }
}
