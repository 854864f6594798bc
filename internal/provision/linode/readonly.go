// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package linode

import (
	"io"
	"net/http"
	"strings"
)

// readOnlyReason is what the API seems to say to a change that was not sent.
const readOnlyReason = "the provider is read_only, so nothing was sent"

// readsOnly lets through what only asks. It answers a change as the API answers
// a method that it does not know: an error of the transport would be tried again
// for minutes.
type readsOnly struct{ under http.RoundTripper }

func (r readsOnly) RoundTrip(request *http.Request) (*http.Response, error) {
	if request.Method == http.MethodGet || request.Method == http.MethodHead {
		return r.under.RoundTrip(request)
	}
	if request.Body != nil {
		_ = request.Body.Close()
	}
	return &http.Response{
		Status: "405 Method Not Allowed", StatusCode: http.StatusMethodNotAllowed, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header:  http.Header{"Content-Type": []string{"application/json"}},
		Body:    io.NopCloser(strings.NewReader(`{"errors": [{"reason": "` + readOnlyReason + `"}]}`)),
		Request: request,
	}, nil
}
