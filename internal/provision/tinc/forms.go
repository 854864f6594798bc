// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package tinc

import (
	"errors"
	"fmt"
	"net/netip"
	"regexp"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
)

// tinc's files have no way to quote, and its scripts run as root: what goes into
// them has one of these forms, or nothing is written.
var (
	nameForm = regexp.MustCompile(`\A[A-Za-z0-9_-]{1,63}\z`)
	// endpointForm is an address or a DNS name.
	endpointForm  = regexp.MustCompile(`\A[A-Za-z0-9_.:-]{1,253}\z`)
	algorithmForm = regexp.MustCompile(`\A[A-Za-z0-9-]{1,40}\z`)
	keyForm       = regexp.MustCompile(`\A(-----BEGIN (RSA )?PUBLIC KEY-----\n[A-Za-z0-9+/=\n]*-----END (RSA )?PUBLIC KEY-----\n?)?\z`)
)

// forms says what of a node cannot be written.
func (n Node) forms() error {
	return errors.Join(
		converge.Formed("mesh", n.Mesh, nameForm), converge.Formed("name", n.Name, nameForm), converge.Addressed("address", n.Address),
		converge.Formed("endpoint", n.Endpoint, endpointForm),
	)
}

// forms says what of a mesh cannot be written.
func (m Mesh) forms() error {
	problems := []error{
		converge.Formed("name", m.Name, nameForm), converge.Formed("cipher", m.Cipher, algorithmForm), converge.Formed("digest", m.Digest, algorithmForm),
	}
	if network, err := netip.ParsePrefix(m.CIDR); err != nil || !network.IsValid() {
		problems = append(problems, fmt.Errorf("cidr is no network: %w", converge.ErrHostile))
	}
	for key, peer := range m.Peers {
		if err := errors.Join(
			converge.Formed("name", peer.Name, nameForm), converge.Addressed("address", peer.Address),
			converge.Formed("endpoint", peer.Endpoint, endpointForm), converge.Formed("public_key", peer.PublicKey, keyForm),
		); err != nil {
			problems = append(problems, fmt.Errorf("peer %q: %w", key, err))
		}
	}
	return errors.Join(problems...)
}
