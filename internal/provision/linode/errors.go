// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package linode

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/linode/linodego"

	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// The classes of failure of the API.
var (
	// ErrNotFound: the API says that there is no such thing.
	ErrNotFound = errors.New("not found")
	// ErrToken: the token was refused, or may not do this.
	ErrToken = errors.New("the token was refused")
	// ErrRefused: the API found the request wrong; the message has its reasons.
	ErrRefused = errors.New("refused")
	// ErrUnavailable: no answer, or one that says nothing about the request.
	ErrUnavailable = errors.New("the Linode API is not available")
	// ErrLimited: the account asked too often, and went on for too long.
	ErrLimited = errors.New("too many requests")
)

// Error is a call that failed.
type Error struct {
	// Kind is one of the classes above.
	Kind error
	// What was asked for, such as "creating instance sg1".
	What string
	// Reasons as the API gave them; Fields those that it named, in the API's words.
	Reasons string
	Fields  []string
	// Err is linodego's error.
	Err error
}

// Error says what was asked for, the class and the reasons.
func (e *Error) Error() string { return fmt.Sprintf("%s: %s: %s", e.What, e.Kind, e.Reasons) }

// Unwrap lets errors.Is see the class.
func (e *Error) Unwrap() error { return e.Kind }

var fieldPattern = regexp.MustCompile(`\[([a-z_.]+)\] `)

// classify reads linodego's errors, which are values or pointers, with HTTP's
// status or a code of linodego's own.
func classify(what string, err error) error {
	known := &Error{What: what, Err: err, Kind: ErrUnavailable, Reasons: err.Error()}
	code, message := 0, err.Error()
	var pointer *linodego.Error
	var value linodego.Error
	switch {
	case errors.As(err, &pointer):
		code, message = pointer.Code, pointer.Message
	case errors.As(err, &value):
		code, message = value.Code, value.Message
	}
	if code >= http.StatusBadRequest {
		known.Reasons = message
	}
	for _, match := range fieldPattern.FindAllStringSubmatch(message, -1) {
		known.Fields = append(known.Fields, match[1])
	}
	switch {
	case code == http.StatusMethodNotAllowed && strings.Contains(message, readOnlyReason):
		known.Kind = remote.ErrReadOnly
	case code == http.StatusNotFound:
		known.Kind = ErrNotFound
	case code == http.StatusUnauthorized, code == http.StatusForbidden:
		known.Kind = ErrToken
	case code == http.StatusTooManyRequests:
		known.Kind = ErrLimited
	case code >= http.StatusBadRequest && code < http.StatusInternalServerError && code != http.StatusRequestTimeout:
		known.Kind = ErrRefused
	case errors.Is(err, context.DeadlineExceeded) || strings.Contains(message, context.DeadlineExceeded.Error()):
		known.Reasons = "no useful answer within " + callTimeout.String() + ": " + message
	}
	return known
}

// unknownOutcome says that a request may or may not have been carried out.
func unknownOutcome(err error) bool { return errors.Is(err, ErrUnavailable) }

// names says whether the API named that field as wrong.
func names(err error, field string) bool {
	var known *Error
	return errors.As(err, &known) && slices.Contains(known.Fields, field)
}

// trust adds the certificates of a file.
func trust(transport *http.Transport, file string) error {
	content, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("linode.ca_file = %q: %w", file, err)
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	if !pool.AppendCertsFromPEM(content) {
		return fmt.Errorf("linode.ca_file = %q: there is no certificate in PEM form in it", file)
	}
	config := transport.TLSClientConfig.Clone()
	config.RootCAs = pool
	transport.TLSClientConfig = config
	return nil
}
