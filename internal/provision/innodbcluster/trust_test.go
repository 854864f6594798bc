// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package innodbcluster

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
	"github.com/atollhq/terraform-provider-atoll/internal/provision"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/mysqld"
)

// authority makes one for an address, as a file has it.
func authority(t *testing.T, address string) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	name := pkix.Name{CommonName: "Atoll " + address + " " + strings.ToLower(rand.Text())}
	made, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{SerialNumber: big.NewInt(1), Subject: name}, &x509.Certificate{Subject: name}, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: made}))
}

// certified gives every server a certificate that it shows, and lets each verify the
// others by all of them where they do that.
func certified(t *testing.T, c *Cluster, seen map[string]Observation, verify bool) map[string]string {
	t.Helper()
	const until, file = "Nov 23 13:04:06 2036 GMT", "/etc/mysql/atoll/server.pem"
	made, all := map[string]string{}, ""
	for _, key := range c.keys() {
		made[key] = authority(t, c.Members[key].Address)
		all += made[key]
	}
	for key, one := range seen {
		one.Certificate = mysqld.Certificate{Authority: "whole", Server: "whole", Until: until, PEM: []byte(strings.TrimSuffix(made[key], "\n")), Used: file, UsedUntil: until}
		one.Trust.Maker = mysqld.MakerAtoll
		set(one, modeVariable, "REQUIRED")
		set(one, membersVariable, "")
		set(one, recoveryVerifying, "OFF")
		if verify {
			one.Trust.Members = []byte(all)
			set(one, modeVariable, verifies)
			set(one, membersVariable, mysqld.MembersFile)
			set(one, recoveryVerifying, "ON")
		}
		seen[key] = one
	}
	return made
}

func TestMembersVerifyEachOther(t *testing.T) {
	change := func(seen map[string]Observation, key string, how func(*Observation)) {
		one := seen[key]
		how(&one)
		seen[key] = one
	}
	for _, row := range []struct {
		name   string
		verify bool
		change func(c *Cluster, seen map[string]Observation)
		want   []provision.Operation
		drift  int
		// mode is what a starts with from then on.
		mode string
	}{
		{"they do", true, func(*Cluster, map[string]Observation) {}, nil, 0, verifies},
		{"they do not yet: all get to know each other, and the primary goes last", false, func(*Cluster, map[string]Observation) {},
			[]provision.Operation{Know{"a"}, Know{"b"}, Know{"c"}, Verify{"b"}, Verify{"c"}, Verify{"a"}}, 12, verifies},
		{"one has no certificate yet", false, func(_ *Cluster, seen map[string]Observation) {
			change(seen, "c", func(s *Observation) { s.Certificate, s.Trust.Maker = mysqld.Certificate{}, mysqld.MakerEarlier })
		}, []provision.Operation{Know{"a"}, Know{"b"}}, 5, "REQUIRED"},
		{"one shows another: nobody stops verifying", true, func(_ *Cluster, seen map[string]Observation) {
			change(seen, "c", func(s *Observation) { s.Certificate.Server = "broken" })
		}, nil, 0, verifies},
		{"the authority of one is lost: the others have to hear of the next", true, func(_ *Cluster, seen map[string]Observation) {
			change(seen, "c", func(s *Observation) { s.Certificate = mysqld.Certificate{Authority: "missing", Server: "broken"} })
		}, nil, 1, verifies},
		{"one cannot be asked: it stays known", true, func(_ *Cluster, seen map[string]Observation) {
			seen["c"] = Observation{Err: errors.New("timed out")}
		}, nil, 1, verifies},
		{"one does not run: it stays known", true, func(_ *Cluster, seen map[string]Observation) {
			outOf(seen, "c", Observation{Unit: "inactive"})
		}, nil, 2, verifies},
		{"one verifies by less", true, func(_ *Cluster, seen map[string]Observation) {
			change(seen, "b", func(s *Observation) { s.Trust.Members = s.Trust.Members[:len(s.Trust.Members)/2] })
		}, []provision.Operation{Know{"b"}}, 1, verifies},
		{"one was made anew: it is known before it joins, and what it was no more", true, func(c *Cluster, seen map[string]Observation) {
			one := fresh(*c, "c")
			one.Certificate, one.Trust.Maker = seen["c"].Certificate, mysqld.MakerAtoll
			one.Certificate.PEM = []byte(strings.TrimSuffix(authority(t, "10.0.0.3"), "\n"))
			outOf(seen, "c", one)
		}, []provision.Operation{Know{"a"}, Know{"b"}, Know{"c"}, Join{Member: "c", Together: true}}, 5, verifies},
		{"somebody set the mode back", true, func(_ *Cluster, seen map[string]Observation) {
			change(seen, "b", func(s *Observation) {
				s.Variables[modeVariable] = "REQUIRED"
			})
		}, []provision.Operation{Verify{"b"}}, 1, verifies},
		{"others see to their certificates", false, func(_ *Cluster, seen map[string]Observation) {
			for key := range seen {
				change(seen, key, func(s *Observation) { s.Trust.Maker = mysqld.MakerOther })
			}
		}, nil, 0, "REQUIRED"},
		{"others see to their certificates, and verify them", false, func(_ *Cluster, seen map[string]Observation) {
			for key := range seen {
				change(seen, key, func(s *Observation) {
					s.Trust.Maker = mysqld.MakerOther
					set(*s, modeVariable, "VERIFY_CA")
					set(*s, membersVariable, "/etc/ssl/ca.pem")
				})
			}
		}, nil, 0, "VERIFY_CA"},
	} {
		t.Run(row.name, func(t *testing.T) {
			c := three()
			seen := standing(c)
			certified(t, &c, seen, row.verify)
			row.change(&c, seen)
			diagnosis := Diagnose(c, seen)
			operations, err := diagnosis.Operations()
			if diff := cmp.Diff(row.want, operations); diff != "" || err != nil || len(diagnosis.Drift()) != row.drift || diagnosis.trust.mode("a") != row.mode {
				t.Errorf("mode %s, %v\n%s%s", diagnosis.trust.mode("a"), err, diff, strings.Join(converge.Texts(diagnosis.Drift()), "\n"))
			}
			if row.verify && strings.Count(diagnosis.trust.members, "BEGIN") != 3 {
				t.Errorf("they are to verify by\n%s", diagnosis.trust.members)
			}
		})
	}
}

