// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package acceptance

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
	"github.com/atollhq/terraform-provider-atoll/internal/lab"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/linode"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
	"github.com/atollhq/terraform-provider-atoll/internal/site"
)

// killsVariable says how many kills the test makes: few beside all the others,
// 200 when it runs for its own sake.
const (
	killsVariable = "ATOLL_KILLS"
	fewKills      = 10
)

// often is how many times something is done: few times, unless the variable of
// the environment has another number.
func often(t *testing.T, variable string, few int) int {
	t.Helper()
	text := os.Getenv(variable)
	if text == "" {
		return few
	}
	number, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("%s=%q is no number", variable, text)
	}
	return number
}

// deed is one change that could lock us out, as it is handed to the process that
// is killed in it.
type deed struct {
	Key    string        `json:"key"`
	Target remote.Target `json:"target"`
	// Kind is "host key", "more keys" or "wrong keys": those let nobody in.
	Kind string   `json:"kind"`
	Keys []string `json:"keys"`
	// Wait is how long the host waits for the proof.
	Wait time.Duration `json:"wait"`
}

var deedKinds = []string{"host key", "more keys", "wrong keys"}

// deedVariable holds the deed of a process that is to be killed.
const deedVariable = "ATOLL_DEED"

// do makes the change; tell is called with a new host key before it is in use.
func (d deed) do(ctx context.Context, tell func(public string)) error {
	inventory := lab.Inventory{Key: d.Key}
	pool, err := site.Machines(inventory)
	if err != nil {
		return err
	}
	defer func() { _ = pool.Close() }()
	host := pool.Host(d.Target)
	change := linode.KeysChange(d.Keys)
	if d.Kind == "host key" {
		public, err := linode.MakeHostKey(ctx, host)
		if err != nil {
			return err
		}
		tell(public)
		change = linode.HostKeyChange(pool, d.Target, public)
	}
	change.Wait = d.Wait
	return change.Apply(ctx, host)
}

// TestDeedToBeKilled is the process of the test below.
func TestDeedToBeKilled(t *testing.T) {
	text := os.Getenv(deedVariable)
	if text == "" {
		t.Skip("runs in a process of another test")
	}
	var d deed
	if err := json.Unmarshal([]byte(text), &d); err != nil {
		t.Fatal(err)
	}
	_ = d.do(t.Context(), func(public string) { fmt.Println("made " + public) })
}

// A run that changes host keys or login keys is killed at random moments. The
// host is never left locked: it lets us in again by itself, with all of the
// former files or all of the new ones, and the next apply finishes.
func TestKilledChangesLockNobodyOut(t *testing.T) {
	f := open(t)
	kills := often(t, killsVariable, fewKills)
	outcomes, mu := map[string]int{}, sync.Mutex{}
	count := func(outcome string) {
		mu.Lock()
		defer mu.Unlock()
		outcomes[outcome]++
	}
	var group sync.WaitGroup
	hosts := f.lab.Inventory.Hosts
	for i, host := range hosts {
		v := &victim{T: t, lab: f.lab, name: host.Name, target: remote.Target{Host: host.Address, HostKey: host.HostKey}, count: count, usual: 4 * time.Second}
		v.random = rand.New(rand.NewPCG(uint64(i), uint64(time.Now().UnixNano())))
		if !v.remember() {
			return
		}
		t.Cleanup(v.restore)
		group.Go(func() {
			// A run that ended before it could be killed counts for nothing.
			for v.kills < (kills+len(hosts)-1-i)/len(hosts) {
				if !v.killed() {
					return
				}
			}
		})
	}
	group.Wait()
	t.Logf("%d kills: %v", kills, outcomes)
}

// victim is a host whose keys are changed by runs that are killed.
type victim struct {
	*testing.T
	lab    *lab.Client
	name   string
	target remote.Target
	random *rand.Rand
	count  func(outcome string)
	// keys are those that may log in now; usual is what a change takes.
	keys  []string
	usual time.Duration
	kills int
}

// hostWaits is how long a host waits for the proof of a run that is killed, and
// patience how much longer a host under load may take to go back.
const (
	hostWaits = 8 * time.Second
	patience  = 90 * time.Second
)

