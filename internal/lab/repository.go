// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package lab

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Repository is a Debian repository of the lab's own, signed with a key of its
// own: what a stock host lacks of MySQL, as MySQL's own repository has it.
type Repository struct {
	// URI, Suite and Component are what a source of apt needs, on the hosts.
	URI       string `json:"uri"`
	Suite     string `json:"suite"`
	Component string `json:"component"`
	// Key is the public key in ASCII armour, as in the file KeyFile.
	Key         string `json:"key"`
	KeyFile     string `json:"key_file"`
	Fingerprint string `json:"fingerprint"`
}

// Source is a file for /etc/apt/sources.list.d, in deb822 form; signedBy is
// where the key lies on the host.
func (r Repository) Source(signedBy string) string {
	return fmt.Sprintf("Types: deb\nURIs: %s\nSuites: %s\nComponents: %s\nSigned-By: %s\n", r.URI, r.Suite, r.Component, signedBy)
}

const (
	repositoryComponent = "mysql"
	repositorySoftware  = "mysql-server mysql-router"
	keyName             = "lab.asc"
	fingerprintName     = "fingerprint"
)

// fetchRecipe downloads to /pool what a stock host has to take from unstable:
// the software, and what it needs newer than stable has it. Everything else
// stays stable's, by the pin. apt's older solver looks at one version of each
// package only and finds no way.
const fetchRecipe = `set -e
base=$(cut -d' ' -f2 /etc/apt/sources.list)
printf 'deb %s ` + suite + ` main\n' "$base" >>/etc/apt/sources.list
printf 'Package: *\nPin: release n=` + suite + `\nPin-Priority: 100\n' >/etc/apt/preferences.d/lab
apt-get -q update >/dev/null
apt-get -q -s --solver 3.0 -o APT::Solver::Strict-Pinning=false install --no-install-recommends ` + repositorySoftware + ` >/plan
sed -n 's/^Inst \([^ ]*\) \(\[[^]]*\] \)\?(\([^ ]*\) Debian:unstable \[.*/\1=\3/p' /plan >/wanted
grep -q '^mysql-server=' /wanted && grep -q '^mysql-router=' /wanted || { cat /plan; exit 1; }
mkdir /pool
cd /pool
apt-get -q -o APT::Sandbox::User=root download $(cat /wanted) >/dev/null
`

// signScript makes a key that is used once, and signs the repository in $1 with
// it. Its argument $2 is the key's directory.
const signScript = `set -e
export GNUPGHOME=$2
cd "$1"
gpg --batch --quiet --passphrase '' --quick-generate-key 'Atoll lab' ed25519 sign never
gpg --batch --quiet --armor --export >` + keyName + `
gpg --batch --with-colons --list-keys | sed -n 's/^fpr:*\([0-9A-F]*\):.*/\1/p' | head -n 1 >` + fingerprintName + `
gpg --batch --quiet --armor --detach-sign --output dists/` + stockSuite + `/Release.gpg dists/` + stockSuite + `/Release
gpg --batch --quiet --clearsign --output dists/` + stockSuite + `/InRelease dists/` + stockSuite + `/Release
gpgconf --kill all
`

// ensureRepository gives the directory of the cached repository and builds it
// when it is missing.
func ensureRepository(ctx context.Context, log io.Writer) (string, error) {
	unlock, err := lockFile(filepath.Join(cacheRoot(), "lock"))
	if err != nil {
		return "", err
	}
	defer unlock()
	final := filepath.Join(cacheRoot(), cacheName("repository", recipes[Stock].text()+fetchRecipe+signScript))
	if _, err := os.Stat(final); err == nil {
		return final, nil
	}
	stock, err := buildRoot(ctx, log, Stock)
	if err != nil {
		return "", err
	}
	start, root, building := time.Now(), final+".root", final+".building"
	_, _ = fmt.Fprintln(log, "lab: building the package repository (once on this machine)")
	for _, left := range []string{root, building} {
		if err := removeRoot(left); err != nil {
			return "", err
		}
	}
	if err := buildRepository(ctx, stock, root, building); err != nil {
		return "", fmt.Errorf("building the package repository: %w", err)
	}
	if err := os.Rename(building, final); err != nil {
		return "", fmt.Errorf("keeping the package repository: %w", err)
	}
	_, _ = fmt.Fprintf(log, "lab: package repository ready after %s\n", time.Since(start).Round(time.Second))
	return final, removeRoot(root)
}

