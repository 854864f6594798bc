// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package archive

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/atollhq/terraform-provider-atoll/internal/model/tier"
)

func (c *conversing) Outline(_ context.Context, without []string) (string, error) {
	answer, _, err := c.ask(outlineWithout(without), "")
	return answer.Outline, err
}

var past = time.Unix(1_700_000_000, 0)

// Two archives are the same but for what is each one's own and what is not carried.
func TestSame(t *testing.T) {
	for name, test := range map[string]struct {
		change func(t *testing.T, a, b *side)
		same   bool
		says   string
	}{
		"the same":           {func(*testing.T, *side, *side) {}, true, ""},
		"one has more":       {func(t *testing.T, a, _ *side) { file(t, a, "2026/01/02/three", "3") }, false, ""},
		"the other has more": {func(t *testing.T, _, b *side) { file(t, b, "2026/01/02/three", "3") }, false, ""},
		"of statements":      {func(t *testing.T, a, _ *side) { file(t, a, tier.Statements+"/a.json", "{}") }, false, ""},
		"in the workshop":    {func(t *testing.T, a, _ *side) { file(t, a, tier.Workshop+"/replaced/x", "3") }, true, ""},
		"in the private":     {func(t *testing.T, a, _ *side) { file(t, a, tier.Private+"/x.scrub", "3") }, true, ""},
		"what is deleted": {func(t *testing.T, a, _ *side) {
			a.Deleted = []string{"2026/01/\xff"}
			file(t, a, "2026/01/\xff/gone", "3")
		}, true, ""},
		"beside what is deleted": {func(t *testing.T, a, _ *side) {
			a.Deleted = []string{"2026/01/\xff"}
			file(t, a, "2026/01/\xff2", "3")
		}, false, ""},
		"this one is full":   {func(_ *testing.T, a, _ *side) { a.ReserveMiB = 1 << 40 }, false, "full"},
		"that one is full":   {func(_ *testing.T, _, b *side) { b.ReserveMiB = 1 << 40 }, false, "full"},
		"one cannot be read": {func(t *testing.T, a, _ *side) { tooDeep(t, a) }, false, "more than 256 deep"},
	} {
		t.Run(name, func(t *testing.T) {
			a, b := testSide(t), testSide(t)
			for _, s := range []*side{a, b} {
				file(t, s, "2026/01/02/one", "1")
				file(t, s, "2026/01/02/two", "2")
				for _, path := range []string{"2026/01/02/one", "2026/01/02/two"} {
					if err := os.Chtimes(filepath.Join(s.Cold, path), past, past); err != nil {
						t.Fatal(err)
					}
				}
			}
			test.change(t, a, b)
			got, err := a.same(context.Background(), &conversing{side: b})
			if got != test.same || (err == nil) != (test.says == "") || err != nil && !strings.Contains(err.Error(), test.says) {
				t.Errorf("same: %v, %v", got, err)
			}
		})
	}
}

// tooDeep makes directories that no walk goes down to.
func tooDeep(t *testing.T, s *side) {
	t.Helper()
	if err := os.MkdirAll(filepath.Join(s.Cold, strings.Repeat("d/", 300)), 0o700); err != nil {
		t.Fatal(err)
	}
}

// An agent that does not know the question, or gives no outline, is not taken for one that
// has the same.
func TestSameOfAnotherAgent(t *testing.T) {
	s := testSide(t)
	for name, script := range map[string]string{
		"older":      `echo '{"protocol":1,"error":"this agent does not know the question"}'`,
		"no outline": `echo '{"protocol":1}'`,
		"fails":      `echo '{"protocol":1,"outline":"x"}'; exit 3`,
		"another":    `echo '{"protocol":1,"outline":"x"}'`,
	} {
		t.Run(name, func(t *testing.T) {
			if same, err := s.same(context.Background(), scripted(script)); same || (err == nil) != (name == "another") {
				t.Errorf("%v, %v", same, err)
			}
		})
	}
}

// What a run without room told of the node that is dialled is over when there is some.
func TestOutlineEndsFull(t *testing.T) {
	s := testSide(t)
	if err := s.note(&FullError{Cold: s.Cold, ReserveMiB: 1}); err != nil || remembered(s.Archive).Stage != tier.Waiting {
		t.Fatal(errors.Join(err, errors.New("it is not said that it is full")))
	}
	if _, err := (&conversing{side: s}).Outline(context.Background(), nil); err != nil {
		t.Fatal(err)
	}
	if status := remembered(s.Archive); status.Stage != tier.Resting || status.Error != "" {
		t.Errorf("%+v", status)
	}
}
