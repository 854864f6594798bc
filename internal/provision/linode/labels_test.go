// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package linode

import (
	"errors"
	"strings"
	"testing"

	"github.com/linode/linodego"
)

// A machine or firewall that another resource of the same run is making is no
// left-over of a killed run: it is neither taken over nor to be deleted. One of an
// earlier run of the same directory is taken over as ever.
func TestSiblingsOfOneLabelAreToldApart(t *testing.T) {
	t.Parallel()
	run := account(t)
	spec := Spec{Label: "sg1", Region: "ap-south", Type: "g6-nanode-1", Image: "linode/debian13", Generation: GenerationConfig, Trust: TrustGiven, AuthorizedKeys: []string{"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDtqJ7zOtqQtYqOo0CpvDXNlMhV3HeJDpjrASKGLWdop"}}
	orders, here := Orders{Dir: t.TempDir()}, run()
	made, err := here.Create(t.Context(), spec, orders)
	if err != nil {
		t.Fatal(err)
	}
	for _, finished := range []bool{false, true} {
		if finished {
			if _, err := here.api.UpdateInstance(t.Context(), made.Instance.ID, linodego.InstanceUpdateOptions{Tags: &[]string{}}); err != nil {
				t.Fatal(err)
			}
		}
		again, err := here.Create(t.Context(), spec, orders)
		if !errors.Is(err, ErrTaken) || !strings.Contains(err.Error(), "another atoll_linode of this very run made it") || strings.Contains(err.Error(), "delete") || again.Instance.ID != 0 {
			t.Errorf("a sibling, the first one finished %v: %v", finished, err)
		}
	}
	if _, err := run().Create(t.Context(), spec, orders); !errors.Is(err, ErrTaken) || !strings.Contains(err.Error(), "create_before_destroy") {
		t.Errorf("another run, and the first one finished: %v", err)
	}
	spec.Label = "sg2"
	left, err := here.Create(t.Context(), spec, orders)
	if err != nil {
		t.Fatal(err)
	}
	if taken, err := run().Create(t.Context(), spec, orders); err != nil || taken.Instance.ID != left.Instance.ID {
		t.Errorf("a left-over is not taken over: %v", err)
	}
	wall := Wall{Label: "site"}
	if _, err := here.CreateFirewall(t.Context(), wall, orders); err != nil {
		t.Fatal(err)
	}
	if _, err := here.CreateFirewall(t.Context(), wall, orders); !errors.Is(err, ErrTaken) || !strings.Contains(err.Error(), "another atoll_linode_firewall of this very run made it") {
		t.Errorf("a sibling of a firewall: %v", err)
	}
}
