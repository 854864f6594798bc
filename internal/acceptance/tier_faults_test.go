// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package acceptance

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/atollhq/terraform-provider-atoll/internal/lab"
	"github.com/atollhq/terraform-provider-atoll/internal/model/tier"
)

// arrives waits for what takes as long as a disk and a line of many do.
func (f *tree) arrives(host, script, want string) {
	f.Helper()
	var got string
	f.eventually(fmt.Sprintf("on %s, %s prints %q", host, script, want), 20*time.Minute, func() bool {
		got, _ = f.try(host, "cd /srv/files; "+script)
		return got == want
	})
}

// standsStill stops the agent that dials, and not its unison: the watchdog ends both.
func (f *tree) standsStill() {
	const unit = "atoll-tier-files.app1"
	f.patience("app2", unit, 20)
	was := f.mainPID("app2", unit)
	time.Sleep(time.Minute)
	if now := f.mainPID("app2", unit); now != was {
		f.Error("one that has nothing to do was ended")
	}
	f.on("app2", "kill -STOP "+was)
	f.eventually("another agent", 2*time.Minute, func() bool {
		now := f.mainPID("app2", unit)
		return now != was && now != "0"
	})
	if got := f.on("app2", "journalctl -q -o cat -u "+unit+" | grep -c 'Watchdog timeout (limit 20s)'"); got != "1" {
		f.Errorf("the watchdog has ended %s", got)
	}
	f.as("app1", "echo again >still")
	f.comes("app2", "cat still", "again")
	f.watching()
	f.inSync()
}

// oddFiles are those that applications make sooner or later.
func (f *tree) oddFiles() {
	f.as("app1", "mkdir odd")
	f.on("app1", `cd /srv/files/odd; mknod device c 1 3; perl -MIO::Socket::UNIX -e 'IO::Socket::UNIX->new(Local => "socket", Listen => 1) or die $!'`)
	f.as("app1", `cd odd; mkfifo pipe; ln -s /etc/passwd out; echo A >Case; echo closed >closed; chmod 000 closed; mkdir many
cd many; seq 100000 | split -l 1 -a 4 -`)
	f.arrives("sg1", "ls odd/many | wc -l", "100000")
	f.arrives("app2", "ls odd/many | wc -l; cat odd/Case; readlink odd/out; ls -d odd/pipe odd/socket odd/device 2>/dev/null || echo none of them", "100000\nA\n/etc/passwd\nnone of them")
	// What cannot be carried is said, by its path.
	for _, path := range []string{"odd/pipe", "odd/socket", "odd/device"} {
		f.eventually(path+" is listed", 5*time.Minute, func() bool {
			left := slices.Concat(f.pair("app2").Skipped, f.pair("app2").Failed)
			return slices.ContainsFunc(left, func(one tier.Left) bool { return one.Path == path })
		})
	}
	f.as("app1", "rm -f odd/pipe odd/socket odd/device; chmod 600 odd/closed; mv odd/Case odd/CASE")
	f.arrives("sg1", "cat odd/closed; ls odd | grep -i case", "closed\nCASE")
	// One name, in one second, on both sides: the same is no conflict.
	for _, host := range []string{"app1", "app2"} {
		f.as(host, "echo same >odd/same")
	}
	// It grows for longer than a file is waited for.
	f.as("app1", "for i in $(seq 300); do echo $i; sleep 0.1; done >odd/growing")
	sum := f.as("app1", "sha256sum odd/growing")
	for _, host := range []string{"app2", "sg1"} {
		f.arrives(host, "sha256sum odd/growing; cat odd/same", sum+"\nsame")
	}
	f.as("app2", "rm -rf odd/many")
	f.arrives("app1", "ls -d odd/many 2>/dev/null || echo gone", "gone")
	f.arrives("sg1", "ls -d odd/many 2>/dev/null || echo gone", "gone")
	f.watching()
	f.inSync()
}

// disksFill takes all room, and then all inodes, where a tree lies.
func (f *tree) disksFill() {
	f.must(f.lab.FillDisk(f.Context(), "app2"))
	f.as("app1", "head -c 20M /dev/urandom >large; echo small >beside")
	f.arrives("sg1", "cat beside", "small")
	f.eventually("app2 is not in step", 5*time.Minute, func() bool {
		status := f.pair("app2")
		return status.Stage == tier.Waiting || len(status.Failed) > 0
	})
	f.must(f.lab.FreeDisk(f.Context(), "app2"))
	f.arrives("app2", "sha256sum large beside", f.as("app1", "sha256sum large beside"))
	// The other side of a pair, the one that is dialled.
	f.must(f.lab.FillDisk(f.Context(), "app1"))
	f.as("app2", "head -c 20M /dev/urandom >larger")
	f.eventually("app2 is not in step with a disk that is full", 5*time.Minute, func() bool {
		status := f.pair("app2")
		return status.Stage == tier.Waiting || len(status.Failed) > 0
	})
	f.must(f.lab.FreeDisk(f.Context(), "app1"))
	for _, host := range []string{"app1", "sg1"} {
		f.arrives(host, "sha256sum larger", f.as("app2", "sha256sum larger"))
	}
	f.archiveWithoutInodes()

	f.as("app1", "mkdir narrow")
	f.arrives("app2", "ls -d narrow", "narrow")
	f.on("app2", "mount -t tmpfs -o nr_inodes=20,uid=$(id -u www-data),gid=$(id -g www-data),mode=755 none /srv/files/narrow")
	f.as("app1", "cd narrow; for i in $(seq 40); do echo $i >$i; done")
	f.arrives("sg1", "cat narrow/* | wc -l", "40")
	f.eventually("app2 says what failed", 5*time.Minute, func() bool {
		return slices.ContainsFunc(f.pair("app2").Failed, func(one tier.Left) bool { return strings.HasPrefix(one.Path, "narrow") })
	})
	f.on("app2", "mount -o remount,nr_inodes=1000 /srv/files/narrow")
	f.arrives("app2", "cat narrow/[0-9]* | wc -l", "40")
	if got := f.on("app1", "cat /srv/files/narrow/[0-9]* | wc -l"); got != "40" {
		f.Errorf("app1 has %s files of 40", got)
	}
	f.as("app1", "rm narrow/*")
	f.arrives("app2", "ls narrow | wc -l", "0")
	f.on("app2", "umount /srv/files/narrow")
	f.watching()
}

