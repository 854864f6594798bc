// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package linode

import (
	"context"
	"errors"
	"testing"

	"github.com/linode/linodego"
)

// What another run has brought about in the meantime is refused by the API, and done:
// a resize to the type that the machine has by now, and a boot of one that runs.
func TestWhatAnotherRunHasDoneIsDone(t *testing.T) {
	t.Parallel()
	run := account(t)
	const wanted = "g6-standard-1"
	here, there := run(), run()
	made, err := here.api.CreateInstance(t.Context(), linodego.InstanceCreateOptions{Region: "ap-south", Type: "g6-nanode-1", Label: "sg1", Image: "linode/debian13", RootPass: "not-a-secret-1A"})
	if err != nil {
		t.Fatal(err)
	}
	if err := here.Boot(t.Context(), made.ID); err != nil {
		t.Fatalf("a boot of a machine that runs: %v", err)
	}
	nothing := func(context.Context) error { return nil }
	free := func(context.Context) (func(context.Context) error, error) { return nothing, nil }
	asked := false
	// The other run resizes it while this one asks the site whether it can spare it.
	overtaken := func(ctx context.Context) (func(context.Context) error, error) {
		err := there.resize(ctx, made.ID, wanted, free)
		asked = true
		return nothing, err
	}
	if err := here.resize(t.Context(), made.ID, wanted, overtaken); err != nil || !asked {
		t.Errorf("a resize that another run has made: %v", err)
	}
	events, err := here.api.ListEvents(t.Context(), &linodego.ListOptions{Filter: `{"action":"linode_shutdown"}`})
	if err != nil || len(events) != 1 {
		t.Errorf("the machine was shut down %d times: %v", len(events), err)
	}
	// Or it came just before this one, which shut the machine down.
	if err := here.action(t.Context(), made.ID, linodego.ActionLinodeShutdown, linodego.InstanceOffline, func(ctx context.Context) error { return here.api.ShutdownInstance(ctx, made.ID) }); err != nil {
		t.Fatal(err)
	}
	here.forget()
	if err := here.resize(t.Context(), made.ID, wanted, free); err != nil {
		t.Errorf("a resize to the type that it has: %v", err)
	}
	here.forget()
	seen, err := here.Instance(t.Context(), made.ID)
	if err != nil || seen.Type != wanted || seen.Status != linodego.InstanceRunning {
		t.Errorf("in the end it is %s and %s: %v", seen.Type, seen.Status, err)
	}
	// What is refused for another reason is an error as ever.
	if err := here.resize(t.Context(), made.ID, "g6-huge", free); !errors.Is(err, ErrRefused) {
		t.Errorf("a type that is none: %v", err)
	}
}
