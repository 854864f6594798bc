// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package innodbcluster

import (
	"bytes"
	"cmp"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/atollhq/terraform-provider-atoll/internal/provision/mysqld"
)

const (
	modeVariable      = "group_replication_ssl_mode"
	verifies          = "VERIFY_IDENTITY"
	membersVariable   = "group_replication_recovery_ssl_ca"
	recoveryVerifying = "group_replication_recovery_ssl_verify_server_cert"
)

// Trust is what a machine says of how its server knows the others.
type Trust struct {
	// Maker is who makes the server's own certificate, see package mysqld.
	Maker string `json:"maker"`
	// Members is the file by which it verifies the others.
	Members []byte `json:"members"`
}

// trust is how the members of a cluster are to know each other.
type trust struct {
	// wanted: all of them have certificates of Atoll's, or will; ready: those that
	// answer show them, and each that is in the group is known.
	wanted, ready bool
	// whole: each declared member is known, whether it can be asked now or not.
	whole bool
	// awaited are declared members that answer and have no authority now.
	awaited []string
	// members is what each verifies the others by.
	members string
	// verify are those that verify others now.
	verify map[string]string
}

// mode is what a member has to start with. One that verifies others never stops that.
func (t trust) mode(key string) string {
	switch was := t.verify[key]; {
	case t.wanted && t.ready:
		return verifies
	case was != "":
		return was
	}
	return "REQUIRED"
}

// verifies says whether a member verifies the others by Atoll's certificates.
func (t trust) verifies(key string) bool {
	return t.wanted && strings.HasPrefix(t.mode(key), "VERIFY_")
}

// variables are that and those that go with it, in the order in which they are set:
// who verifies knows by what. Where others see to certificates, so they do to these.
func (t trust) variables(key string) []variable {
	mode := variable{modeVariable, t.mode(key), rejoining}
	if !t.wanted {
		return []variable{mode}
	}
	file, on := "", "OFF"
	if t.verifies(key) {
		file, on = mysqld.MembersFile, "ON"
	}
	return []variable{{membersVariable, file, rejoining}, {recoveryVerifying, on, rejoining}, mode}
}

// trusting finds out who is known by what. Nobody is forgotten who could not be asked.
func (d *diagnosing) trusting() {
	t := trust{wanted: true, ready: true, verify: map[string]string{}}
	known, kept := map[string]string{}, map[string]string{}
	addresses := map[string]bool{}
	for _, member := range d.cluster.Members {
		addresses[member.Address] = true
	}
	for _, member := range d.view { // who leaves is one of them until it has gone
		addresses[member.Host] = true
	}
	for _, key := range slices.Sorted(maps.Keys(d.seen)) {
		seen := d.seen[key]
		if mode := seen.Persisted[modeVariable]; strings.HasPrefix(mode, "VERIFY_") {
			t.verify[key] = mode
		}
		for address, authority := range authoritiesIn(seen.Trust.Members) {
			kept[address] = authority
		}
		member, declared := d.cluster.Members[key]
		if !declared {
			member = d.cluster.Leavers[key]
		}
		if authority := seen.Certificate.AuthorityPEM(); authority != "" && addresses[member.Address] {
			known[member.Address] = authority
		}
		if declared && seen.Answers {
			t.wanted = t.wanted && slices.Contains([]string{mysqld.MakerAtoll, mysqld.MakerEarlier}, seen.Trust.Maker)
			t.ready = t.ready && seen.Certificate.Shown()
			if seen.Certificate.AuthorityPEM() == "" {
				t.awaited = append(t.awaited, key)
			}
		}
	}
	for address := range addresses {
		if known[address] == "" && kept[address] != "" {
			known[address] = kept[address]
		}
	}
	t.whole = true
	for _, member := range d.cluster.Members {
		t.whole = t.whole && known[member.Address] != ""
	}
	for _, member := range d.view {
		t.ready = t.ready && known[member.Host] != ""
	}
	for _, address := range slices.Sorted(maps.Keys(known)) {
		t.members += known[address]
	}
	d.cluster.trust = t
	if t.wanted {
		d.knowing()
	}
}

