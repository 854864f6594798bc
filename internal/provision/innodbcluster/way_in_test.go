// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package innodbcluster

import (
	"errors"
	"strings"
	"testing"

	"github.com/atollhq/terraform-provider-atoll/internal/provision/reach"
)

// One direction that is closed keeps a joiner out, and what could not be asked does not.
func TestJoinerThatIsKeptApart(t *testing.T) {
	c := Cluster{Members: map[string]Member{"a": {Address: "10.0.0.1", Port: 3306}, "b": {Address: "10.0.0.2", Port: 3306}, "c": {Address: "10.0.0.3", Port: 3307}}}
	for name, row := range map[string]struct {
		tries map[string]reach.Reach
		want  string
	}{
		"all reach it":          {map[string]reach.Reach{"c": {"a": true, "b": true}, "a": {"c": true}, "b": {"c": true}}, ""},
		"b could not be asked":  {map[string]reach.Reach{"c": {"a": true, "b": true}, "a": {"c": true}, "b": nil}, ""},
		"it reaches b not":      {map[string]reach.Reach{"c": {"a": true, "b": false}, "a": {"c": true}, "b": {"c": true}}, "no new connection from c to 10.0.0.2:3306 of b. "},
		"nobody reaches anyone": {map[string]reach.Reach{"c": {"a": false}, "a": {"c": false}}, "no new connection from a to 10.0.0.3:3307 of c, none from c to 10.0.0.1:3306 of a. "},
		"a group of its own":    {map[string]reach.Reach{"c": {}}, ""},
	} {
		err := c.apart(row.tries)
		if (row.want != "") != errors.Is(err, ErrNoWay) || err != nil && !strings.Contains(err.Error(), row.want) {
			t.Errorf("%s: %v, want %q", name, err, row.want)
		}
	}
}
