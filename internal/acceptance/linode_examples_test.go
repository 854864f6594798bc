// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package acceptance

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2/hclparse"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/linode/linodego"
	"go.yaml.in/yaml/v3"
	"golang.org/x/crypto/ssh"

	"github.com/atollhq/terraform-provider-atoll/internal/site"
)

// withUserData are the examples that give user data to other providers' machines.
var withUserData = []string{"mixed-estates/main.tf"}

// The user data of the examples are what a real Terraform makes of them, parse as
// cloud-init does it, and give hosts of the lab the very key that the example
// declares for them.
func TestLinodeUserDataOfTheExamples(t *testing.T) {
	a := declare(t, "")
	root, err := site.Root()
	a.must(err)
	examples := filepath.Join(root, "examples")
	if found := namingUserData(a, examples); !slices.Equal(found, withUserData) {
		t.Errorf("user data are in %v, and %v are tried", found, withUserData)
	}
	keys := map[string]map[string]string{}
	for _, name := range []string{"sg1", "fsn1"} {
		keys[name] = newKey(a)
	}
	userData := a.evaluate(localsOf(a, filepath.Join(examples, withUserData[0])), keys)
	var hosts strings.Builder
	for name, key := range keys {
		var read struct {
			Keys map[string]string `yaml:"ssh_keys"`
		}
		a.must(yaml.Unmarshal([]byte(userData[name]), &read))
		signer, err := ssh.ParsePrivateKey([]byte(read.Keys["ed25519_private"]))
		if err != nil {
			t.Fatalf("%s: the private key in %s: %v", name, userData[name], err)
		}
		public := strings.TrimSpace(key["public_key_openssh"])
		if is := strings.TrimSpace(string(ssh.MarshalAuthorizedKey(signer.PublicKey()))); is != public || read.Keys["ed25519_public"] != public {
			t.Errorf("%s: the pair is %s and %s, want %s", name, is, read.Keys["ed25519_public"], public)
		}
		login, err := os.ReadFile(a.lab.Inventory.Key + ".pub")
		a.must(err)
		made, err := a.api.CreateInstance(t.Context(), linodego.InstanceCreateOptions{
			Region: "ap-south", Type: "g6-nanode-1", Label: name, Image: "linode/debian13", AuthorizedKeys: []string{strings.TrimSpace(string(login))},
			Metadata: &linodego.InstanceMetadataOptions{UserData: base64.StdEncoding.EncodeToString([]byte(userData[name]))},
		})
		a.must(err)
		fmt.Fprintf(&hosts, "resource \"atoll_host\" %q {\n  hostname = %[1]q\n  ssh = { host = %q, host_key = %q }\n}\n", name, made.IPv4[0].String(), public)
	}
	// The machines are still booting for the first time.
	a.write(hosts.String())
	a.apply()
	a.inSync()
}

// namingUserData finds the examples in which something is called user_data.
func namingUserData(a *account, examples string) (found []string) {
	a.Helper()
	a.must(filepath.WalkDir(examples, func(path string, _ fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".tf" {
			return err
		}
		content, err := os.ReadFile(path)
		if err == nil && strings.Contains(string(content), "user_data") {
			name, _ := filepath.Rel(examples, path)
			found = append(found, name)
		}
		return err
	}))
	return found
}

// newKey is a pair as tls_private_key has it.
func newKey(a *account) map[string]string {
	a.Helper()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	a.must(err)
	block, err := ssh.MarshalPrivateKey(private, "")
	a.must(err)
	key, err := ssh.NewPublicKey(public)
	a.must(err)
	return map[string]string{"private_key_openssh": string(pem.EncodeToMemory(block)), "public_key_openssh": string(ssh.MarshalAuthorizedKey(key))}
}

// localsOf is the text of the example's locals.
func localsOf(a *account, path string) string {
	a.Helper()
	file, problems := hclparse.NewParser().ParseHCLFile(path)
	if problems.HasErrors() {
		a.Fatal(problems)
	}
	body, _ := file.Body.(*hclsyntax.Body)
	for _, block := range body.Blocks {
		if block.Type == "locals" {
			return string(block.Range().SliceBytes(file.Bytes))
		}
	}
	a.Fatalf("%s has no locals", path)
	return ""
}

// evaluate lets Terraform make user data of the example's own lines; the keys stand
// for the resources of another provider.
func (a *account) evaluate(locals string, keys map[string]map[string]string) (userData map[string]string) {
	a.Helper()
	encoded, err := json.Marshal(keys)
	a.must(err)
	text := strings.NewReplacer("tls_private_key.host", "local.keys", "~/.ssh/id_ed25519", a.lab.Inventory.Key).Replace(locals)
	alone := written(a.T, a.lab, "")
	a.must(os.WriteFile(filepath.Join(alone.Dir, "main.tf"), []byte(text+"\nlocals {\n  keys = "+string(encoded)+"\n}\noutput \"user_data\" {\n  value = local.user_data\n}\n"), 0o600))
	a.must(alone.Apply(a.Context()))
	a.must(alone.Output(a.Context(), "user_data", &userData))
	return userData
}
