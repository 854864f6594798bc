// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package provider

import (
	"math"
	"strings"
	"testing"
)

// Half of a whole number, and one of more than 64 bits, are refused wherever one may be
// written, by the attribute's path and the value.
func TestNumbersAreWhole(t *testing.T) {
	t.Parallel()
	account := hoster(t)
	for resource, config := range everything() {
		t.Run(resource, func(t *testing.T) {
			t.Parallel()
			tf := start(t, machines(t), account.block)
			kind := tf.kind(resource)
			odd := variants(config, func(leaf any) []any {
				if _, number := leaf.(int); !number {
					return nil
				}
				return []any{1.5, math.Ldexp(1, 70)}
			})
			for path, changed := range odd {
				if resource == "atoll_mysql_router" && strings.HasPrefix(path, ".cluster.") {
					continue // what another resource exports, whole: nobody writes it
				}
				for _, one := range changed {
					tf.anew()
					_, problems := tf.plan(resource, nil, write(kind, one))
					for _, fault := range faults {
						if strings.Contains(problems, fault) {
							t.Errorf("%s%s: %s", resource, path, problems)
						}
					}
					if !strings.Contains(problems, path[strings.LastIndex(path, ".")+1:]) || !strings.Contains(problems, "must be a whole number") {
						t.Errorf("%s%s says %q", resource, path, problems)
					}
				}
			}
		})
	}
}
