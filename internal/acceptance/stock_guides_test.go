// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package acceptance

import (
	"os"
	"path/filepath"
	"strings"

	"github.com/atollhq/terraform-provider-atoll/internal/lab"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// page is a guide that somebody reads who has followed the first one.
type page struct {
	name string
	// before does what a block begins with, by the block's number: what somebody
	// did to the servers, or what the text between the blocks tells the reader to do.
	before map[int]func(*student)
	// elsewhere are blocks that another test runs, by what is in them.
	elsewhere []string
}

// student is a reader with a site of their own.
type student struct {
	*fixture
	reader
	inventory lab.Inventory
	output    string
}

func pages() []page {
	return []page{
		{name: "applications"},
		{name: "secrets"},
		{name: "upgrading"},
		{
			name:      "drift",
			before:    map[int]func(*student){0: (*student).threeFaults, 2: (*student).mended},
			elsewhere: []string{"drift.sh", "drift_key", "atoll-watcher"}, // TestDriftInCI
		},
		{name: "keys", before: map[int]func(*student){0: (*student).newHostKey, 2: (*student).declaresWhatWasShown, 3: (*student).newLoginKey}},
	}
}

// study follows the pages as they are printed and holds what they print against
// what was printed there.
func (s *student) study(root string) {
	s.reader.Helper()
	for _, page := range pages() {
		guide, err := os.ReadFile(filepath.Join(root, "templates", "guides", page.name+".md.tmpl"))
		s.must(err)
		for number, turns := range transcripts(string(guide)) {
			if prepare := page.before[number]; prepare != nil {
				prepare(s)
			}
			for _, turn := range turns {
				if page.runsElsewhere(turn) {
					continue
				}
				if s.output = s.take(turn); !shows(s.output, turn.printed) {
					s.reader.Errorf("%s: the command\n%s\nis said to print\n%s\nand printed\n%s", page.name, turn.command, strings.Join(turn.printed, "\n"), s.output)
				}
			}
		}
	}
}

func (p page) runsElsewhere(turn turn) bool {
	for _, part := range p.elsewhere {
		if strings.Contains(turn.command, part) {
			return true
		}
	}
	return false
}

// take types one command where it is said to be typed.
func (s *student) take(turn turn) string {
	s.reader.Helper()
	command := strings.ReplaceAll(turn.command, "admin@", "deploy@")
	if host := s.at(command); len(turn.typed) > 0 {
		return s.on(host, "mysql <<'END' 2>&1\n"+strings.Join(turn.typed, "\n")+"\nEND")
	}
	if turn.host != "" {
		// A password is asked for at a terminal, which nobody has here.
		output, _ := s.try(turn.host, "{ "+strings.ReplaceAll(command, " -p ", " -p'a long password' ")+"; } 2>&1 | grep -v 'Using a password'")
		return output
	}
	return s.run(filepath.Join(s.home, "site", "three-servers"), "export TF_VAR_sudo_password=${TF_VAR_sudo_password:-atoll-lab}\n"+command+"\n", "yes\n")
}

// at is the host whose address is in a command.
func (s *student) at(command string) string {
	for _, host := range s.inventory.Hosts {
		if strings.Contains(command, "@"+host.Address) {
			return host.Name
		}
	}
	return ""
}

// threeFaults are those of the guide on drift.
func (s *student) threeFaults() {
	s.on("hk2", "echo '# mine' >>/etc/tinc/site/tinc.conf; systemctl stop mysqlrouter")
	s.sql("sg1", "SET GLOBAL binlog_expire_logs_seconds = 4711")
}

func (s *student) mended() {
	s.apply()
	s.inSync()
}

// newHostKey is what a reinstalled server has.
func (s *student) newHostKey() {
	s.mended()
	s.on("hk2", "rm /etc/ssh/ssh_host_*; ssh-keygen -q -t ed25519 -N '' -f /etc/ssh/ssh_host_ed25519_key; systemctl restart ssh")
}

// declaresWhatWasShown puts the key that the server itself prints into the
// configuration.
func (s *student) declaresWhatWasShown() {
	s.reader.Helper()
	host, err := s.inventory.Host("hk2")
	s.must(err)
	path := filepath.Join(s.home, "site", "three-servers", "terraform.tfvars")
	content, err := os.ReadFile(path)
	s.must(err)
	words := strings.Fields(s.output)
	if len(words) < 2 {
		s.reader.Fatalf("the server printed %q", s.output)
	}
	s.must(os.WriteFile(path, []byte(s.own(string(content), host.HostKey, words[0]+" "+words[1])), 0o600))
}

// newLoginKey is let in everywhere.
func (s *student) newLoginKey() {
	s.run(s.home, "ssh-keygen -q -t ed25519 -N '' -f .ssh/new", "")
	public, err := os.ReadFile(filepath.Join(s.home, ".ssh", "new.pub"))
	s.must(err)
	for _, host := range s.inventory.Hosts {
		s.on(host.Name, "printf '\n%s\n' "+remote.Quote(strings.TrimSpace(string(public)))+" >>~deploy/.ssh/authorized_keys")
	}
}
