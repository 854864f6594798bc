// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

// Package tinc is the provisioning plugin for a mesh of tinc 1.0.36.
//
// A Node is tinc on one machine: the daemon, its private key, its own address.
// A Mesh is the relation between nodes: who knows whom, and how the links
// behave. The node owns tinc.conf and the key; the mesh owns conf.d/mesh.conf
// and the other nodes' host files, so that adding a peer touches nothing of the
// links between the others (tincd drops a peer whose host file has a new time
// stamp, src/net.c of release-1.0.36).
package tinc

import (
	"context"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// Node is what one atoll_mesh_peer declares.
type Node struct {
	// Mesh is tinc's net name: directory, unit instance and interface.
	Mesh string
	// Name of the node in Terraform; see NodeName for tinc's.
	Name string
	// Address inside of the mesh.
	Address string
	// Endpoint is the address at which others dial; Port is tinc's TCP and UDP port.
	Endpoint string
	Port     int
	// MTU of the mesh's interface, in bytes.
	MTU int
}

// NodeName maps a name to what tinc allows: letters, digits and underscores.
func NodeName(name string) string { return strings.ReplaceAll(name, "-", "_") }

const nodeOwner = "mesh-peer/"

// Owner is the name under which the machine records what a node has.
func (n Node) Owner() string { return nodeOwner + n.Mesh }

// Unit is the systemd unit of a mesh's daemon.
func Unit(mesh string) string { return "tinc@" + mesh + ".service" }

// MeshOf is the mesh that a unit brings up; "" for another unit.
func MeshOf(unit string) string {
	before, after, found := strings.Cut(Unit("\x00"), "\x00")
	mesh, isBefore := strings.CutPrefix(unit, before)
	mesh, isAfter := strings.CutSuffix(mesh, after)
	if !found || !isBefore || !isAfter {
		return ""
	}
	return mesh
}

// Root is where each mesh of a machine has a directory of its name.
const Root = "/etc/tinc"

func directory(mesh string) string { return Root + "/" + mesh }

// CodePrivateKey says that there is no private key that can be used, so apply makes one.
const CodePrivateKey converge.Code = "tinc-private-key"

// Manifest is everything that the node wants on its machine.
func (n Node) Manifest() (converge.Manifest, error) {
	if err := n.forms(); err != nil {
		return converge.Manifest{}, fmt.Errorf("the node %q of mesh %q: %w", n.Name, n.Mesh, err)
	}
	dir, unit, yes := directory(n.Mesh), Unit(n.Mesh), true
	restart := []string{unit}
	return converge.Manifest{
		Owner: n.Owner(),
		Items: []converge.Item{
			converge.Package{Name: "tinc"}, converge.Package{Name: "iputils-ping"}, converge.Package{Name: "openssl"},
			converge.Directory{Path: dir, Mode: 0o755}, converge.Directory{Path: dir + "/hosts", Mode: 0o755}, converge.Directory{Path: dir + "/conf.d", Mode: 0o755},
			converge.File{Path: dir + "/tinc.conf", Mode: 0o644, Content: n.config(), Restart: restart},
			converge.File{Path: dir + "/tinc-up", Mode: 0o755, Content: n.upScript(), Restart: restart},
			converge.File{Path: dir + "/tinc-down", Mode: 0o755, Content: []byte("#!/bin/sh\nip link set dev \"$INTERFACE\" down\n"), Restart: restart},
			n.keyAction(), n.hostFileAction(), n.mtuCheck(), n.seatCheck(),
			converge.Unit{Name: unit, Enabled: &yes, Active: &yes},
			publicKey(n.Mesh),
		},
	}, nil
}

// config holds what belongs to the node alone. IndirectData and StrictSubnets
// make the declared links the only ways that packets take.
func (n Node) config() []byte {
	return fmt.Appendf(nil, `# Written by Atoll. How the links behave and who the peers are stands in conf.d/, kept by the mesh.
Name = %s
Mode = router
Interface = %s
Port = %d
StrictSubnets = yes
IndirectData = yes
`, NodeName(n.Name), n.Mesh, n.Port)
}

// upScript runs when tincd has made its interface. The network is the mesh's to
// know: its file is written by the mesh, before or after.
func (n Node) upScript() []byte {
	return fmt.Appendf(nil, `#!/bin/sh
# Written by Atoll.
ip link set dev "$INTERFACE" mtu %d up
ip addr replace %s/32 dev "$INTERFACE"
if [ -r %s ]; then ip route replace "$(cat %[3]s)" dev "$INTERFACE" src %[2]s; fi
`, n.MTU, n.Address, networkFile(n.Mesh))
}

// networkFile holds the mesh's network in CIDR form.
func networkFile(mesh string) string { return directory(mesh) + "/network" }

// keyAction makes the private key on the machine. It appears under its name
// only when it is whole, so a killed run leaves none that is half.
func (n Node) keyAction() converge.Action {
	key := remote.Quote(directory(n.Mesh) + "/rsa_key.priv")
	return converge.Action{
		Name: "make the private key",
		Line: converge.Line{Subject: "private key", Code: CodePrivateKey, Text: "missing, shorter than 2048 bits, or not readable by root alone"},
		Done: fmt.Sprintf(`[ "$(stat -c '%%a %%U' %[1]s)" = '600 root' ] && [ "$(%[2]s)" -ge 2048 ]`, key, keyBits(key)),
		// openssl ends with 1 for a key that is missing or damaged; whatever else
		// it ends with says nothing about the key, which then stays.
		Run: fmt.Sprintf(`code=0
openssl rsa -in %[1]s -noout 2>/dev/null || code=$?
if [ $code -gt 1 ]; then echo "openssl ended with $code when it read the key" >&2; exit 1; fi
if [ $code = 1 ] || [ "$(%[2]s)" -lt 2048 ]; then
  umask 077
  openssl genrsa -traditional -out %[1]s.new 4096 2>/dev/null
  sync %[1]s.new
  mv -f %[1]s.new %[1]s
fi
chown root:root %[1]s
chmod 0600 %[1]s`, key, keyBits(key)),
		Restart: []string{Unit(n.Mesh)},
	}
}

// keyBits is a command that prints the length of a private key.
func keyBits(key string) string {
	return `openssl rsa -in ` + key + ` -noout -text | sed -n 's/^.*Private-Key: (\([0-9]*\) bit.*/\1/p'`
}

// hostFileAction assembles the node's own host file from the key: only the
// machine knows it. It is the file that the mesh writes on all others, to the
// byte, so both make it with hostFile.
func (n Node) hostFileAction() converge.Action {
	dir := directory(n.Mesh)
	head := hostFileHead(n.Address, n.Endpoint, n.Port)
	assemble := fmt.Sprintf(`{ printf '%%s' %s; openssl rsa -in %s -pubout 2>/dev/null; }`, remote.Quote(head), remote.Quote(dir+"/rsa_key.priv"))
	file := remote.Quote(dir + "/hosts/" + NodeName(n.Name))
	return converge.Action{
		Name:    "write the node's own host file",
		Line:    converge.Line{Subject: "file " + dir + "/hosts/" + NodeName(n.Name), Code: converge.CodeContent, Text: "content differs"},
		Done:    fmt.Sprintf(`[ "$(%s)" = "$(cat %s)" ]`, assemble, file),
		Run:     fmt.Sprintf("%s >%s.atoll\nchmod 0644 %[2]s.atoll\nmv -f %[2]s.atoll %[2]s", assemble, file),
		Restart: []string{Unit(n.Mesh)},
	}
}

// hostFileHead is a host file without the key.
func hostFileHead(address, endpoint string, port int) string {
	return fmt.Sprintf("Address = %s %d\nPort = %[2]d\nSubnet = %s/32\n", endpoint, port, address)
}

// PublicKey is the node's public key in PEM form, as the machine showed it; ""
// when the private key is missing or damaged.
func (n Node) PublicKey(o converge.Observation) (string, error) { return publicKey(n.Mesh).Answer(o) }

// publicKey asks for the public half of the private key. A machine without
// openssl, which comes with the node, has none that could be used.
func publicKey(mesh string) converge.Question[string] {
	return converge.Question[string]{
		Name: "the node's public key",
		Script: fmt.Sprintf(`code=0
key=$(openssl rsa -in %s -pubout) || code=$?
case $code in 0) printf '%%s\n' "$key" ;; 1|127) echo none ;; *) exit $code ;; esac`, remote.Quote(directory(mesh)+"/rsa_key.priv")),
		Read: readPublicKey,
	}
}

func readPublicKey(output string) (string, error) {
	text := strings.TrimSpace(output)
	if text == "none" {
		return "", nil
	}
	if block, rest := pem.Decode([]byte(text)); block == nil || block.Type != "PUBLIC KEY" || len(rest) > 0 || !strings.HasPrefix(text, "-----BEGIN ") {
		return "", errors.New("this is no public key in PEM form")
	}
	return text + "\n", nil
}

// Remove takes the node from its machine: what the record lists, and then what
// the machine made itself, the key and the own host file.
func (n Node) Remove(ctx context.Context, host remote.Host) error {
	if err := converge.Remove(ctx, host, n.Owner()); err != nil {
		return err
	}
	dir := directory(n.Mesh)
	_, err := host.Run(ctx, remote.Command{Name: "removing the node's key", Script: fmt.Sprintf(
		"rm -f %[1]s %[2]s && rmdir %[3]s/hosts %[3]s/conf.d %[3]s 2>/dev/null || :",
		remote.Quote(dir+"/rsa_key.priv"), remote.Quote(dir+"/hosts/"+NodeName(n.Name)), remote.Quote(dir))})
	return err
}
