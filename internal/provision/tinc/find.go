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

	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// ErrNoNode says that the machine answered, and has no node of that mesh.
var ErrNoNode = errors.New("there is no tinc node of this mesh on the machine")

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

// findScript prints the node's own files, each behind a mark.
const findScript = `cd %s 2>/dev/null || exit 0
name=$(sed -n 's/^Name *= *//p' tinc.conf)
printf 'name %%s\n' "$name"
sed 's/^/host /' "hosts/$name" 2>/dev/null
sed -n 's/.* mtu \([0-9]*\).*/mtu \1/p' tinc-up 2>/dev/null
openssl rsa -in rsa_key.priv -pubout 2>/dev/null | sed 's/^/key /'
`

// Find reads the node of a mesh from a machine: one round trip. The private key
// is not read.
func Find(ctx context.Context, host remote.Host, mesh string) (Found, error) {
	result, err := host.Run(ctx, remote.Command{Name: "reading the tinc node", Reads: true, Script: fmt.Sprintf(findScript, remote.Quote(directory(mesh)))})
	if err != nil {
		return Found{}, err
	}
	return parseFound(mesh, string(result.Stdout))
}

var hostLine = regexp.MustCompile(`^host\s+(\w+)\s*=\s*(.*)$`)

func parseFound(mesh, text string) (Found, error) {
	found := Found{Port: 655, MTU: 1400}
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		switch {
		case strings.HasPrefix(line, "name "):
			found.Name = strings.TrimSpace(line[5:])
		case strings.HasPrefix(line, "mtu "):
			found.MTU, _ = strconv.Atoi(strings.TrimSpace(line[4:]))
		case strings.HasPrefix(line, "key "):
			found.PublicKey += line[4:] + "\n"
		default:
			if parts := hostLine.FindStringSubmatch(line); parts != nil {
				found.take(parts[1], parts[2])
			}
		}
	}
	if found.Name == "" || found.Address == "" || found.PublicKey == "" {
		return found, fmt.Errorf("%w: %s has no tinc.conf, key or own host file with a Subnet", ErrNoNode, directory(mesh))
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
