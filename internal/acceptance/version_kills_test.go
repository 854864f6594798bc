// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package acceptance

import (
	"testing"
	"time"
)

// An apply of another version is killed at random moments, under a writer, again and
// again: the next one finishes, and no two members are down at once.
func TestKillsUnderAVersion(t *testing.T) {
	f := stand(t)
	is, next := f.offered()
	k := f.killing()
	defer func() { _ = k.shop.DB.Close() }()
	rolls := way{name: "version", takes: 60 * time.Second, samples: true}
	for rounds := often(t, killsVariable, 6); k.kills < rounds && !t.Failed(); {
		f.wants(next)
		k.round(rolls, nil)
		f.allRun(next)
		f.asBefore(is)
	}
	f.inSync()
}
