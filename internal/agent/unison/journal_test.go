// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package unison

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/atollhq/terraform-provider-atoll/internal/model/tier"
)

// What unison said in the lab (2.53.8) and beside it (2.52.1), and what is read of it.
func TestJournal(t *testing.T) {
	const begin = "Unison 2.53.8 (ocaml 5.3.0): Contacting server...\nConnected [//a//srv/files -> //b//srv/files]\n\nLooking for changes\n  Waiting for changes from server\nReconciling changes\n"
	for _, row := range []struct {
		name, said      string
		stage           tier.Stage
		inStep          bool
		skipped, failed []tier.Left
		moving          []tier.Left
		failure         string
		lost            bool
	}{
		{name: "nothing yet", said: "Unison 2.53.8 (ocaml 5.3.0): Contacting server...\n", stage: tier.Connecting, failure: "unison ended: exit"},
		{name: "reading", said: begin, stage: tier.Working, failure: "unison ended: exit"},
		{name: "nothing to do", said: begin + "Nothing to do: replicas have not changed since last sync.\n", stage: tier.Watching, inStep: true, failure: "unison ended: exit"},
		{
			name: "a conflict", stage: tier.Watching, inStep: true, failure: "unison ended: exit",
			said:    begin + "Propagating updates\n 55%  00:00 ETA\r               \r100%  00:00 ETA\r    \rSaving synchronizer state\n" + complete + " at 01:52:51  (2 items transferred, 1 skipped, 0 failed)\n  skipped: a (b) (contents changed on both sides)\n",
			skipped: []tier.Left{{Path: "a (b)", Reason: "contents changed on both sides"}},
		},
		{
			name: "what cannot be read", stage: tier.Watching, inStep: true, failure: "unison ended: exit",
			said: begin + "No updates to propagate\n" + complete + " at 18:16:55  (0 items transferred, 2 skipped, 0 failed)\n" +
				"  skipped: odd/x (1) (Error in digesting /srv/files/odd/x (1):\n/srv/files/odd/x (1): Permission denied)\n  skipped: odd/pipe (path /srv/files/odd/pipe has unknown file type)\n",
			skipped: []tier.Left{{Path: "odd/pipe", Reason: "path /srv/files/odd/pipe has unknown file type"}, {Path: "odd/x (1)", Reason: "Error in digesting /srv/files/odd/x (1): /srv/files/odd/x (1): Permission denied"}},
		},
		{
			name: "a reason that does not end", stage: tier.Working, inStep: true, failure: "unison ended: exit",
			said:    begin + complete + " at 18:16:55  (0 items transferred, 1 skipped, 0 failed)\n  skipped: a (Error in digesting /srv/files/a:\nPermission denied\nLooking for changes\n",
			skipped: []tier.Left{{Path: "a", Reason: "Error in digesting /srv/files/a: Permission denied"}},
		},
		{
			name: "part of a directory", stage: tier.Watching, inStep: true, failure: "unison ended: exit",
			said:    begin + "dir      --?->            odd  \nPropagating updates\n[END] Copying odd\n" + complete + " at 18:16:37  (1 item transferred, 1 partially transferred, 0 skipped, 0 failed)\n  partially transferred: odd\n",
			skipped: []tier.Left{{Path: "odd", Reason: "part of it was left: what, the next reading tells"}},
		},
		{
			name: "the top directory", stage: tier.Watching, inStep: true, failure: "unison ended: exit",
			said: begin + "Propagating updates\nFailed []: Error in setting permissions:\nOperation not permitted [chmod(/srv/files)]\n" + complete + " at 01:52:51  (0 items transferred, 1 skipped, 1 failed)\n" +
				"  skipped:  (properties changed on both sides)\n  failed: \n",
			skipped: []tier.Left{{Path: tier.Top, Reason: "properties changed on both sides"}},
			failed:  []tier.Left{{Path: tier.Top, Reason: "Error in setting permissions: Operation not permitted [chmod(/srv/files)]"}},
		},
		{
			name: "part of the top directory", stage: tier.Watching, inStep: true, failure: "unison ended: exit",
			said:    begin + complete + " at 01:52:51  (0 items transferred, 1 partially transferred, 0 failed)\n  partially transferred: \n",
			skipped: []tier.Left{{Path: tier.Top, Reason: "part of it was left: what, the next reading tells"}},
		},
		{
			name: "what cannot be read at the top", stage: tier.Watching, inStep: true, failure: "unison ended: exit",
			said:    begin + complete + " at 01:52:51  (0 items transferred, 1 skipped, 0 failed)\n  skipped:  (Error in reading /srv/files (1):\nPermission denied)\n",
			skipped: []tier.Left{{Path: tier.Top, Reason: "Error in reading /srv/files (1): Permission denied"}},
		},
		{
			name: "a day on its way", stage: tier.Watching, inStep: true, failure: "unison ended: exit",
			said:   begin + complete + " at 01:52:51  (0 items transferred, 1 skipped, 0 failed)\n  skipped: 2026/01/02 (would delete a file with nodeletion or nodeletionpartial set)\n  skipped: 2026/01/03 (conflicting updates)\n",
			moving: []tier.Left{{Path: "2026/01/02", Reason: "would delete a file with nodeletion or nodeletionpartial set"}, {Path: "2026/01/03", Reason: "conflicting updates"}},
		},
		{
			name: "a path that fails", stage: tier.Watching, failure: "unison ended: exit",
			said:   begin + "Starting...\r   \rFailed [2026]: Error in creating directory:\nPermission denied [mkdir(/srv/files/x)]\n" + incomplete + " at 02:20:41  (0 items transferred, 0 skipped, 1 failed)\n  failed: 2026\n",
			failed: []tier.Left{{Path: "2026", Reason: "Error in creating directory: Permission denied [mkdir(/srv/files/x)]"}},
		},
		{name: "no way", said: "Unison 2.52.1 (ocaml 4.13.1): Contacting server...\nssh: connect to host 10.77.0.1 port 22: Connection refused\r\nFatal error: Lost connection with the server\n", stage: tier.Connecting, failure: "ssh: connect to host 10.77.0.1 port 22: Connection refused Lost connection with the server"},
		{name: "lost memory, 2.52", said: begin + "Fatal error: Warning: inconsistent state.  \nThe archive file is missing on some hosts.\nor invoke Unison with -ignorearchives flag.\n", stage: tier.Working, lost: true, failure: "Warning: inconsistent state. The archive file is missing on some hosts. or invoke Unison with -ignorearchives flag."},
		{name: "lost memory, 2.53", said: begin + "\nError: Warning: inconsistent state.  \nThe archive file is missing on some hosts.\n", stage: tier.Working, lost: true, failure: "Warning: inconsistent state. The archive file is missing on some hosts."},
		{name: "in step again", said: begin + "Nothing to do: replicas\nLooking for changes\n", stage: tier.Working, inStep: true, failure: "unison ended: exit"},
	} {
		t.Run(row.name, func(t *testing.T) {
			j := &journal{now: func() time.Time { return time.Unix(1, 0) }, began: time.Unix(2, 0), moves: moves(tier.Pair{Layout: "%Y/%m/%d"}), probe: newProber(tier.Pair{Node: "a", Peer: "b"}, nil), changed: func(tier.PairStatus) {}, status: tier.PairStatus{Stage: tier.Connecting}}
			j.read(strings.NewReader(row.said))
			if j.status.Stage != row.stage || j.status.InStep.IsZero() == row.inStep {
				t.Errorf("%+v", j.status)
			}
			if diff := cmp.Diff(row.skipped, j.status.Skipped); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(row.moving, j.status.Moving); diff != "" {
				t.Error(diff)
			}
			if read := j.status.Read.Equal(time.Unix(2, 0)); read != (row.stage == tier.Watching || row.inStep) {
				t.Errorf("the last reading began at %s", j.status.Read)
			}
			if diff := cmp.Diff(row.failed, j.status.Failed); diff != "" {
				t.Error(diff)
			}
			if got := j.failure(errors.New("exit")); got != row.failure || j.lostArchives() != row.lost {
				t.Errorf("%q, lost %v", got, j.lostArchives())
			}
		})
	}
}
