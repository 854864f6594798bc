// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package mysqlrouter

import (
	"strings"
	"testing"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
	"github.com/atollhq/terraform-provider-atoll/internal/converge/convergetest"
)

// Whatever a text of a router holds, neither its unit nor a shell goes on in it.
func FuzzHostile(f *testing.F) {
	fields := []struct {
		name, plain string
		change      func(*Config, string)
	}{
		{"address", "203.0.113.99", func(c *Config, text string) { c.Address = text }},
		{"cluster_id", "zqid", func(c *Config, text string) { c.ClusterID = text }},
		{"bind_address", "127.0.0.9", func(c *Config, text string) { c.BindAddress = text }},
		{"package", "zqpackage", func(c *Config, text string) { c.Package = text }},
		{"name", "zqname", func(c *Config, text string) { c.Instance = text }},
		{"after", "zqunit.service", func(c *Config, text string) { c.After = text }},
	}
	with := func(change func(*Config, string), text string) Config {
		c := config()
		change(&c, text)
		return c
	}
	convergetest.Seed(f, len(fields))
	f.Fuzz(func(t *testing.T, number uint8, text string) {
		field := fields[int(number)%len(fields)]
		if text == "" && (field.name == "after" || field.name == "package" || field.name == "name") {
			return // left out
		}
		convergetest.Field{Name: field.name, Plain: field.plain, Manifest: func(text string) converge.Manifest { return with(field.change, text).Manifest(true) }}.Holds(t, text)
		c := with(field.change, text)
		if c.forms() != nil || field.name == "name" {
			return // which stands in paths, and has a form for that
		}
		// What differs between two scripts is within quotes, or a sum.
		want, got := convergetest.Bare(config().bootstrapScript("10.77.0.11:3306", sum("account"))), convergetest.Bare(c.bootstrapScript("10.77.0.11:3306", sum("account")))
		if got != strings.NewReplacer(config().declared(), c.declared(), config().identity(), c.identity()).Replace(want) {
			t.Errorf("%s: with %q the shell reads\n%s", field.name, text, got)
		}
	})
}
