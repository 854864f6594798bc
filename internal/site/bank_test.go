// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package site

import (
	"errors"
	"testing"
)

// What was acknowledged and is not in the books is lost; what is in them besides is not.
func TestAudit(t *testing.T) {
	bank := &Bank{acknowledged: []int64{1, 2, 4}}
	books := func(wrong, transfers string) func(string) (string, error) {
		return func(query string) (string, error) {
			if query == auditQuery {
				return wrong, nil
			}
			return transfers, nil
		}
	}
	if lost, wrong, err := bank.Audit(books("", "1\n2\n3\n4\n")); lost != 0 || wrong != "" || err != nil {
		t.Errorf("whole books: %d, %q, %v", lost, wrong, err)
	}
	if lost, wrong, err := bank.Audit(books("account 3 holds 5, want 7", "1\n14")); lost != 2 || wrong != "account 3 holds 5, want 7" || err != nil {
		t.Errorf("books with holes: %d, %q, %v", lost, wrong, err)
	}
	broken := errors.New("the line is down")
	if _, _, err := bank.Audit(func(string) (string, error) { return "", broken }); !errors.Is(err, broken) {
		t.Errorf("no books: %v", err)
	}
}
