# absent says whether a path is known not to be there: an error is no such knowledge.
absent() { # path
  case $(LC_ALL=C stat -- "$1" 2>&1) in *': No such file or directory'|*': Not a directory') ;; *) return 1 ;; esac
}
