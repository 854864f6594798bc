// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package archive

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/atollhq/terraform-provider-atoll/internal/agent/tree"
	"github.com/atollhq/terraform-provider-atoll/internal/model/tier"
)

// conversing asks a side as a node that dials does, without the line in between.
type conversing struct {
	*side
	asked []string
}

func (c *conversing) ask(request tier.Request, body string) (tier.Answer, string, error) {
	request.Protocol = 1
	line, err := json.Marshal(request)
	if err != nil {
		return tier.Answer{}, "", err
	}
	c.asked = append(c.asked, request.Ask)
	var out bytes.Buffer
	_ = c.converse(context.Background(), strings.NewReader(string(line)+"\n"+body), &out)
	said, rest, _ := strings.Cut(out.String(), "\n")
	var answer tier.Answer
	if err := json.Unmarshal([]byte(said), &answer); err != nil {
		return answer, "", err
	}
	if answer.Error != "" {
		return answer, "", errors.New(answer.Error)
	}
	return answer, rest, nil
}

func (c *conversing) Rotten(context.Context) ([]tier.Rotten, error) {
	answer, _, err := c.ask(tier.Request{Ask: tier.AskRotten}, "")
	return answer.Rotten, err
}

func (c *conversing) Fetch(_ context.Context, file tier.Rotten) (io.ReadCloser, error) {
	_, body, err := c.ask(tier.Request{Ask: tier.AskFetch, Path: file.Path, Content: file.Content}, "")
	return io.NopCloser(strings.NewReader(body)), err
}

func (c *conversing) Give(_ context.Context, file tier.Rotten, content io.Reader) error {
	body, err := io.ReadAll(content)
	if err != nil {
		return err
	}
	_, _, err = c.ask(tier.Request{Ask: tier.AskGive, Path: file.Path, Content: file.Content}, string(body))
	return err
}