// buildRepository fetches packages in a copy of the stock root and makes a
// signed repository of them.
func buildRepository(ctx context.Context, stock, root, dir string) error {
	if err := copyRoot(ctx, stock, root); err != nil {
		return err
	}
	if err := runIn(ctx, root, fetchRecipe); err != nil {
		return fmt.Errorf("fetching the packages: %w", err)
	}
	if err := os.Mkdir(dir, 0o755); err != nil {
		return err
	}
	if err := os.Rename(filepath.Join(root, "pool"), filepath.Join(dir, "pool")); err != nil {
		return err
	}
	if err := index(ctx, dir, time.Now()); err != nil {
		return err
	}
	home, err := os.MkdirTemp("", "atoll-gpg-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(home) }()
	if out, err := exec.CommandContext(ctx, "bash", "-c", signScript, "sign", dir, home).CombinedOutput(); err != nil {
		return fmt.Errorf("signing: %w\n%s", err, lastLines(out, 5))
	}
	return nil
}

// index writes the lists of a repository: one of the packages in its pool, and
// the Release file that holds the sum of it.
func index(ctx context.Context, dir string, now time.Time) error {
	files, err := filepath.Glob(filepath.Join(dir, "pool/*.deb"))
	if err != nil {
		return err
	}
	slices.Sort(files)
	architecture, err := output(ctx, "dpkg", "--print-architecture")
	if err != nil {
		return err
	}
	var packages strings.Builder
	for _, file := range files {
		control, err := output(ctx, "dpkg-deb", "--field", file)
		if err != nil {
			return err
		}
		content, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		fmt.Fprintf(&packages, "%s\nFilename: pool/%s\nSize: %d\nSHA256: %x\n\n", control, filepath.Base(file), len(content), sha256.Sum256(content))
	}
	name := repositoryComponent + "/binary-" + architecture + "/Packages"
	release := fmt.Sprintf("Origin: Atoll lab\nLabel: Atoll lab\nSuite: %s\nCodename: %[1]s\nDate: %s\nArchitectures: %s\nComponents: %s\nSHA256:\n %x %d %s\n",
		stockSuite, now.UTC().Format("Mon, 02 Jan 2006 15:04:05 UTC"), architecture, repositoryComponent, sha256.Sum256([]byte(packages.String())), packages.Len(), name)
	suite := filepath.Join(dir, "dists", stockSuite)
	if err := os.MkdirAll(filepath.Dir(filepath.Join(suite, name)), 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(suite, name), []byte(packages.String()), 0o644); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(suite, "Release"), []byte(release), 0o644)
}

func output(ctx context.Context, name string, args ...string) (string, error) {
	out, err := exec.CommandContext(ctx, name, args...).Output()
	if err != nil {
		return "", fmt.Errorf("%s %s: %w", name, strings.Join(args, " "), err)
	}
	return strings.TrimSpace(string(out)), nil
}

// readRepository describes a built repository as the hosts see it.
func readRepository(dir string) (*Repository, error) {
	key, err := os.ReadFile(filepath.Join(dir, keyName))
	if err != nil {
		return nil, err
	}
	fingerprint, err := os.ReadFile(filepath.Join(dir, fingerprintName))
	if err != nil {
		return nil, err
	}
	return &Repository{
		URI: "http://" + repositoryAddress, Suite: stockSuite, Component: repositoryComponent,
		Key: string(key), KeyFile: filepath.Join(dir, keyName), Fingerprint: strings.TrimSpace(string(fingerprint)),
	}, nil
}
