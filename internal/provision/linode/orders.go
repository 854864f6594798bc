// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package linode

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
)

// Orders is the journal of what one working directory and workspace ordered. A
// run that is killed leaves nothing in Terraform's state, and yet the next one has
// to know which half-made machine is its own: never by the label, which another
// workspace may use as well. So the tag of an order is written here before the
// order is given.
type Orders struct {
	// Dir of the journal; "" keeps none, so that every order is the first.
	Dir string
}

// Begin makes the tag of a new order for a subject, and gives those of the
// earlier ones that never ended.
func (o Orders) Begin(subject string) (tag string, earlier []string) {
	earlier = o.read(subject)
	tag = marker + strings.ToLower(rand.Text()[:12])
	// Without a journal the order is as good; a killed run's machine is then
	// refused instead of taken over.
	_ = o.write(subject, append(earlier, tag))
	return tag, earlier
}

// End forgets the orders of a subject: Terraform's state has it now.
func (o Orders) End(subject string) {
	if o.Dir != "" {
		_ = os.Remove(o.file(subject))
	}
}

func (o Orders) file(subject string) string {
	return filepath.Join(o.Dir, url.PathEscape(subject)+".json")
}

func (o Orders) read(subject string) []string {
	var tags []string
	if content, err := os.ReadFile(o.file(subject)); o.Dir != "" && err == nil {
		_ = json.Unmarshal(content, &tags) // what cannot be read proves nothing
	}
	return tags
}

func (o Orders) write(subject string, tags []string) error {
	if o.Dir == "" {
		return nil
	}
	content, err := json.Marshal(tags)
	if err != nil {
		return fmt.Errorf("encoding orders: %w", err)
	}
	file := o.file(subject)
	return errors.Join(os.MkdirAll(o.Dir, 0o700), os.WriteFile(file+".new", content, 0o600), os.Rename(file+".new", file))
}
