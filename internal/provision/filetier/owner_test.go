// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package filetier

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
)

// owned is a tier of archives and moving days, in which b has an account of its own.
func owned() Tier {
	tier := vaulted()
	node := tier.Nodes["b"]
	node.Owner = "deploy"
	tier.Nodes["b"] = node
	return tier
}

// written are the items of a manifest as texts, but for the agent itself.
func written(m converge.Manifest) []string {
	var items []string
	for _, item := range m.Items {
		switch item := item.(type) {
		case converge.File:
			content := string(item.Content)
			item.Content = nil
			items = append(items, fmt.Sprintf("%+v\n%s", item, content))
		case converge.Program:
		default:
			items = append(items, pointers.ReplaceAllString(fmt.Sprintf("%T %+v", item, item), ""))
		}
	}
	return items
}

// pointers are how functions are printed.
var pointers = regexp.MustCompile(`0x[0-9a-f]+`)

// A node's own account changes what is on that node and nothing on the others; where it
// is the tier's, it changes nothing at all.
func TestOwnerOfANode(t *testing.T) {
	facts, keys := Facts{Group: "staff"}, map[string]string{"b": "ssh-ed25519 BBBB b"}
	without, with, same := vaulted(), owned(), vaulted()
	same.each(func(n *Node) { n.Owner = without.Owner })
	for _, node := range []string{"a", "b", "c"} {
		before := written(without.Manifest(node, facts, keys))
		if after := written(same.Manifest(node, facts, keys)); !slices.Equal(before, after) || same.facts(node).Script != without.facts(node).Script {
			t.Errorf("%s: the tier's own account, named once more, makes another manifest", node)
		}
		after := written(with.Manifest(node, facts, keys))
		if node != "b" {
			if !slices.Equal(before, after) || with.facts(node).Script != without.facts(node).Script {
				t.Errorf("%s: the account of another node makes another manifest", node)
			}
			continue
		}
		all := strings.Join(after, "\n")
		if strings.Contains(all, "www-data") || strings.Contains(with.facts(node).Script, "www-data") {
			t.Errorf("%s still has something for the tier's account: %s", node, all)
		}
		if renamed := strings.ReplaceAll(strings.Join(before, "\n"), "www-data", "deploy"); renamed != all {
			t.Errorf("%s: another account makes a manifest that differs in more than its name", node)
		}
	}
}

// What is wrong with an account is said of that of the node.
func TestOwnerOfANodeIsRefused(t *testing.T) {
	for _, row := range []struct {
		facts Facts
		want  string
	}{
		{Facts{Group: "staff"}, ""},
		{Facts{}, `node b: owner = "deploy": there is no such account`},
		{Facts{Group: "staff", Closed: []string{"/srv/files"}}, "deploy may not read and write that directory. Name another owner, or give it to that account on the machine, all but what the tier keeps in it:\n  find '/srv/files' -path '/srv/files/.tier' -prune -o -exec chown -h 'deploy:' {} +"},
	} {
		err := owned().refuse("b", row.facts)
		if (err == nil) != (row.want == "") || err != nil && !strings.Contains(err.Error(), row.want) {
			t.Errorf("%+v: %v", row.facts, err)
		}
	}
}