// knowing finds servers that verify the others by something else than they should,
// whatever else is to be done. A member that is to leave is one of them until it has
// gone: a newcomer comes in before, and nobody comes in whom one member does not know.
func (d *diagnosing) knowing() {
	for _, key := range slices.Sorted(maps.Keys(d.seen)) {
		if _, declared := d.cluster.Members[key]; !declared && uuidOf(d.view, key) == "" {
			continue
		}
		seen := d.seen[key]
		if !seen.Answers || seen.Certificate.AuthorityPEM() == "" || string(seen.Trust.Members) == d.cluster.trust.members {
			continue
		}
		d.find(Know{key}, key, CodeTrust, "verifies the others by other certificates than theirs")
	}
	if len(d.cluster.trust.verify) == 0 {
		return
	}
	// Its server's apply comes first; without this line the others would hear of what
	// that makes by the next apply only.
	for _, key := range d.cluster.trust.awaited {
		d.find(nil, key, CodeTrust, "has no certificate of its own any more, and gets another by its atoll_mysql_server, which the others have to know")
	}
}

// ErrStranger says that a member would not let a newcomer in.
var ErrStranger = errors.New("a member that verifies the others cannot be told of it")

// stranger refuses a newcomer that somebody in the group does not know and cannot be
// told of: Group Replication would wait for minutes for a view that never comes. What
// all that can be asked have known before, the others have, too.
func (d *diagnosing) stranger(key string) error {
	authority := d.seen[key].Certificate.AuthorityPEM()
	if len(d.cluster.trust.verify) == 0 || authority == "" {
		return nil
	}
	var silent []string
	known := true
	for _, member := range d.view {
		at := cmp.Or(d.cluster.keyOf(member.Endpoint()), member.Endpoint())
		switch seen := d.seen[at]; {
		case seen.Answers:
			known = known && strings.Contains(string(seen.Trust.Members), authority)
		case member.State != "UNREACHABLE":
			silent = append(silent, at)
		}
	}
	if known || len(silent) == 0 {
		return nil
	}
	return fmt.Errorf("%w: %s is in the group and does not answer, and would not let it in. Nothing was changed. Make its machine reachable, or stop the member there (STOP GROUP_REPLICATION), and apply again", ErrStranger, strings.Join(silent, ", "))
}

// verifying finds members that do not verify the others. It takes them out of the
// group for a moment, so all have to be there: who is away comes first.
func (d *diagnosing) verifying() {
	t := d.cluster.trust
	if len(d.view) < 2 || len(d.away()) > 0 || len(d.unheard()) > 0 {
		return
	}
	keys := d.cluster.keys()
	if at := slices.Index(keys, d.Primary); at >= 0 {
		keys = append(slices.Delete(keys, at, at+1), d.Primary) // last: its role moves once
	}
	for _, key := range keys {
		seen := d.seen[key]
		is := seen.Variables[modeVariable]
		if t.wanted && !t.ready {
			// The plan says what comes once each member's server was applied.
			if is != verifies {
				d.find(nil, key, CodeTrust, "variable %s: is %s, want %s, for which each member needs a certificate by its atoll_mysql_server"+outForIt, modeVariable, is, verifies)
			}
			continue
		}
		for _, want := range t.variables(key) {
			if is := seen.Variables[want.name]; want.differs(is) {
				d.find(Verify{key}, key, CodeTrust, "variable %s: is %s, want %s"+outForIt, want.name, is, want.value)
			}
		}
	}
	d.refuse(d.mixed())
}

// outForIt is what it costs.
const outForIt = ", and it leaves the group for some seconds to begin with that"

// mixed refuses a member with a certificate of somebody else's among those that
// verify each other by Atoll's.
func (d *diagnosing) mixed() error {
	for _, key := range d.cluster.keys() {
		for _, other := range d.cluster.keys() {
			if d.seen[key].Answers && d.seen[key].Trust.Maker == mysqld.MakerOther && d.seen[other].Variables[membersVariable] == mysqld.MembersFile {
				return fmt.Errorf("member %s: %w: its settings name another (ssl_ca, ssl_capath, ssl_cert or ssl_key). Leave those out and apply", key, mysqld.ErrVerified)
			}
		}
	}
	return nil
}

// authoritiesIn are the certificates of a file by the addresses that they are for.
// What is no certificate of an authority of Atoll's is left out.
func authoritiesIn(file []byte) map[string]string {
	found := map[string]string{}
	for {
		var block *pem.Block
		if block, file = pem.Decode(file); block == nil {
			return found
		}
		certificate, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			continue
		}
		if name := strings.Fields(certificate.Subject.CommonName); len(name) == 3 && name[0] == "Atoll" {
			found[name[1]] = string(bytes.TrimRight(pem.EncodeToMemory(block), "\n")) + "\n"
		}
	}
}