// sh runs a script over a connection of its own.
func (v *victim) sh(script string) (string, error) {
	pool, err := site.Machines(v.lab.Inventory)
	if err != nil {
		return "", err
	}
	defer func() { _ = pool.Close() }()
	// It outlives the test: its end puts things back.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(v.Context()), patience)
	defer cancel()
	host := pool.Host(v.target)
	// A sshd that reads its files anew refuses everybody for a moment.
	if err := host.Await(ctx, patience); err != nil {
		return "", err
	}
	result, err := host.Run(ctx, remote.Command{Name: "testing", Script: script, Long: true})
	return strings.TrimSpace(string(result.Stdout)), err
}

// remember keeps the keys that the other tests know. sshd is told not to punish
// an address that fails to log in as often as this test does.
func (v *victim) remember() bool {
	text, err := v.sh(`mkdir -p /root/original && cp -pn /etc/ssh/ssh_host_* /root/.ssh/authorized_keys /root/original/ &&
{ ! sshd -T | grep -qi ^persourcepenalties || echo 'PerSourcePenalties no' >/etc/ssh/sshd_config.d/00-test.conf; } && systemctl reload ssh && sleep 1 &&
grep -v '^#' /root/.ssh/authorized_keys`)
	if err != nil {
		v.Error(err)
		return false
	}
	v.keys = strings.Split(text, "\n")
	return true
}

// restore gives the host the keys back that the other tests know.
func (v *victim) restore() {
	_, err := v.sh(`cp -p /root/original/authorized_keys /root/.ssh/ && rm -f /root/original/authorized_keys /etc/ssh/ssh_host_* && cp -p /root/original/* /etc/ssh/ &&
rm -rf /root/original /etc/ssh/sshd_config.d/00-test.conf && systemctl reload ssh`)
	if err != nil {
		v.Errorf("%s keeps the test's keys: %v", v.name, err)
	}
}

// killed lets one run be killed, and looks what became of the host.
func (v *victim) killed() bool {
	d := deed{Key: v.lab.Inventory.Key, Target: v.target, Kind: deedKinds[v.random.IntN(len(deedKinds))], Wait: hostWaits}
	other := "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIODemPSmCiN57xuhwV5DI/saEWet9DMN/vL3zZZ41wq+ other" + strconv.Itoa(v.random.IntN(1000))
	switch d.Kind {
	case "more keys":
		d.Keys = []string{v.keys[0], other}
	case "wrong keys":
		d.Keys = []string{other}
	}
	made, when, err := v.kill(d)
	if err != nil {
		v.Errorf("%s: %v", v.name, err)
		return false
	}
	what := fmt.Sprintf("%s, %s, killed after %s", v.name, d.Kind, when)
	if !v.enter(made, what) || !v.consistent(d, what) {
		return false
	}
	return v.finish(d, what)
}

// kill runs the deed in a process of its own and kills that. It gives the host
// key that was made, if one was.
func (v *victim) kill(d deed) (made string, when time.Duration, err error) {
	text, err := json.Marshal(d)
	if err != nil {
		return "", 0, err
	}
	var output bytes.Buffer
	process := exec.CommandContext(v.Context(), os.Args[0], "-test.run", "^TestDeedToBeKilled$", "-test.v")
	process.Env, process.Stdout = append(os.Environ(), deedVariable+"="+string(text)), &output
	if err := process.Start(); err != nil {
		return "", 0, err
	}
	ended := make(chan struct{})
	go func() {
		_ = process.Wait() // how it ends is the matter of the test
		close(ended)
	}()
	when = time.Duration(v.random.Int64N(int64(v.usual)))
	select {
	case <-ended:
		v.count("ended before the kill")
	case <-time.After(when):
		_ = process.Process.Kill()
		<-ended
		v.count("killed")
		v.kills++
	}
	for line := range strings.Lines(output.String()) {
		if key, found := strings.CutPrefix(strings.TrimSpace(line), "made "); found {
			made = key
		}
	}
	return made, when, nil
}

// enter gets in again, with the former host key or the new one.
func (v *victim) enter(made, what string) bool {
	before := v.target.HostKey
	start := time.Now()
	for {
		var problems []error
		for _, key := range slices.Compact([]string{before, made}) {
			v.target.HostKey = key
			if key == "" {
				continue
			}
			err := v.settled()
			if err == nil {
				if waited := time.Since(start); waited > time.Second {
					v.count("got in after waiting")
				}
				if key != before {
					v.count("new host key stays")
				}
				return true
			}
			problems = append(problems, err)
		}
		if time.Since(start) > hostWaits+patience {
			v.Errorf("%s: locked out: %v", what, errors.Join(problems...))
			return false
		}
		// sshd punishes hasty clients.
		time.Sleep(3 * time.Second)
	}
}

