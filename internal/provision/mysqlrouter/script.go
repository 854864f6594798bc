// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package mysqlrouter

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// bootstrapScript reads the account's password twice on standard input: the
// account bootstraps itself. Router does it as its own user, in its own
// directory, and root takes over from there only what that user can read.
// Sections for the X protocol, which the servers do not speak, are taken out of
// what Router wrote.
func (c Config) bootstrapScript(primary, sum string) string {
	options, leftOut := "", ""
	if c.Verifies() { // what it notes of that would stay when it is declared no more
		options, leftOut = " --ssl-mode="+VerifyTLS+" --ssl-ca="+c.members(), ` && !/^ssl_(mode|ca)=/`
	}
	for _, one := range c.always() {
		options += " --conf-set-option=" + remote.Quote(fmt.Sprintf("%s.%s=%v", one.section, one.name, one.value))
	}
	return "set -e\numask 077\n" + c.acquaint() + fmt.Sprintf(`cd /
own="setpriv --reuid=%[2]s --regid=%[2]s --clear-groups --"
read -r password
# A keyring without its key, or with another, cannot be read, and what stands in both is
# of the password that was.
$own rm -f -- %[1]s/mysqlrouter.key %[1]s/data/keyring
said=$(printf '%%s\n%%s\n' "$password" "$password" | $own mysqlrouter --bootstrap %[3]s --directory %[1]s --force --disable-rest \
  --account=%[4]s --account-create=never --name=%[5]s --report-host=%[6]s --conf-bind-address=%[7]s%[8]s 2>&1) || { printf '%%s\n' "$said" >&2; exit 1; }
written=$($own cat %[1]s/mysqlrouter.conf)
printf '%%s\n' "$written" | grep -q '^\[metadata_cache' || { echo 'Router took the server for a standalone one: its configuration has no metadata_cache' >&2; exit 1; }
printf '%%s\n' "$written" | awk '/^\[/ {skip = ($0 ~ /^\[routing:bootstrap_x_/)} !skip%[10]s' >%[9]s.new
mv -fT %[9]s.new %[9]s
`,
		c.directory(), user, remote.Quote(c.Account()+"@"+primary), remote.Quote(c.Account()), c.Name(), remote.Quote(c.Address), remote.Quote(c.BindAddress),
		options, c.written(), leftOut) + c.note(sum) + c.settle()
}

// note writes down of which account the keyring is by now.
func (c Config) note(sum string) string {
	return fmt.Sprintf("printf '%%s\\n' %[1]s >%[2]s.new\nmv -fT %[2]s.new %[2]s\n", remote.Quote(sum), c.account())
}

// acquaint writes what the router verifies the members by, before it is told to do that.
func (c Config) acquaint() string {
	if !c.Verifies() || c.Authorities == "" {
		return ""
	}
	return fmt.Sprintf(`printf %%s %[1]s >%[2]s.new
chown root:%[3]s %[2]s.new
chmod 0640 %[2]s.new
mv -fT %[2]s.new %[2]s
`, remote.Quote(c.Authorities), c.members(), user)
}

// settingsScript writes what is declared into what the last bootstrap left.
func (c Config) settingsScript() string { return "set -e\numask 077\n" + c.acquaint() + c.settle() }

// settle makes the configuration of what a bootstrap wrote and what is declared,
// and notes what for. The order lets a run that is killed be followed by another.
func (c Config) settle() string {
	return fmt.Sprintf(`awk %[1]s %[2]s >%[3]s.new
chown root:%[4]s %[3]s.new
chmod 0640 %[3]s.new
mv -fT %[3]s.new %[3]s
printf '%%s %%s %%s\n' %[5]s %[6]s "$(sha256sum <%[3]s | cut -c1-64)" >%[7]s.new
mv -fT %[7]s.new %[7]s
systemctl try-restart %[8]s`,
		remote.Quote(c.settingsProgram()), c.written(), c.conf(), user, c.identity(), c.declared(), c.stamp(), c.Unit())
}

// option is one that is declared, in a section of the configuration.
type option struct {
	section, name string
	value         any
}

// metadataSection is that of the router's own sessions.
const metadataSection = "metadata_cache:bootstrap"

// always are the options that every declaration has, for the sections that there may
// be; one that the version does not write would lack all the rest, so none is made.
func (c Config) always() []option {
	options := []option{
		{"DEFAULT", "connect_timeout", c.ConnectTimeout}, {"DEFAULT", "read_timeout", c.ReadTimeout}, {"DEFAULT", "logging_folder", ""},
	}
	for _, port := range c.ports() {
		options = append(options, option{port.section, "bind_address", c.BindAddress}, option{port.section, "bind_port", port.number})
	}
	return options
}

// options are all that are declared. What a bootstrap writes by itself is not given
// to it either: it comes back when it is declared no more.
func (c Config) options() []option {
	options := c.always()
	modes := []struct{ name, value string }{{"client_ssl_mode", c.ClientTLS}, {"server_ssl_mode", c.ServerTLS}}
	if c.Verifies() {
		modes = append(modes[:1], []struct{ name, value string }{{"server_ssl_mode", "REQUIRED"}, {"server_ssl_verify", VerifyTLS}, {"server_ssl_ca", c.members()}}...)
		options = append(options, option{metadataSection, "ssl_mode", VerifyTLS}, option{metadataSection, "ssl_ca", c.members()})
	}
	for _, mode := range modes {
		if mode.value == "" {
			continue
		}
		options = append(options, option{"DEFAULT", mode.name, mode.value})
		if c.ReadWriteSplit != 0 { // which has modes of its own
			options = append(options, option{splitSection, mode.name, mode.value})
		}
	}
	return options
}

// settingsProgram is what awk puts the options into their sections with: right under
// the section's head, in the place of what is there.
func (c Config) settingsProgram() string {
	lines := map[string]string{}
	var program strings.Builder
	program.WriteString("BEGIN {")
	for _, one := range c.options() {
		lines[one.section] += fmt.Sprintf("%s=%v\n", one.name, one.value)
		fmt.Fprintf(&program, "\nwant[%s, %s]", awkText(one.section), awkText(one.name))
	}
	for _, section := range slices.Sorted(maps.Keys(lines)) {
		fmt.Fprintf(&program, "\nlines[%s] = %s", awkText(section), awkText(lines[section]))
	}
	program.WriteString(`
}
/^\[/ { section = $0; gsub(/^\[|\].*$/, "", section); print; printf "%s", lines[section]; next }
{ name = $0; sub(/[ \t]*=.*$/, "", name); if (!((section, name) in want)) print }`)
	return program.String()
}

// awkText quotes text for awk. What is declared was held against forms without
// control characters.
func awkText(text string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(text) + `"`
}
