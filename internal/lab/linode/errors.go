// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package linode

import "net/http"

// refusal is an answer that is an error: one or more reasons, each with the
// field it is about, or without.
type refusal struct {
	status  int
	reasons []reason
}

type reason struct {
	Reason string `json:"reason"`
	Field  string `json:"field,omitempty"`
}

func (r *refusal) body() any { return map[string]any{"errors": r.reasons} }

func refuse(status int, field, text string) *refusal {
	return &refusal{status: status, reasons: []reason{{Reason: text, Field: field}}}
}

// Texts of the recordings.
func notFound() *refusal { return refuse(http.StatusNotFound, "", "Not found") }

func busy() *refusal { return refuse(http.StatusBadRequest, "", "Linode busy.") }

// problems collects reasons; a request may have several.
type problems []reason

func (p *problems) add(field, text string) { *p = append(*p, reason{Reason: text, Field: field}) }

func (p problems) refusal() *refusal {
	if len(p) == 0 {
		return nil
	}
	return &refusal{status: http.StatusBadRequest, reasons: p}
}