// settled gets in and waits until nothing is pending: neither a step of the run
// that was killed, which goes on without it and holds the host's lock, nor a way
// back. Then it has to get in anew, by the key that is in the host's files: they
// may have gone back, and sshd takes a moment to read them.
func (v *victim) settled() error {
	pool, err := site.Machines(v.lab.Inventory)
	if err != nil {
		return err
	}
	defer func() { _ = pool.Close() }()
	host := pool.Host(v.target)
	ctx, cancel := context.WithTimeout(v.Context(), hostWaits+patience)
	defer cancel()
	if _, err := host.Run(ctx, remote.Command{Name: "waiting for the last step", Script: "[ ! -d /run/atoll ] || flock /run/atoll/lock true", Long: true}); err != nil {
		return err
	}
	for _, name := range []string{"host-key", "login-keys"} {
		if err := converge.Settle(ctx, host, name); err != nil {
			return err
		}
	}
	if err := host.Prove(ctx); err != nil {
		return err
	}
	result, err := host.Run(ctx, remote.Command{Name: "reading the host key", Script: "ssh-keygen -y -f /etc/ssh/ssh_host_ed25519_key"})
	if kept := strings.Fields(string(result.Stdout)); err == nil && (len(kept) < 2 || !strings.HasPrefix(v.target.HostKey+" ", kept[0]+" "+kept[1]+" ")) {
		err = fmt.Errorf("sshd shows %s, and the file has %s", v.target.HostKey, kept)
	}
	return err
}

// consistent checks that all of the former files stand, or all of the new ones.
func (v *victim) consistent(d deed, what string) bool {
	text, err := v.sh(`cd /etc/ssh; ssh-keygen -y -f ssh_host_ed25519_key | cut -d' ' -f1,2; cut -d' ' -f1,2 ssh_host_ed25519_key.pub; grep -v '^#' /root/.ssh/authorized_keys`)
	lines := strings.Split(text, "\n")
	if err != nil || len(lines) < 3 {
		v.Errorf("%s: %q, %v", what, text, err)
		return false
	}
	known, _, _ := strings.Cut(v.target.HostKey+" ", "  ")
	if lines[0] != lines[1] || !strings.HasPrefix(known, lines[0]) {
		v.Errorf("%s: the private key is that of %s, the public one %s, and sshd shows %s", what, lines[0], lines[1], v.target.HostKey)
	}
	present, wanted := slices.Sorted(slices.Values(lines[2:])), slices.Sorted(slices.Values(d.Keys))
	former := slices.Equal(present, slices.Sorted(slices.Values(v.keys)))
	switch {
	case former && d.Kind != "host key":
		v.count("former login keys stay")
	case !former && d.Kind == "more keys" && slices.Equal(present, wanted):
		v.count("new login keys stay")
		v.keys = d.Keys
	case !former:
		v.Errorf("%s: %q may log in", what, present)
		return false
	}
	return true
}

// finish is the next apply: the same change without a kill, and nothing of the
// killed one is left.
func (v *victim) finish(d deed, what string) bool {
	d.Target, d.Wait = v.target, 0
	made, start := "", time.Now()
	err := d.do(v.Context(), func(public string) { made = public })
	v.usual = (v.usual*3 + time.Since(start)) / 4
	switch {
	case d.Kind == "wrong keys" && !errors.Is(err, converge.ErrUnproven), d.Kind != "wrong keys" && err != nil:
		v.Errorf("%s: the next apply: %v", what, err)
		return false
	case d.Kind == "host key":
		v.target.HostKey = made
	case d.Kind == "more keys":
		v.keys = d.Keys
	}
	left, err := v.sh("ls -d /var/lib/atoll/way-back/* /etc/ssh/.atoll* /etc/ssh/*.atoll* /root/.ssh/.atoll* 2>/dev/null | grep -v restored || :")
	if err != nil || left != "" {
		v.Errorf("%s: after the next apply there is left %q, %v", what, left, err)
		return false
	}
	return true
}
