// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package agent

import (
	"errors"
	"strings"
	"testing"
)

func TestAgree(t *testing.T) {
	for name, test := range map[string]struct {
		oldest, newest, want int
		age                  Age
	}{
		"the same":            {Oldest, Newest, Newest, 0},
		"newer, knows ours":   {Oldest, Newest + 5, Newest, 0},
		"newer, forgot ours":  {Newest + 1, Newest + 2, 0, Newer},
		"older, known to us":  {1, Oldest, Oldest, 0},
		"older, forgotten":    {Oldest - 2, Oldest - 1, 0, Older},
		"wider on both sides": {Oldest - 1, Newest + 1, Newest, 0},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Agree(Version{Oldest: test.oldest, Newest: test.newest})
			var mismatch *MismatchError
			if got != test.want || errors.As(err, &mismatch) != (test.want == 0) {
				t.Fatalf("protocol %d, error %v", got, err)
			}
			if mismatch != nil && mismatch.Age != test.age {
				t.Fatalf("age %d", mismatch.Age)
			}
		})
	}
}

func TestMismatchSaysWhatToDo(t *testing.T) {
	if text := (&MismatchError{Age: Older}).Error(); !strings.Contains(text, "terraform apply uploads") {
		t.Error(text)
	}
	if text := (&MismatchError{Age: Newer}).Error(); !strings.Contains(text, "provider version that last applied") {
		t.Error(text)
	}
}

func TestParseVersion(t *testing.T) {
	version, err := ParseVersion([]byte(`{"oldest":1,"newest":3,"roles":["a"],"build":"00","invented later":{}}`))
	if err != nil || version.Newest != 3 {
		t.Fatalf("%+v, %v", version, err)
	}
	for _, text := range []string{"", "bash: atoll-agent: command not found", "{}", `{"oldest":3,"newest":2}`, `{"oldest":1,"newest":`} {
		if version, err := ParseVersion([]byte(text)); err == nil {
			t.Errorf("%q was read as %+v", text, version)
		}
	}
}