// tells has a side's scrub tell what rotted.
func tells(t *testing.T, s *side, files ...tier.Rotten) {
	t.Helper()
	s.Scrub = filepath.Join(s.State, tier.ScrubFile)
	text, err := json.Marshal(tier.ScrubStatus{Rotten: files})
	if err == nil {
		err = os.WriteFile(s.Scrub, text, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func file(t *testing.T, s *side, name, text string) tier.Rotten {
	t.Helper()
	place := filepath.Join(s.Cold, name)
	if err := errors.Join(os.MkdirAll(filepath.Dir(place), 0o700), os.WriteFile(place, []byte(text), 0o600)); err != nil {
		t.Fatal(err)
	}
	hash, err := tree.Hash(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return tier.Rotten{Path: tier.QuotePath(name), Content: hash, Size: int64(len(text))}
}

func lentTo(t *testing.T, s *side) string {
	t.Helper()
	var found []string
	entries, err := os.ReadDir(filepath.Join(s.Cold, tier.Workshop, tier.Lent))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	for _, entry := range entries {
		text, err := os.ReadFile(filepath.Join(s.Cold, tier.Workshop, tier.Lent, entry.Name()))
		if err != nil {
			t.Fatal(err)
		}
		found = append(found, entry.Name()+" "+string(text))
	}
	return strings.Join(found, "\n")
}

// Either side gets what rotted there and is as it was on the other one, and nothing
// that is not.
func TestLend(t *testing.T) {
	dials, serves := testSide(t), testSide(t)
	dials.Peer, serves.Peer = "b", "a"
	const odd = "2024/02/01/odd \n\xff%41"
	forHere, forThere := file(t, serves, odd, "good"), file(t, dials, "2024/02/02/x", "also good")
	tells(t, dials, forHere, tier.Rotten{Path: tier.QuotePath("2024/02/01/unknown")})
	tells(t, serves, forThere)
	node, log := &conversing{side: serves}, &strings.Builder{}
	if err := dials.prepare(); err != nil {
		t.Fatal(err)
	}
	for range 2 { // what waits already is no trouble
		dials.lend(context.Background(), node, log)
		if here, there := lentTo(t, dials), lentTo(t, serves); here != forHere.Content+".b good" || there != forThere.Content+".a also good" || log.Len() > 0 {
			t.Errorf("%q, %q, %s", here, there, log)
		}
	}
	// The other one rotted as well, and so did this one's.
	other, another := testSide(t), testSide(t)
	other.Peer, another.Peer = "b", "a"
	tells(t, other, forHere)
	tells(t, another, forThere)
	file(t, another, odd, "bad!")
	file(t, other, "2024/02/02/x", "also bad!")
	if err := other.prepare(); err != nil {
		t.Fatal(err)
	}
	other.lend(context.Background(), &conversing{side: another}, log)
	if here, there := lentTo(t, other), lentTo(t, another); here != "" || there != "" || strings.Count(log.String(), tree.ErrNotTheSame.Error()) != 2 {
		t.Errorf("%q, %q, %s", here, there, log)
	}
	// A full archive takes nothing.
	other.ReserveMiB = 1 << 30
	log.Reset()
	other.lend(context.Background(), node, log)
	if here := lentTo(t, other); here != "" || !strings.Contains(log.String(), "full: ") {
		t.Errorf("%q, %s", here, log)
	}
}

// Nothing is given but files of the archive that are known by their content, and
// nothing is taken that is not wanted.
func TestConverseRefuses(t *testing.T) {
	s := testSide(t)
	known := file(t, s, "2024/02/01/one", "one")
	secret := file(t, s, tier.Private+"/name", "files")
	kept := file(t, s, tier.Workshop+"/replaced/x", "kept")
	said := file(t, s, tier.Statements+"/a.json", "{}")
	outside := file(t, s, "../outside", "outside")
	if err := os.Symlink("..", filepath.Join(s.Cold, "up")); err != nil {
		t.Fatal(err)
	}
	through := outside
	through.Path = tier.QuotePath("up/outside")
	absolute := outside
	absolute.Path = tier.QuotePath(filepath.Join(filepath.Dir(s.Cold), "outside"))
	roundabout := known
	roundabout.Path = tier.QuotePath("2024/../2024/02/01/one")
	node := &conversing{side: s}
	for _, row := range []tier.Rotten{
		secret, kept, said, outside, through, absolute, roundabout, {Path: known.Path}, {Path: known.Path, Content: secret.Content}, {Path: tier.QuotePath("2024/02/01")}, {Path: "%"}, {},
	} {
		if content, err := node.Fetch(context.Background(), row); err == nil {
			text, _ := io.ReadAll(content)
			t.Errorf("%q is given as %q", row.Path, text)
		}
	}
	if content, err := node.Fetch(context.Background(), known); err != nil {
		t.Error(err)
	} else if text, _ := io.ReadAll(content); string(text) != "one" {
		t.Errorf("%q", text)
	}
	tells(t, s, known)
	for _, row := range []struct {
		file tier.Rotten
		text string
	}{{secret, "files"}, {known, "another"}, {known, "ones"}, {known, ""}, {tier.Rotten{}, ""}} {
		if err := node.Give(context.Background(), row.file, strings.NewReader(row.text)); err == nil || lentTo(t, s) != "" {
			t.Errorf("%q is taken for %q: %v", row.text, row.file.Path, err)
		}
	}
	if err := node.Give(context.Background(), known, strings.NewReader("one")); err != nil || lentTo(t, s) != known.Content+".b one" {
		t.Errorf("%v, %q", err, lentTo(t, s))
	}
	for _, ask := range []string{"fly", ""} {
		if _, _, err := node.ask(tier.Request{Ask: ask}, ""); err == nil || !strings.Contains(err.Error(), "terraform apply brings both up to date") {
			t.Errorf("%q: %v", ask, err)
		}
	}
}

var _ lender = dialled{}
