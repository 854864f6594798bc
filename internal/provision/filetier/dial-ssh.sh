#!/bin/sh
# The ssh that unison starts. ssh has its standard error not wait for whoever reads,
# and that is unison's own where both are one pipe: of a list of a hundred thousand
# files unison then wrote until the pipe was full, and ended. So ssh gets another one.
exec 3>&1
ssh "$@" 2>&1 >&3 3>&- | cat >&2 3>&-
