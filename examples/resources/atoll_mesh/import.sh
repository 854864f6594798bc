terraform import atoll_mesh.site site
