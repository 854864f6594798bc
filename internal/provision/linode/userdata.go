// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package linode

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/textproto"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"
)

// userDataLimit is Linode's, of the data before they are encoded; ourPart is what
// Atoll may add.
const (
	userDataLimit = 65535
	ourPart       = 4096
)

const cloudConfigKind = "text/cloud-config"

// kinds of user data by how they begin, the longer of two that begin alike first
// (cloud-init's user-data formats).
var kinds = []struct{ prefix, kind string }{
	{"## template: jinja", "text/jinja2"}, {"## template:jinja", "text/jinja2"},
	{"#cloud-config-archive", "text/cloud-config-archive"}, {"#cloud-config-jsonp", "text/cloud-config-jsonp"}, {"#cloud-config", cloudConfigKind},
	{"#cloud-boothook", "text/cloud-boothook"}, {"#include-once", "text/x-include-once-url"}, {"#include", "text/x-include-url"},
	{"#part-handler", "text/part-handler"}, {"#!", "text/x-shellscript"},
}

func kindOf(userData string) string {
	for _, one := range kinds {
		if strings.HasPrefix(userData, one.prefix) {
			return one.kind
		}
	}
	return ""
}

// parts of a MIME archive that the user wrote: its headers, and what follows them.
func parts(userData string) (textproto.MIMEHeader, string, error) {
	reader := bufio.NewReader(strings.NewReader(userData))
	headers, err := textproto.NewReader(reader).ReadMIMEHeader()
	if err != nil {
		return nil, "", err
	}
	rest, err := io.ReadAll(reader)
	return headers, string(rest), err
}

// isArchive says whether user data are a MIME archive.
func isArchive(userData string) bool {
	headers, _, err := parts(userData)
	return err == nil && strings.HasPrefix(strings.ToLower(headers.Get("Content-Type")), "multipart/")
}

// CheckUserData says what is wrong with the user's own user data.
func CheckUserData(userData string, trust Trust) error {
	switch {
	case userData == "":
		return nil
	case kindOf(userData) == "" && !isArchive(userData):
		return errors.New(`it must begin with "#cloud-config", "#!", "## template: jinja", "#cloud-boothook", "#include", "#part-handler" or another mark of cloud-init's, or be a MIME archive, "Content-Type: multipart/mixed; boundary=…"`)
	case trust == TrustInjected && strings.Contains(userData, "\nssh_keys:"):
		return errors.New("it sets ssh_keys, and so does Atoll: leave it out, or give the key that it sets as host_key")
	case len(userData) > userDataLimit-ourPart:
		return fmt.Errorf("it has %d bytes; Linode takes %d, and Atoll adds up to %d of its own", len(userData), userDataLimit, ourPart)
	case kindOf(userData) == cloudConfigKind:
		return checkCloudConfig(userData)
	}
	return nil
}

// yamlLine is where a parser of YAML stopped; the rest of what it says may repeat
// the data.
var yamlLine = regexp.MustCompile(`line \d+`)

// checkCloudConfig says what cloud-init would find wrong at the first boot, and go on
// without the data: what is no YAML, or no mapping. Keys that stand twice are its affair.
func checkCloudConfig(userData string) error {
	var document yaml.Node
	err := yaml.Unmarshal([]byte(userData), &document)
	switch at := ""; {
	case err != nil:
		if line := yamlLine.FindString(err.Error()); line != "" {
			at = ", near " + line
		}
		return errors.New("it begins with #cloud-config and is no YAML" + at + ": the machine would be made without all of it. yamlencode(…) writes what is")
	case len(document.Content) > 0 && document.Content[0].Kind != yaml.MappingNode:
		return errors.New("it begins with #cloud-config and has no settings by name below, such as packages: the machine would be made without all of it")
	}
	return nil
}

// encode puts the host key and the user's own data into what Linode takes. A MIME
// archive of the user's becomes a part of ours, which cloud-init walks into.
func encode(key *pair, userData string) (string, error) {
	if key == nil {
		return base64.StdEncoding.EncodeToString([]byte(userData)), nil
	}
	ours := &strings.Builder{}
	fmt.Fprintf(ours, "#cloud-config\nssh_deletekeys: true\nssh_keys:\n  ed25519_public: %s\n  ed25519_private: |\n", key.public)
	for line := range strings.Lines(string(key.private)) {
		ours.WriteString("    " + line)
	}
	if userData == "" {
		return base64.StdEncoding.EncodeToString([]byte(ours.String())), nil
	}
	headers, content := textproto.MIMEHeader{"Content-Type": {kindOf(userData) + `; charset="utf-8"`}, "Mime-Version": {"1.0"}}, userData
	if isArchive(userData) {
		var err error
		if headers, content, err = parts(userData); err != nil {
			return "", err
		}
	}
	var body bytes.Buffer
	archive := multipart.NewWriter(&body)
	for _, part := range []struct {
		headers textproto.MIMEHeader
		content string
	}{{textproto.MIMEHeader{"Content-Type": {`text/cloud-config; charset="utf-8"`}, "Mime-Version": {"1.0"}}, ours.String()}, {headers, content}} {
		writer, err := archive.CreatePart(part.headers)
		if err != nil {
			return "", err
		}
		if _, err := writer.Write([]byte(part.content)); err != nil {
			return "", err
		}
	}
	if err := archive.Close(); err != nil {
		return "", err
	}
	text := fmt.Sprintf("Content-Type: multipart/mixed; boundary=%q\nMIME-Version: 1.0\n\n%s", archive.Boundary(), body.String())
	return base64.StdEncoding.EncodeToString([]byte(text)), nil
}