// A member whose certificate is somebody else's has no place among those that verify.
func TestMixedCertificatesAreRefused(t *testing.T) {
	c := three()
	seen := standing(c)
	certified(t, &c, seen, true)
	one := seen["c"]
	one.Trust.Maker = mysqld.MakerOther
	seen["c"] = one
	if _, err := Diagnose(c, seen).Operations(); !errors.Is(err, mysqld.ErrVerified) {
		t.Error(err)
	}
}

// A member that is replaced is unknown only when it has gone.
func TestLeaversAreKnown(t *testing.T) {
	c := three()
	seen := standing(c)
	made := certified(t, &c, seen, true)
	leaver := c.Members["c"]
	delete(c.Members, "c")
	if trust := Diagnose(c, seen).trust; !strings.Contains(trust.members, made["c"]) || !trust.ready {
		t.Errorf("while it is in the group: %+v", trust)
	}
	for key, one := range seen {
		one.View = one.View[:2]
		seen[key] = one
	}
	delete(seen, "c")
	if trust := Diagnose(c, seen).trust; strings.Contains(trust.members, made["c"]) || strings.Count(trust.members, "BEGIN") != 2 {
		t.Errorf("after %s has gone: %s", leaver.Endpoint(), trust.members)
	}
}

// replacing declares d in the place of c, which is still in the group.
func replacing(t *testing.T) (Cluster, map[string]Observation, string) {
	t.Helper()
	c := three()
	seen := standing(c)
	certified(t, &c, seen, true)
	leaver := c.Members["c"]
	delete(c.Members, "c")
	c.Leavers[leaver.Endpoint()], seen[leaver.Endpoint()] = leaver, seen["c"]
	delete(seen, "c")
	c.Members["d"] = Member{"10.0.0.4", 3306, 4}
	one := fresh(c, "d")
	one.Certificate, one.Trust.Maker = seen["a"].Certificate, mysqld.MakerAtoll
	one.Certificate.PEM = []byte(strings.TrimSuffix(authority(t, "10.0.0.4"), "\n"))
	seen["d"] = one
	return c, seen, leaver.Endpoint()
}

// A newcomer comes in while the one that it replaces is there, which has to know it.
func TestLeaverKnowsItsSuccessor(t *testing.T) {
	c, seen, leaver := replacing(t)
	operations, err := Diagnose(c, seen).Operations()
	want := []provision.Operation{Know{leaver}, Know{"a"}, Know{"b"}, Know{"d"}, Configure{"a"}, Configure{"b"}, Join{Member: "d", Together: true}}
	if diff := cmp.Diff(want, operations); diff != "" || err != nil {
		t.Error(err, diff)
	}
	// Gone, it is known no more, though its machine can still be asked.
	made := seen[leaver].Certificate.AuthorityPEM()
	outOf(seen, "c", Observation{})
	delete(seen, "c")
	if trust := Diagnose(c, seen).trust; strings.Contains(trust.members, made) || strings.Count(trust.members, "BEGIN") != 3 {
		t.Errorf("after it has gone: %s", trust.members)
	}
}

// Nobody joins whom a member of the group cannot be told of.
func TestStrangersAreRefused(t *testing.T) {
	for _, row := range []struct {
		name   string
		change func(c Cluster, seen map[string]Observation, leaver string)
		want   error
	}{
		{"the leaver does not answer", func(_ Cluster, seen map[string]Observation, leaver string) {
			seen[leaver] = Observation{Err: errors.New("timed out")}
		}, ErrStranger},
		{"nobody knows the leaver's machine", func(c Cluster, seen map[string]Observation, leaver string) {
			delete(seen, leaver)
			delete(c.Leavers, leaver)
		}, ErrStranger},
		{"it does not answer, and has known the other before", func(_ Cluster, seen map[string]Observation, leaver string) {
			for _, key := range []string{"a", "b"} {
				one := seen[key]
				one.Trust.Members = append(one.Trust.Members, seen["d"].Certificate.AuthorityPEM()...)
				seen[key] = one
			}
			seen[leaver] = Observation{Err: errors.New("timed out")}
		}, nil},
		{"the group has lost it", func(_ Cluster, seen map[string]Observation, leaver string) {
			seen[leaver] = Observation{Err: errors.New("timed out")}
			for _, key := range []string{"a", "b"} {
				seen[key].View[2].State = "UNREACHABLE"
			}
		}, nil},
		{"nobody verifies anybody", func(_ Cluster, seen map[string]Observation, leaver string) {
			for _, key := range []string{"a", "b", leaver} {
				one := seen[key]
				set(one, modeVariable, "REQUIRED")
			}
			seen[leaver] = Observation{Err: errors.New("timed out")}
		}, nil},
	} {
		t.Run(row.name, func(t *testing.T) {
			c, seen, leaver := replacing(t)
			row.change(c, seen, leaver)
			operations, err := Diagnose(c, seen).Operations()
			if row.want != nil && !errors.Is(err, row.want) || errors.Is(err, ErrStranger) != (row.want != nil) {
				t.Error(operations, err)
			}
		})
	}
}
