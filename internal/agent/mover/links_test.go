// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package mover

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// A link that somebody changed is found, left alone by a run, and put right when told so;
// what is no link, or has no archived day, is nobody's business.
func TestLinksThatLeadElsewhere(t *testing.T) {
	all := replicas(t, "one")
	one := all[0]
	want := fill(all, 4, 2)
	settled(t, all, want)
	day := func(number string) string { return one.hot("2020/02/" + number) }
	text, err := os.Readlink(day("01"))
	do(t, err)
	do(t, os.Remove(day("01")), os.Symlink("/else where", day("01")))
	do(t, os.Remove(day("02")), os.WriteFile(day("02"), []byte("mine"), 0o600))
	do(t, os.Remove(day("03")))
	do(t, os.Symlink("nowhere", day("20"))) // the archive has no such day
	list := func() string {
		var out bytes.Buffer
		do(t, relinkOrList(context.Background(), one.Config, true, &out))
		return out.String()
	}
	if got := list(); got != "link 2020%2F02%2F01 %2Felse%20where\n" {
		t.Errorf("found is %q", got)
	}
	outcomes := one.run()
	for number, leads := range map[string]string{"01": "/else where", "20": one.hot("2020/02/nowhere")} {
		if why := outcomes["2020/02/"+number].Why; !strings.Contains(why, strconv.Quote(leads)) || !strings.Contains(why, strconv.Quote(one.cold("2020/02/"+number))) {
			t.Errorf("of a link elsewhere is said: %s", why)
		}
	}
	if got, _ := os.Readlink(day("01")); got != "/else where" {
		t.Errorf("a run made %q of it", got)
	}
	do(t, relinkOrList(context.Background(), one.Config, false, nil))
	if got, _ := os.Readlink(day("01")); got != text || list() != "" {
		t.Errorf("it leads to %q, want %q; left is %q", got, text, list())
	}
	if mine, err := os.ReadFile(day("02")); err != nil || string(mine) != "mine" {
		t.Errorf("what is no link is %q, %v", mine, err)
	}
	journal, err := os.ReadFile(filepath.Join(one.Config.Hot, private, "journal"))
	if err != nil || !strings.Contains(string(journal), `"was":"%2Felse%20where"`) {
		t.Errorf("the journal does not say what it was: %v", err)
	}
	if left, _ := filepath.Glob(filepath.Join(one.Config.Hot, private, "*"+linkSuffix)); len(left) > 0 {
		t.Errorf("left is %q", left)
	}
}

// Somebody who puts a file there just then keeps it.
func TestLinkThatIsNoneAnyMore(t *testing.T) {
	all := replicas(t, "one")
	one := all[0]
	settled(t, all, fill(all, 1, 2))
	place := one.hot(oneDay)
	do(t, os.Remove(place), os.WriteFile(place, []byte("mine"), 0o600))
	opened, err := openTrees(one.Config)
	do(t, err)
	defer opened.close()
	one.trees = opened
	if err := one.relink(edited{oneDay, "a link that was there"}); err == nil || !strings.Contains(err.Error(), "is no link any more") {
		t.Errorf("%v", err)
	}
	if mine, err := os.ReadFile(place); err != nil || string(mine) != "mine" {
		t.Errorf("what is no link is %q, %v", mine, err)
	}
}
