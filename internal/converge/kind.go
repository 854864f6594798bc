// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package converge

import (
	"errors"
	"fmt"
	"strings"
)

// kind is all that the engine has to know of items of type I, which are found on
// a host in a state of type S. Functions that a kind has no use for are nil.
type kind[I Item, S any] struct {
	// name stands before an item's own in drift lines; plural is the key under
	// which records list what is owned, or "".
	name, plural string
	// function is the shell function that asks for one item, shell its text. It
	// gets the item's number and arguments, and prints one row: the number and
	// words, see observe.sh.
	function, shell string
	// gather is what runs once before the items are asked for.
	gather func(items []I) string
	// arguments of the function, quoted by the engine.
	arguments func(item I) []string
	// read makes the state of a row's words. It refuses what lacks something.
	read func(item I, words []string) (S, error)
	// refuse says why the item cannot be had on the host at all.
	refuse func(system System, item I, state S) error
	// compare adds drift and steps.
	compare func(d *differ, item I, state S)
	// owns is the name that the record lists; takeBack adds the step that removes
	// the thing of that name.
	owns     func(item I) string
	takeBack func(d *differ, name string)
	// brings are further items that all of the kind's together ask for.
	brings func(owner string, items []I) []Item
}

// engine is a kind, whatever its types.
type engine interface {
	label() (name, plural string)
	functions() string
	script(text *strings.Builder, items []numbered)
	answer(item Item, words []string) (any, error)
	refusal(system System, item Item, state any) error
	diff(d *differ, item Item, state any)
	owned(item Item) string
	remove(d *differ, name string)
	brought(owner string, items []Item) []Item
}

// numbered is an item and its number in the manifest.
type numbered struct {
	number int
	item   Item
}

// errMismatch says that a state belongs to another item.
var errMismatch = errors.New("the observation belongs to another manifest")

func (k *kind[I, S]) label() (name, plural string) { return k.name, k.plural }

func (k *kind[I, S]) functions() string { return k.shell }

// script adds what asks for the items, which are of this kind.
func (k *kind[I, S]) script(text *strings.Builder, items []numbered) {
	if k.gather != nil {
		text.WriteString(k.gather(own[I](items)))
	}
	for _, asked := range items {
		item, _ := asked.item.(I)
		fmt.Fprintf(text, "%s %d", k.function, asked.number)
		for _, argument := range k.arguments(item) {
			text.WriteString(" " + quote(argument))
		}
		text.WriteString("\n")
	}
}

// own gives the items back their type.
func own[I Item](items []numbered) []I {
	var typed []I
	for _, asked := range items {
		if item, is := asked.item.(I); is {
			typed = append(typed, item)
		}
	}
	return typed
}

func (k *kind[I, S]) answer(item Item, words []string) (any, error) {
	typed, is := item.(I)
	if !is {
		return nil, errMismatch
	}
	return k.read(typed, words)
}

func (k *kind[I, S]) refusal(system System, item Item, state any) error {
	typed, is := item.(I)
	found, was := state.(S)
	switch {
	case !is || !was:
		return errMismatch
	case k.refuse == nil:
		return nil
	}
	return k.refuse(system, typed, found)
}

// diff is called for what refusal found to match.
func (k *kind[I, S]) diff(d *differ, item Item, state any) {
	typed, is := item.(I)
	found, was := state.(S)
	if is && was && k.compare != nil {
		k.compare(d, typed, found)
	}
}

func (k *kind[I, S]) owned(item Item) string {
	typed, is := item.(I)
	if !is || k.owns == nil {
		return ""
	}
	return k.owns(typed)
}

func (k *kind[I, S]) remove(d *differ, name string) { k.takeBack(d, name) }

func (k *kind[I, S]) brought(owner string, items []Item) []Item {
	if k.brings == nil {
		return nil
	}
	var typed []I
	for _, item := range items {
		if one, is := item.(I); is {
			typed = append(typed, one)
		}
	}
	return k.brings(owner, typed)
}

// line says what differs about one item of a kind.
func line(kind, name string, code Code, text string, values ...any) Line {
	return Line{Subject: kind + " " + name, Code: code, Text: fmt.Sprintf(text, values...)}
}