// lossy loses a fifth of what goes between two nodes.
func (f *tree) lossy() {
	before, err := f.lab.GetLink(f.Context(), "app1", "app2")
	f.must(err)
	f.must(f.lab.SetLink(f.Context(), "app1", "app2", lab.Link{Delay: 50 * time.Millisecond, Loss: 0.2}, false))
	for _, host := range []string{"app1", "app2"} {
		f.as(host, "mkdir lossy-"+host+"; cd lossy-"+host+"; for i in $(seq 50); do head -c 20000 /dev/urandom >$i; done")
	}
	const sums = "cat lossy-*/* | sha256sum; ls lossy-*/* | wc -l"
	f.arrives("app1", "ls lossy-*/* | wc -l", "100")
	want := f.on("app1", "cd /srv/files; "+sums)
	f.arrives("app2", sums, want)
	f.must(f.lab.SetLink(f.Context(), "app1", "app2", before, false))
	f.arrives("sg1", sums, want)
	f.watching()
}

// rebuilt gives a node an empty disk. All unisons are killed again and again while
// the first ones read and carry; then it has everything back, and nobody lost a file.
func (f *tree) rebuilt() {
	f.as("app1", "mkdir back; cd back; for d in $(seq 50); do mkdir $d; head -c 400000 /dev/urandom | split -b 2000 -a 3 - $d/; done")
	f.arrives("app2", "find back -type f | wc -l", "10000")
	const all = "cd /srv/files; find . -path ./.tier -prune -o -type f ! -name '.unison.*' ! -name '" + tier.ProbePrefix + "*' -print0 | sort -z | xargs -0 sha256sum | sha256sum"
	before := f.on("app1", all)
	f.must(f.lab.Rebuild(f.Context(), "sg1"))
	applied := make(chan error, 1)
	go func() { applied <- f.terraform.Apply(f.Context()) }()
	kills := 0
	for range 40 {
		time.Sleep(time.Duration(rand.IntN(1500)) * time.Millisecond)
		for _, host := range []string{"app1", "sg1"} {
			if said, _ := f.try(host, "pkill -KILL -u www-data -x unison && echo killed"); said == "killed" {
				kills++
			}
		}
	}
	if err := <-applied; err != nil {
		f.Logf("the apply that was disturbed says %v", err)
		f.apply()
	}
	f.arrives("sg1", "find back -type f ! -name '.unison.*' | wc -l", "10000")
	f.watching()
	for _, host := range f.nodes {
		if got := f.on(host, all); got != before {
			f.Errorf("%s has other files than before", host)
		}
	}
	f.inSync()
	if kills == 0 {
		f.Error("nothing was killed")
	}
	f.Logf("%d unisons were killed while a node got everything back", kills)
}

// archiveWithoutInodes has an archive lie on a file system that has few of them left: it
// takes nothing, says so, warns in the plan, and gives what it has.
func (f *tree) archiveWithoutInodes() {
	f.on("app2", `mount -t tmpfs -o nr_inodes=$(($(find /srv/cold | wc -l) + 1050)),mode=755 none /mnt
cp -a /srv/cold/. /mnt
install -d -m 700 -o www-data -g www-data /mnt/.tier-archive /mnt/.tier-archive/filler
cd /mnt/.tier-archive/filler; seq 1000 | split -l 1 -a 3 -
cd /; mount --bind /mnt /srv/cold; umount /mnt`)
	f.as("app1", "mkdir -p /srv/cold/2023/07/07; cd /srv/cold/2023/07/07; for i in $(seq 60); do echo $i >$i; done")
	f.as("app2", "mkdir -p /srv/cold/2023/07; echo out >/srv/cold/2023/07/out")
	if err := f.run("app2"); err == nil {
		f.Error("an archive without inodes takes something")
	}
	if status := f.on("app2", "cat /var/lib/atoll/tier/files/pairs/app1/cold.json"); !strings.Contains(status, "cold_reserve_inodes") {
		f.Errorf("app2 tells %s", status)
	}
	if plan := f.plan(); !strings.Contains(plan.Text, "Disk Nearly Full") || !strings.Contains(flat(plan.Text), "where /srv/cold lies, ") {
		f.Errorf("the plan does not warn of the archive's own disk: %s", plan.Text)
	}
	f.comes("app1", "cat /srv/cold/2023/07/out", "out")
	f.on("app2", "umount /srv/cold")
	f.must(f.run("app2"))
	f.comes("app2", "cat /srv/cold/2023/07/07/* | wc -l; cat /srv/cold/2023/07/out", "60\nout")
}
