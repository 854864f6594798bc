// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package linode

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// A client that only reads asks as ever, and sends no change.
func TestReadOnlyClientSendsNoChange(t *testing.T) {
	var asked, changed atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if r.Method == http.MethodGet {
			asked.Add(1)
			_, _ = w.Write([]byte(`{"data": [], "page": 1, "pages": 1, "results": 0, "id": 7, "label": "x"}`))
			return
		}
		changed.Add(1)
		_, _ = w.Write([]byte(`{}`))
	}))
	defer server.Close()
	for _, row := range []struct {
		readOnly bool
		sent     int32
	}{{true, 0}, {false, 1}} {
		asked.Store(0)
		changed.Store(0)
		client, err := New(Config{Token: "t", URL: server.URL + "/v4", ReadOnly: row.readOnly})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := client.Instances(t.Context()); err != nil || asked.Load() == 0 {
			t.Errorf("read_only %v: asking: %v after %d requests", row.readOnly, err, asked.Load())
		}
		err = client.Delete(t.Context(), 7)
		if got := changed.Load(); got != row.sent {
			t.Errorf("read_only %v: %d changes were sent", row.readOnly, got)
		}
		if row.readOnly != errors.Is(err, remote.ErrReadOnly) {
			t.Errorf("read_only %v: %v", row.readOnly, err)
		}
	}
}
