// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package mysqlroot

import (
	"slices"
	"strings"
)

const (
	// DataDirectory is where a server's data lie.
	DataDirectory = "/var/lib/mysql"
	// Initialising stands while a datadir is being made; see HalfMade.
	Initialising = "/var/lib/atoll/mysql-initialising"
)

// HalfMade is a function of shell, half_made: whether what lies in DataDirectory is the
// half of a datadir whose making was cut off, and nobody's data. The mark alone does not
// say so, since somebody may have made another one meanwhile: a server that has run
// leaves its binary logs' index there, and its users their schemas.
const HalfMade = `half_made() {
  [ -e ` + Initialising + ` ] && [ -z "$(find ` + DataDirectory + `/ -mindepth 1 -maxdepth 1 \( -name '*.index' -o -type d ! -name mysql ! -name sys ! -name performance_schema ! -name '#*' ! -name lost+found \))" ]
}
`

// StandIn is called in place of mysqld by the scripts of packages while Atoll installs
// them. Where data are, nothing is done: Debian's script starts a server of its own,
// which cannot be where one runs already, and which a member of a group lets wait for
// ever. Where none are, Debian's lets mysqld make them, and end by a SHUTDOWN of its
// first statements. That races with the last views of information_schema: under load
// mysqld gives up without them, and the script takes what it left for data when it is run
// again, with a server on which MySQL Router refuses everybody. It ends without that
// statement as well, and what it left half made goes.
const StandIn = `#!/bin/sh
data=` + DataDirectory + ` mark=` + Initialising + `
[ ! -e "$data/mysql.ibd" ] || exit 0
file='' makes=''
for argument in "$@"; do
  case $argument in --init-file=*) file=${argument#*=} ;; --initialize | --initialize-insecure) makes=yes ;; esac
done
if [ -z "$makes" ] || [ -n "$(ls -A "$data" -I lost+found)" ]; then exec /usr/sbin/mysqld "$@"; fi
if [ -n "$file" ]; then
  statements=$(grep -v '^SHUTDOWN;$' "$file")
  printf '%s\n' "$statements" >"$file"
fi
mkdir -p /var/lib/atoll
: >"$mark"
code=0
/usr/sbin/mysqld "$@" || code=$?
[ $code -eq 0 ] || find "$data/" -mindepth 1 ! -path "$data/lost+found*" -delete
rm -f "$mark"
exit $code
`

// lastViews are the views of information_schema that mysqld makes last when it makes a
// datadir, after the first statements of whoever starts it. Where these end it, it gives
// up without some or all of them, and what it leaves starts like any other server. All
// versions since 8.0.21 have them.
var lastViews = []string{
	"ADMINISTRABLE_ROLE_AUTHORIZATIONS", "APPLICABLE_ROLES", "ENABLED_ROLES", "ROLE_COLUMN_GRANTS", "ROLE_ROUTINE_GRANTS", "ROLE_TABLE_GRANTS", "USER_ATTRIBUTES",
}

// ViewsRow is a statement for a question: the row "views" has the lastViews that are
// there. Lacks says which are not.
var ViewsRow = "SELECT 'views', JSON_ARRAYAGG(table_name) FROM information_schema.tables WHERE table_schema = 'information_schema' AND table_name IN ('" + strings.Join(lastViews, "', '") + "')"

// Lacks are the views that a server's first start did not come to, by those that are there.
func Lacks(there []string) []string {
	return slices.DeleteFunc(slices.Clone(lastViews), func(name string) bool { return slices.Contains(there, name) })
}
