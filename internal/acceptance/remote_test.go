// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package acceptance

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/atollhq/terraform-provider-atoll/internal/remote"
	"github.com/atollhq/terraform-provider-atoll/internal/site"
)

// A machine whose login shell talks, speaks German, and whose sshd forwards no
// sockets and gives few sessions is managed like any other.
func TestOrdinaryMachine(t *testing.T) {
	f := stand(t)
	// It has to be the one whose socket is used most.
	host := f.primary()
	machine, err := site.Machine(f.pool, f.lab.Inventory, host)
	f.must(err)
	t.Cleanup(func() {
		// The test's context has ended by now.
		if _, err := machine.Run(context.WithoutCancel(t.Context()), remote.Command{Name: "restoring", Script: `cd /root; if [ -e .bashrc.former ]; then mv -f .bashrc.former .bashrc; else rm -f .bashrc; fi
rm -f /etc/ssh/sshd_config.d/ordinary.conf; systemctl reload ssh`}); err != nil {
			t.Error(err)
		}
	})
	f.on(host, "cd /root; [ ! -e .bashrc ] || cp -p .bashrc .bashrc.former")
	for _, sessions := range []string{"2", "1"} {
		f.on(host, `set -e; cd /root
printf '%s\n' 'echo "Willkommen auf $(hostname)"' 'printf "one more thing, without an end" >&2' >.bashrc
printf '%s\n' 'AllowStreamLocalForwarding no' 'MaxSessions `+sessions+`' 'SetEnv LANG=de_DE.UTF-8 LANGUAGE=de' >/etc/ssh/sshd_config.d/ordinary.conf
sshd -t; systemctl reload ssh`)
		f.inSync()
		f.on(host, "rm /etc/tinc/site/hosts/app2; mysql -e 'SET GLOBAL binlog_expire_logs_seconds = 4711, GLOBAL group_replication_member_expel_timeout = 60'")
		if plan := f.plan(); plan.Empty() {
			t.Error("drift is not seen")
		}
		f.apply()
		f.inSync()
	}

	// Without its server the machine is not unreachable, nor anybody's to give up.
	pool, err := site.Machines(f.lab.Inventory)
	f.must(err)
	defer func() { _ = pool.Close() }()
	anew, err := site.Machine(pool, f.lab.Inventory, host)
	f.must(err)
	_, err = anew.Dial(f.Context(), remote.Endpoint{Network: "unix", Address: "/run/nowhere/mysqld.sock"})
	if !errors.Is(err, remote.ErrForward) || errors.Is(err, remote.ErrUnreachable) || !strings.Contains(err.Error(), "No such file or directory") {
		t.Errorf("got %v", err)
	}
}
