// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package mysqld

import (
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
	"github.com/atollhq/terraform-provider-atoll/internal/provision"
)

// shown is a certificate that is as it should be, and that the server shows.
func shown() Certificate {
	const until = "Nov 23 13:04:06 2036 GMT"
	return Certificate{Authority: "whole", Server: "whole", Until: until, Now: 1795698246, PEM: []byte("A"), Used: serverFile, UsedUntil: until}
}

func TestDiagnosisOfTheCertificate(t *testing.T) {
	config := Config{Address: "10.77.0.11", Port: 3306, ServerID: 7}
	const server = "10.77.0.11:3306"
	certify := []provision.Operation{Certify{server}}
	for name, row := range map[string]struct {
		change     func(*Status)
		text       string
		operations []provision.Operation
	}{
		"as declared":                {func(*Status) {}, "", nil},
		"of a machine without any":   {func(s *Status) { s.Certificate = Certificate{Authority: "missing", Server: "missing"} }, "certificate: its authority is missing", certify},
		"and of one that is down":    {func(s *Status) { *s = Status{Certificate: Certificate{Authority: "missing"}} }, "certificate: its authority is missing", certify},
		"its authority is damaged":   {func(s *Status) { s.Certificate.Authority = "broken" }, "certificate: its authority is broken", certify},
		"it is missing":              {func(s *Status) { s.Certificate.Server = "missing" }, "certificate: is missing", certify},
		"it is somebody else's":      {func(s *Status) { s.Certificate.Server = "broken" }, "certificate: is not one that its authority has signed for 10.77.0.11, or has ended", certify},
		"it has a year left":         {func(s *Status) { s.Certificate.Now += 9*365*86400 - 86400 }, "", nil},
		"it has less than a year":    {func(s *Status) { s.Certificate.Now += 9*365*86400 + 5*86400 }, "certificate: ends on 2036-11-23, want more than a year", certify},
		"the server has not read it": {func(s *Status) { s.Certificate.UsedUntil = "Nov  1 00:00:00 2027 GMT" }, "certificate: the server shows another one, of " + serverFile + ", which ends on Nov  1 00:00:00 2027 GMT", []provision.Operation{Set{server}}},
		"it does not read it":        {func(s *Status) { s.Certificate.UsedUntil, s.WereSet = "Nov  1 00:00:00 2027 GMT", true }, "certificate: the server shows another one, of " + serverFile + ", which ends on Nov  1 00:00:00 2027 GMT", []provision.Operation{Restart{server}}},
	} {
		status := Status{Answers: true, Certificate: shown(), Variables: map[string]string{"ssl_cert": serverFile}}
		row.change(&status)
		findings := config.Diagnose(status)
		operations, err := provision.Operations(findings)
		if got := strings.Join(converge.Texts(provision.Drift(findings)), "; "); got != row.text || err != nil || cmp.Diff(row.operations, operations) != "" {
			t.Errorf("%s: %q, %v, %v; want %q, %v", name, got, operations, err, row.text, row.operations)
		}
	}
	config.Own = map[string]string{"ssl-cert": "/etc/ssl/mine.pem"}
	if findings := config.Diagnose(Status{Answers: true}); len(findings) > 0 || strings.Contains(string(config.file()), certificates) {
		t.Errorf("with one of the user's there is %v, and in the file:\n%s", provision.Drift(findings), config.file())
	}
}

