// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package innodbcluster

import (
	"fmt"
	"strings"
	"testing"
)

func TestValidate(t *testing.T) {
	c := three()
	if problems := c.Validate(); len(problems) != 0 {
		t.Errorf("a good cluster: %v", problems)
	}
	c.Members["d"] = Member{"10.0.0.1", 3306, 2}
	if got := fmt.Sprint(c.Validate()); !strings.Contains(got, `"a" and "d" are both at 10.0.0.1:3306`) || !strings.Contains(got, `"b" and "d" both have the server_id 2`) {
		t.Errorf("got %s", got)
	}
}
