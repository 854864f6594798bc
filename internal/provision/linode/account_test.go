// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package linode

import (
	"net/http/httptest"
	"testing"
	"time"

	lab "github.com/atollhq/terraform-provider-atoll/internal/lab/linode"
)

// account opens an empty account, in which each client is one of a run of its own.
func account(t *testing.T) (run func() *Client) {
	t.Helper()
	emulator := lab.New(lab.Options{Token: "t", Speed: 1000})
	server := httptest.NewServer(emulator)
	t.Cleanup(func() {
		server.Close()
		emulator.Close()
	})
	return func() *Client {
		t.Helper()
		client, err := New(Config{Token: "t", URL: server.URL + "/v4", Poll: 10 * time.Millisecond})
		if err != nil {
			t.Fatal(err)
		}
		return client
	}
}
