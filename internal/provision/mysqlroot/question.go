// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

// Package mysqlroot speaks with a MySQL server as its machine's root, over the
// server's own socket: there is no password to know.
//
// A question either comes back whole or is an error. That the server is down is
// a fact that the machine states, and never what silence is taken for.
package mysqlroot

import (
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

const (
	// Unit of the server, as Debian, Ubuntu and MySQL's own packages call it.
	Unit = "mysql.service"
	// Socket that the machine's root is let in by, without a password.
	Socket = "/run/mysqld/mysqld.sock"
)

// AccountScript is a beginning for bash scripts that reach other members from a
// server's machine, see account.sh.
//
//go:embed account.sh
var AccountScript string

// Client is the command line of a client on the machine.
const Client = "mysql --no-defaults --user=root --socket=" + Socket + " --connect-timeout=10 --skip-column-names --batch --raw"

// ErrNotWhole says that an answer was cut, garbled or never given.
var ErrNotWhole = errors.New("the answer of the server is not whole")

const (
	endMark  = "end"
	unitMark = "unit"
)

// wayOut is what helps where a server runs and does not answer.
const wayOut = "Look at SHOW PROCESSLIST on its machine, or run systemctl restart " + Unit + " there: its data stay"

// LetIn is what helps where a server does not let its machine's root in.
const LetIn = "Atoll comes as root@localhost, without a password. Log in with the password (mysql -u root -p), in a group on its primary, and type: ALTER USER root@localhost IDENTIFIED WITH auth_socket (after INSTALL PLUGIN auth_socket SONAME 'auth_socket.so' where the plugin is not loaded)"

// QuestionScript asks a running server: each statement prints one row, a mark
// and a JSON document or NULL. The first error ends it with another exit code
// than 0, the last row says that all came. A server that does not run is told
// from one that does not answer by its unit and by nobody listening on the
// socket; one that runs and says nothing ends it with remote.MuteCode, and one that runs
// and answers with an error, twice, with remote.RefusedCode, or with remote.DeniedCode
// where it does not let root in. ReadRows reads what it
// prints; what else the client says is left out.
func QuestionScript(statements ...string) string {
	text := strings.Join(append(slices.Clone(statements), "SELECT '"+endMark+"', 'true'"), ";\n")
	return `(again=
while :; do
  if said=$(timeout 30 ` + Client + ` -e ` + remote.Quote(text) + ` 2>&1 </dev/null); then printf '%s\n' "$said" | grep '	'; exit 0; else code=$?; fi
  state=$(systemctl is-active ` + Unit + `)
  case $state in
  activating|deactivating|reloading) printf '` + unitMark + `\t"%s"\n` + endMark + `\ttrue\n' "$state"; exit 0 ;;
  inactive|failed)
    [ -r /proc/net/unix ] && ! grep -q 'run/mysqld/mysqld\.sock$' /proc/net/unix && { printf '` + unitMark + `\t"%s"\n` + endMark + `\ttrue\n' "$state"; exit 0; } ;;
  active)
    mute=
    case $said in *'initial communication packet'*) mute="$again" ;; esac
    [ $code -ne 124 ] || mute=yes
    if [ "$mute" ]; then echo ` + remote.Quote("mysqld takes connections and says nothing\n"+wayOut) + ` >&2; exit ` + strconv.Itoa(remote.MuteCode) + `; fi
    if [ "$again" ] && error=$(printf '%s\n' "$said" | grep '^ERROR [0-9]'); then
      case $error in
      'ERROR 1045 '* | 'ERROR 1698 '*) printf '%s. %s\n' "$error" ` + remote.Quote(LetIn) + ` >&2; exit ` + strconv.Itoa(remote.DeniedCode) + ` ;;
      esac
      printf '%s\n' "$error" >&2; exit ` + strconv.Itoa(remote.RefusedCode) + `
    fi ;;
  esac
  # Between two states the unit may have been asked a moment too late.
  if [ "$again" ]; then printf '%s\n' "$said" | tail -n 3 >&2; exit 1; fi
  again=yes; sleep 1
done)`
}

// LoginScript prints one more row: whether the server lets in the account that
// it recovers with, "yes", "none" where it has none, or the client's error.
// Recovery accounts are the same on all members, so what it refuses itself the
// others refuse when it comes back.
func LoginScript(mark string) string {
	return "socket=" + Socket + " " + remote.Bash + " " + remote.Quote(AccountScript+`
at=$(root -e "SELECT CONCAT(@@report_host, ' ', @@report_port)" 2>/dev/null) || exit 0
said=none
if [ "$user" ]; then
  read -r host port <<<"$at"
  if said=$( (login "$host" "$port") 2>&1 <<<'SELECT 1'); then said=yes; else said=$(tail -n 1 <<<"$said"); fi
fi
printf '`+mark+`\t"%s"\n' "$(sed 's/[\\"]/\\&/g' <<<"$said")"`)
}

// Rows are the documents of an answer by their marks.
type Rows map[string]json.RawMessage

// ReadRows reads the output of a QuestionScript that ended with exit code 0.
func ReadRows(output string) (Rows, error) {
	rows := Rows{}
	for line := range strings.Lines(output) {
		mark, document, found := strings.Cut(strings.TrimRight(line, "\n"), "\t")
		if !found {
			return nil, fmt.Errorf("%w: %.300q is no row", ErrNotWhole, line)
		}
		if document == "NULL" {
			document = "null"
		}
		if !json.Valid([]byte(document)) {
			return nil, fmt.Errorf("%w: %q is no JSON document", ErrNotWhole, mark)
		}
		if rows[mark] != nil {
			return nil, fmt.Errorf("%w: there are two rows %q", ErrNotWhole, mark)
		}
		rows[mark] = json.RawMessage(document)
	}
	if string(rows[endMark]) != "true" {
		return nil, fmt.Errorf("%w: it ends too early", ErrNotWhole)
	}
	return rows, nil
}

// Down gives systemd's word for a server that does not run (inactive, failed)
// or not yet or no longer (activating, deactivating); "" for one that answered.
func (r Rows) Down() (string, error) {
	if r[unitMark] == nil {
		return "", nil
	}
	var state string
	if err := json.Unmarshal(r[unitMark], &state); err != nil || state == "" {
		return "", fmt.Errorf("%w: the state of %s is %s", ErrNotWhole, Unit, r[unitMark])
	}
	return state, nil
}

// Read reads the documents into their targets. One that is missing is an
// error; null leaves its target as it is.
func (r Rows) Read(targets map[string]any) error {
	for mark, target := range targets {
		if r[mark] == nil {
			return fmt.Errorf("%w: %q is missing", ErrNotWhole, mark)
		}
		if err := json.Unmarshal(r[mark], target); err != nil {
			return fmt.Errorf("%w: %q: %w", ErrNotWhole, mark, err)
		}
	}
	return nil
}

// WhereTable makes a statement of a row that needs a table which may not be
// there: then its document is NULL.
func WhereTable(mark, schema, table, query string) string {
	there := "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = '" + schema + "' AND table_name = '" + table + "'"
	return "SET @question = IF((" + there + ") > 0, " + Literal(query) + ", " + Literal("SELECT '"+mark+"', NULL") + ");\n" +
		"PREPARE question FROM @question;\nEXECUTE question;\nDEALLOCATE PREPARE question"
}

// Script runs statements and ends with the first error.
func Script(statements ...string) string {
	return Client + " -e " + remote.Quote(strings.Join(statements, ";\n"))
}

// Literal quotes text for a statement.
func Literal(text string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `''`).Replace(text) + "'"
}

// Identifier quotes a name for a statement, be it a column's or a variable's; a
// dot in a variable's parts it from its component's.
func Identifier(name string) string { return "`" + strings.ReplaceAll(name, "`", "``") + "`" }