// A member that others verify keeps what they know it by.
func TestVerifiedMembersKeepTheirCertificate(t *testing.T) {
	own := map[string]string{"ssl_cert": "/etc/ssl/mine.pem"}
	verified := func(by string) map[string]string {
		return map[string]string{"group_replication_ssl_mode": "VERIFY_CA", "group_replication_recovery_ssl_ca": by}
	}
	for name, row := range map[string]struct {
		own, persisted map[string]string
		refused        bool
	}{
		"nobody verifies":                         {nil, map[string]string{"group_replication_ssl_mode": "REQUIRED"}, false},
		"nobody verifies, and it has its own":     {own, nil, false},
		"by Atoll's":                              {nil, verified(MembersFile), false},
		"by Atoll's, and now it has its own":      {own, verified(MembersFile), true},
		"by somebody else's":                      {nil, verified("/etc/ssl/ca.pem"), true},
		"by somebody else's, which settings name": {own, verified("/etc/ssl/ca.pem"), false},
	} {
		err := Config{Own: row.own}.keepsCertificate(Status{Persisted: row.persisted})
		if errors.Is(err, ErrVerified) != row.refused || !row.refused && err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// workshop is a directory where certificates are made by the very script.
type workshop struct {
	*testing.T
	directory, programs string
}

func openWorkshop(t *testing.T) workshop {
	t.Helper()
	if _, err := exec.LookPath("openssl"); err != nil {
		t.Skip("there is no openssl on this machine")
	}
	w := workshop{t, filepath.Join(t.TempDir(), "atoll"), t.TempDir()}
	// Who is not root gives nothing to others.
	if err := os.WriteFile(filepath.Join(w.programs, "install"), []byte("#!/bin/sh\n[ \"$3\" != -g ] || { mode=$2; shift 4; set -- -m \"$mode\" \"$@\"; }\nexec /usr/bin/install \"$@\"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	return w
}

// do runs a function of the script for an address and gives what it prints.
func (w workshop) do(address, function string) string {
	w.Helper()
	script := strings.NewReplacer("directory="+certificates, "directory="+w.directory, "/run/atoll/", w.programs+"/").Replace("set -e\n" + Config{Address: address}.certificateScript(function))
	process := exec.CommandContext(w.Context(), "sh", "-c", script)
	process.Env = append(os.Environ(), "PATH="+w.programs+":"+os.Getenv("PATH"))
	output, err := process.CombinedOutput()
	if err != nil {
		w.Fatalf("%s: %v\n%s", function, err, output)
	}
	return string(output)
}

// says is what the machine answers about the certificate.
func (w workshop) says(address string) Certificate {
	w.Helper()
	var said Certificate
	document, found := strings.CutPrefix(w.do(address, "certificate_row"), "certificate\t")
	if err := json.Unmarshal([]byte(document), &said); err != nil || !found {
		w.Fatalf("%q: %v", document, err)
	}
	return said
}

func (w workshop) certificate(name string) *x509.Certificate {
	w.Helper()
	text, err := os.ReadFile(filepath.Join(w.directory, name))
	if err != nil {
		w.Fatal(err)
	}
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		if block.Type == "CERTIFICATE" {
			certificate, err := x509.ParseCertificate(block.Bytes)
			if err != nil {
				w.Fatal(err)
			}
			return certificate
		}
	}
	w.Fatalf("%s holds no certificate", name)
	return nil
}

func (w workshop) write(name, content string) {
	w.Helper()
	if err := os.WriteFile(filepath.Join(w.directory, name), []byte(content), 0o600); err != nil {
		w.Fatal(err)
	}
}

const workshopAddress = "10.77.0.11"

func TestCertificateIsForOneAddress(t *testing.T) {
	w := openWorkshop(t)
	if said := w.says(workshopAddress); said.Authority != "missing" || said.Server != "missing" {
		t.Errorf("before there is any: %+v", said)
	}
	w.do(workshopAddress, "certify")
	said := w.says(workshopAddress)
	end, err := ends(said.Until)
	if said.Authority != whole || said.Server != whole || err != nil || end.Before(time.Now().AddDate(9, 0, 0)) || said.Expires() == "" {
		t.Errorf("it says %+v, %v", said, err)
	}
	authority, server := w.certificate("ca.pem"), w.certificate("server.pem")
	pool := x509.NewCertPool()
	pool.AddCert(authority)
	for at, want := range map[string]bool{workshopAddress: true, "10.77.0.12": false} {
		if _, err := server.Verify(x509.VerifyOptions{Roots: pool, DNSName: at}); (err == nil) != want {
			t.Errorf("at %s: %v", at, err)
		}
	}
	if _, err := server.Verify(x509.VerifyOptions{Roots: pool, DNSName: workshopAddress, CurrentTime: time.Now().Add(-24 * time.Hour)}); err != nil {
		t.Errorf("by a clock that is a day late: %v", err)
	}
	if ranges := authority.PermittedIPRanges; len(ranges) != 1 || ranges[0].String() != workshopAddress+"/32" || !authority.PermittedDNSDomainsCritical {
		t.Errorf("its authority may sign for %v", ranges)
	}
	for name, want := range map[string]os.FileMode{"authority.pem": 0o600, "server.pem": 0o640, "ca.pem": 0o644} {
		if about, err := os.Stat(filepath.Join(w.directory, name)); err != nil || about.Mode() != want {
			t.Errorf("%s: %v, %v", name, about.Mode(), err)
		}
	}
	if content, _ := os.ReadFile(filepath.Join(w.directory, "ca.pem")); strings.Contains(string(content), "PRIVATE") {
		t.Error("the authority's key is there for all to read")
	}
}

// What is damaged is seen and made again, and the authority stays as long as it can.
func TestCertificateIsMadeAgain(t *testing.T) {
	w := openWorkshop(t)
	w.do(workshopAddress, "certify")
	first := w.certificate("ca.pem")
	foreign := openWorkshop(t)
	foreign.do(workshopAddress, "certify")
	theirs, err := os.ReadFile(filepath.Join(foreign.directory, "server.pem"))
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		name    string
		damage  func()
		address string
		stays   bool
	}{
		{"somebody put another in its place", func() { w.write("server.pem", string(theirs)) }, workshopAddress, true},
		{"a run was ended after it made the authority", func() {
			for _, name := range []string{"ca.pem", "server.pem"} {
				if err := os.Remove(filepath.Join(w.directory, name)); err != nil {
					t.Fatal(err)
				}
			}
		}, workshopAddress, true},
		{"the authority is damaged", func() { w.write("authority.pem", "nothing") }, workshopAddress, false},
		{"the server has another address", func() {}, "10.77.0.12", false},
	} {
		row.damage()
		said := w.says(row.address)
		if said.Authority == whole && said.Server == whole {
			t.Errorf("%s: that is not seen", row.name)
		}
		w.do(row.address, "certify")
		if said := w.says(row.address); said.Authority != whole || said.Server != whole {
			t.Errorf("%s: afterwards it says %+v", row.name, said)
		}
		now := w.certificate("ca.pem")
		if now.Equal(first) != row.stays {
			t.Errorf("%s: that the authority stays is %v", row.name, now.Equal(first))
		}
		first = now
	}
}
