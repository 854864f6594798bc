// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package lab

import (
	"errors"
	"strings"
	"testing"
	"time"
)

// A host that ends in its first second is noticed, whether it says why or not,
// and so is one that never gets anywhere.
func TestHostsThatEndWhileBootingAreNoticed(t *testing.T) {
	host := &machine{spec: HostSpec{Name: "vps1"}, paths: paths{"no-such-lab"}}
	for want, end := range map[string]func(chan<- error){
		"vps1 ended while booting: it says no reason": func(ended chan<- error) { ended <- nil },
		"vps1 ended while booting: exit status 1":     func(ended chan<- error) { time.Sleep(300 * time.Millisecond); ended <- errors.New("exit status 1") },
		"vps1 did not boot within 1s":                 func(chan<- error) {},
	} {
		ended := make(chan error, 1)
		go end(ended)
		if err := host.awaitInit(t.Context(), ended, time.Second); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}
