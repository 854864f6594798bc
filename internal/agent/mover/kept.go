// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package mover

import (
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/atollhq/terraform-provider-atoll/internal/agent/tree"
)

// kept are the names that the mover keeps of one day in its private directories.
type kept struct{ hot, cold []string }

// keeps gives what is kept of each day. The directories hold something of every day that
// ever moved, so they are read once for all days, and again after a step.
func (t *trees) keeps() (map[string]kept, error) {
	if t.kept != nil {
		return t.kept, nil
	}
	hot, err := t.byDay(t.hotPrivate)
	if err != nil {
		return nil, err
	}
	cold, err := t.byDay(t.coldPrivate)
	if err != nil {
		return nil, err
	}
	t.kept = map[string]kept{}
	for day, names := range hot {
		t.kept[day] = kept{hot: names}
	}
	for day, names := range cold {
		t.kept[day] = kept{t.kept[day].hot, names}
	}
	return t.kept, nil
}

// changed has the private directories read again.
func (t *trees) changed() { t.kept = nil }

// byDay reads a private directory; that of a tree that is not open is nil.
func (t *trees) byDay(dir *tree.Dir) (map[string][]string, error) {
	if dir == nil {
		return map[string][]string{}, nil
	}
	names, err := dir.Names()
	if err != nil {
		return nil, err
	}
	found := map[string][]string{}
	for _, name := range names {
		if day, is := t.dayOf(name); is {
			found[day] = append(found[day], name)
		}
	}
	return found, nil
}

// dayOf reads the day in the name of something that the mover keeps: what
// stands before one of its dots.
func (t *trees) dayOf(name string) (string, bool) {
	for end := strings.LastIndexByte(name, '.'); end > 0; end = strings.LastIndexByte(name[:end], '.') {
		if day, err := url.PathUnescape(name[:end]); err == nil {
			if _, is := t.layout.Day(day); is {
				return day, true
			}
		}
	}
	return "", false
}

// oldNumbers lists the old directories of a day, and the next number that is free.
func (t *trees) oldNumbers(day string) (numbers []int, next int, err error) {
	kept, err := t.keeps()
	if err != nil {
		return nil, 0, err
	}
	next = 1
	for _, name := range kept[day].hot {
		rest, is := strings.CutPrefix(name, id(day)+oldInfix)
		if !is {
			continue
		}
		if number, err := strconv.Atoi(rest); err == nil {
			numbers = append(numbers, number)
			next = max(next, number+1)
		}
	}
	slices.Sort(numbers)
	return numbers, next, nil
}

func oldName(day string, number int) string {
	return id(day) + oldInfix + strconv.Itoa(number)
}
