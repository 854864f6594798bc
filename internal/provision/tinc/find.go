// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package tinc

import (
	"context"
	"errors"
	"fmt"
	"net"
	"regexp"
	"strconv"
	"strings"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// ErrNoNode says that the machine answered, and has no node of that mesh.
var ErrNoNode = errors.New("there is no tinc node of this mesh on the machine")

// ErrOtherNode says that the machine has a node of that mesh, and by another name.
var ErrOtherNode = errors.New("the machine is another node of this mesh")

// Found is a node as it stands on a machine, for import.
type Found struct {
	// Name is tinc's, with underscores.
	Name string
	// Address inside the mesh, Endpoint and Port outside of it.
	Address, Endpoint string
	Port, MTU         int
	// PublicKey in PEM form.
	PublicKey string
}

// findScript prints the node's own files, each line behind a mark, or none.
const findScript = `dir=%s
if ! there "$dir/tinc.conf"; then
  echo none
  echo '` + converge.WholeMark + `'
  exit
fi
set -e
cd "$dir"
name=$(sed -n 's/^Name *= *//p' tinc.conf)
key=$(openssl rsa -in rsa_key.priv -pubout 2>&1) || { printf '%%s\n' "$key" >&2; exit 1; }
printf 'name %%s\n' "$name"
sed 's/^/host /' "hosts/$name"
if there "$dir/tinc-up"; then sed -n 's/.* mtu \([0-9]*\).*/mtu \1/p' tinc-up; fi
printf '%%s\n' "$key" | sed 's/^/key /'
echo '` + converge.WholeMark + `'`

// find asks for the node of a mesh. The private key is not read.
func find(mesh string) converge.Question[Found] {
	return converge.Question[Found]{
		Name:   "the tinc node of mesh " + mesh,
		Script: converge.ThereFunction + fmt.Sprintf(findScript, remote.Quote(directory(mesh))),
		Read:   func(output string) (Found, error) { return readFound(mesh, output) },
	}
}

// Find reads the node of a mesh from a machine, by its name in Terraform: one round trip.
func Find(ctx context.Context, host remote.Host, mesh, name string) (Found, error) {
	found, err := converge.Ask(ctx, host, find(mesh))
	if err == nil {
		err = found.refuse(mesh, name)
	}
	return found, err
}

// refuse says why what was found is not the node of a name: taken for that one, it would be
// removed with its key by the first apply of a configuration that has the right name.
func (f Found) refuse(mesh, name string) error {
	switch {
	case f.Name == "":
		return fmt.Errorf("%w: %s/tinc.conf is not there", ErrNoNode, directory(mesh))
	case f.Name != NodeName(name):
		hyphens := ""
		if strings.Contains(f.Name, "_") {
			hyphens = ", with the hyphens that its declaration has, which tinc writes as underscores"
		}
		return fmt.Errorf("%w: it is %s in the mesh %s, as Name in %s/tinc.conf says, and not %s. Import %[3]s/%[2]s%[6]s", ErrOtherNode, f.Name, mesh, directory(mesh), name, hyphens)
	}
	return nil
}

var hostLine = regexp.MustCompile(`^host\s+(\w+)\s*=\s*(.*)$`)

// readFound gives a node without a name where there is none.
func readFound(mesh, output string) (Found, error) {
	rows, err := converge.Whole(output)
	if err != nil || rows == "none\n" {
		return Found{}, err
	}
	found := Found{Port: 655, MTU: 1400}
	for line := range strings.Lines(rows) {
		line = strings.TrimRight(line, "\n")
		switch {
		case strings.HasPrefix(line, "name "):
			found.Name = strings.TrimSpace(line[5:])
		case strings.HasPrefix(line, "mtu "):
			found.MTU, _ = strconv.Atoi(strings.TrimSpace(line[4:]))
		case strings.HasPrefix(line, "key "):
			found.PublicKey += line[4:] + "\n"
		case strings.HasPrefix(line, "host "):
			if parts := hostLine.FindStringSubmatch(line); parts != nil {
				found.take(parts[1], parts[2])
			}
		default:
			return found, fmt.Errorf("line %q makes no sense", line)
		}
	}
	if found.Name == "" || found.Address == "" || found.PublicKey == "" {
		return found, fmt.Errorf("%s has no Name in tinc.conf, no key or no own host file with a Subnet", directory(mesh))
	}
	return found, nil
}

func (f *Found) take(key, value string) {
	switch strings.ToLower(key) {
	case "address":
		fields := strings.Fields(value)
		if len(fields) > 0 {
			f.Endpoint = fields[0]
		}
		if len(fields) > 1 {
			f.Port, _ = strconv.Atoi(fields[1])
		}
	case "port":
		f.Port, _ = strconv.Atoi(value)
	case "subnet":
		f.Address, _, _ = strings.Cut(value, "/")
		if ip := net.ParseIP(f.Address); ip == nil {
			f.Address = ""
		}
	}
}
