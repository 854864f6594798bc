// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package converge

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// A version is asked for by apt's own way of naming one, and what stands in for programs
// is there before the first package is.
func TestVersionOfAPackage(t *testing.T) {
	server := Package{Name: "mysql-server", Version: "9.7.5-1debian13", Instead: map[string]string{"mysqld": "#!/bin/sh\n# it's nothing\n"}}
	m := Manifest{Owner: "t", Items: []Item{server, Package{Name: "openssl"}}}
	o := Observation{owner: "t", System: System{"Debian", true, true}, items: m.items(), states: []any{packageState{own: "-"}, packageState{own: "-"}}}
	steps := Diff(m, o).Steps
	if got := titles(steps); !slices.Equal(got, []string{"record what belongs to t", "install mysql-server=9.7.5-1debian13, openssl"}) {
		t.Fatalf("%q", got)
	}
	const there = `ours '/var/lib/atoll/while-installing/mysqld'
install -d -m 0755 /var/lib/atoll/while-installing
printf %s '#!/bin/sh
# it'\''s nothing
' >'/var/lib/atoll/while-installing/mysqld'
chmod 0755 '/var/lib/atoll/while-installing/mysqld'
only= instead=/var/lib/atoll/while-installing
set -- 'mysql-server=9.7.5-1debian13' 'openssl'
`
	if !strings.HasPrefix(steps[1].Script, there) {
		t.Errorf("it begins with\n%.600s", steps[1].Script)
	}
	// One of another version that is there is left alone, until the plugin says when.
	o.states = []any{packageState{own: "ii"}, packageState{own: "ii"}}
	if got := titles(Diff(m, o).Steps); slices.Contains(got, "install mysql-server=9.7.5-1debian13") {
		t.Errorf("installed: %q", got)
	}
	if install, fetch := server.Install(), server.Fetch(); install.Effect != (Effect{EffectInstall, "mysql-server=9.7.5-1debian13"}) || fetch.Effect.Kind != EffectFetch || !strings.Contains(fetch.Script, "only=--download-only instead=") {
		t.Errorf("%v, %v", install.Effect, fetch.Effect)
	}
}

// aptCache is what apt would say of MySQL's own packages, of Debian's, and of others.
const aptCache = `#!/bin/sh
show() {
  case $1 in
  mysql-community-server=9.7.5-1) echo 'Pre-Depends: mysql-common (= 9.7.5-1), debconf
Depends: debconf (>= 0.5) | debconf-2.0, mysql-client (= 9.7.5-1), mysql-community-server-core (= 9.7.5-1), libc6 (>= 2.38), perl:any' ;;
  mysql-client=9.7.5-1) echo 'Depends: mysql-community-client (= 9.7.5-1)' ;;
  mysql-community-client=9.7.5-1) echo 'Depends: mysql-common (>= 9.7.5-1), mysql-community-client-plugins (= 9.7.5-1)' ;;
  mysql-common=9.7.5-1|mysql-community-client-plugins=9.7.5-1|mysql-community-server-core=9.7.5-1) echo 'Depends: libc6 (>= 2.38)' ;;
  mysql-server=9.7.4-2) echo 'Depends: mysql-client (>= 9.7.4-2), mysql-common (>= 5.8), mysql-server-core (= 9.7.4-2)' ;;
  mysql-client=9.7.4-2|mysql-server-core=9.7.4-2) echo 'Depends: libc6 (>= 2.38)' ;;
  *) return 100 ;;
  esac
}
case $1 in
show) show "$3" ;;
madison)
  shift
  for name in "$@"; do
    for version in 9.7.5-1 9.7.4-2; do
      if show "$name=$version" >/dev/null; then printf '%12s | %10s | https://example.org sid/main amd64 Packages\n' "$name" "$version"; fi
    done
  done ;;
esac
`

// What comes in the very version that is asked for comes with it, at any depth, and
// nothing else does.
func TestCompanionsOfAVersion(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "apt-cache"), []byte(aptCache), 0o755); err != nil {
		t.Fatal(err)
	}
	function := aptScript[strings.Index(aptScript, "companions() {"):strings.Index(aptScript, "install() {")]
	for asked, want := range map[string]string{
		"mysql-community-server 9.7.5-1": "mysql-client mysql-common mysql-community-client mysql-community-client-plugins mysql-community-server-core",
		"mysql-server 9.7.4-2":           "mysql-client mysql-server-core",
		"tinc 1.0":                       "",
	} {
		name, version, _ := strings.Cut(asked, " ")
		command := exec.CommandContext(t.Context(), "sh", "-c", "set -e\n"+function+`exact="$1=$2"; companions "$2" "$1"; echo "$exact"`, "sh", name, version)
		command.Env = append(os.Environ(), "PATH="+dir+":"+os.Getenv("PATH"))
		output, err := command.CombinedOutput()
		if err != nil {
			t.Fatalf("%s: %v: %s", asked, err, output)
		}
		got := strings.Fields(strings.ReplaceAll(string(output), "="+version, ""))
		slices.Sort(got)
		wanted := append(strings.Fields(want), name)
		slices.Sort(wanted)
		if !slices.Equal(got, wanted) {
			t.Errorf("%s: %q, want %q", asked, got, wanted)
		}
	}
}
