// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

// Package acceptance proves the whole: a real Terraform, the built provider,
// and real hosts of a lab with real tincd, mysqld and Router. make testacc runs
// it. The tests share one site and take their turns; each leaves it standing.
package acceptance

import (
	"context"
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/atollhq/terraform-provider-atoll/internal/lab"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
	"github.com/atollhq/terraform-provider-atoll/internal/site"
)

// fixture is the site under test.
type fixture struct {
	*testing.T
	lab       *lab.Client
	terraform *site.Terraform
	pool      *remote.Pool
	// replaced are the Linodes that the test itself asks to replace, by address.
	replaced map[string]bool
}

// shared is the working directory that all tests of a run use.
var shared string

func TestMain(m *testing.M) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "atoll-acceptance-")
		if err != nil {
			panic(err)
		}
		defer func() { _ = os.RemoveAll(dir) }()
		shared = dir
		return m.Run()
	}())
}

// open gives a test the lab and the shared working directory.
func open(t *testing.T) *fixture {
	t.Helper()
	client := lab.Require(t)
	f := &fixture{T: t, lab: client, terraform: example(t, client, shared)}
	pool, err := site.Machines(client.Inventory)
	f.must(err)
	t.Cleanup(func() { _ = pool.Close() })
	f.pool = pool
	return f
}

// example prepares a working directory with the whole site, resource by resource.
func example(t *testing.T, client *lab.Client, dir string) *site.Terraform {
	t.Helper()
	terraform, err := site.Example(dir, client.Inventory)
	if err != nil {
		t.Fatal(err)
	}
	return terraform
}

// stand gives a test the whole site, applied and in sync.
func stand(t *testing.T) *fixture {
	t.Helper()
	f := open(t)
	f.apply()
	return f
}

// within gives a subtest the same site under its own name; the parent's stays as it is.
func (f *fixture) within(t *testing.T) *fixture {
	own := *f
	own.T = t
	return &own
}

func (f *fixture) must(err error) {
	f.Helper()
	if err != nil {
		f.Fatal(err)
	}
}

// apply plans, looks at the plan, and applies it if there is anything to do.
func (f *fixture) apply(args ...string) {
	f.Helper()
	if plan := f.plan(args...); plan.Empty() {
		return
	}
	f.must(f.terraform.ApplyPlan(f.Context()))
}

// plan runs a plan that must not fail.
func (f *fixture) plan(args ...string) site.Plan {
	f.Helper()
	plan, err := f.terraform.Plan(f.Context(), args...)
	f.must(err)
	f.keeps(plan)
	return plan
}

// keeps fails for a plan that replaces a Linode whose user did not ask for it:
// that is the end of its disk. One that was never finished has nothing on it.
func (f *fixture) keeps(plan site.Plan) {
	f.Helper()
	for address, action := range plan.Changes {
		if strings.Contains(address, "atoll_linode.") && strings.Contains(action, "delete") && strings.Contains(action, "create") &&
			!f.replaced[address] && plan.Reasons[address] != "replace_because_tainted" {
			f.Fatalf("%s is planned to be replaced (%s), which nobody asked for:\n%s", address, action, plan.Text)
		}
	}
}

func (f *fixture) inSync() {
	f.Helper()
	if plan := f.plan(); !plan.Empty() {
		f.Fatalf("the plan is not empty: %s", plan)
	}
}

// on runs a script on a host as root and returns its output.
func (f *fixture) on(host, script string) string {
	f.Helper()
	output, err := f.try(host, script)
	if err != nil {
		f.Fatalf("on %s: %v", host, err)
	}
	return output
}

func (f *fixture) try(host, script string) (string, error) {
	machine, err := site.Machine(f.pool, f.lab.Inventory, host)
	if err != nil {
		return "", err
	}
	result, err := machine.Run(f.Context(), remote.Command{Name: "testing", Script: script, Long: true})
	return strings.TrimSpace(string(result.Stdout)), err
}

// afterwards runs a script on a host when the test ends, whatever became of it.
func (f *fixture) afterwards(host, script string) {
	f.Helper()
	f.Cleanup(func() {
		machine, err := site.Machine(f.pool, f.lab.Inventory, host)
		if err == nil {
			// The test's own context has ended by now.
			_, err = machine.Run(context.WithoutCancel(f.Context()), remote.Command{Name: "putting things back", Script: script, Long: true})
		}
		if err != nil {
			f.Errorf("%s is not as it was before: %v", host, err)
		}
	})
}

func (f *fixture) sql(host, statement string) string {
	f.Helper()
	return f.on(host, "mysql -N -B -e "+remote.Quote(statement))
}

// eventually tries until the condition holds. within is for a machine that does nothing
// else: where more wants to run than there are processors, a second counts as what a test
// has of it.
func (f *fixture) eventually(what string, within time.Duration, condition func() bool) {
	f.Helper()
	began, had := time.Now(), time.Duration(0)
	for last := began; !condition(); time.Sleep(500 * time.Millisecond) {
		now := time.Now()
		had += time.Duration(float64(now.Sub(last)) / f.crowd())
		last = now
		if had > within {
			f.Fatalf("after %s, %s for a machine that does nothing else: not %s", time.Since(began).Round(time.Second), within, what)
		}
	}
}

// crowd is how many want to run on each processor, over the last minute; at least 1.
func (f *fixture) crowd() float64 {
	f.Helper()
	text, err := os.ReadFile("/proc/loadavg")
	f.must(err)
	load, err := strconv.ParseFloat(strings.Fields(string(text))[0], 64)
	f.must(err)
	return max(1, load/float64(runtime.NumCPU()))
}

// variables replaces the variables of the site.
func (f *fixture) variables(change func(nodes map[string]any, all map[string]any)) {
	f.Helper()
	nodes := site.Nodes(f.lab.Inventory)
	all := map[string]any{"nodes": nodes, "ssh_key_file": f.lab.Inventory.Key}
	change(nodes, all)
	f.must(f.terraform.Variables(all))
}

// pull pulls a host's plug until the test puts it in, or ends.
func (f *fixture) pull(host string) {
	f.Helper()
	f.must(f.lab.PullPlug(f.Context(), host))
	f.Cleanup(func() { _ = f.lab.PlugIn(context.Background(), host) }) // an error says that it is in
}

// primary is the member that takes writes, as the servers say. One that has left the
// group may take them, too.
func (f *fixture) primary() string {
	f.Helper()
	const takes = "SELECT @@global.super_read_only = 0 AND EXISTS (SELECT 1 FROM performance_schema.replication_group_members WHERE member_id = @@server_uuid AND member_state = 'ONLINE')"
	for _, host := range f.lab.Inventory.Hosts {
		if got, err := f.try(host.Name, "mysql -N -B -e "+remote.Quote(takes)); err == nil && got == "1" {
			return host.Name
		}
	}
	f.Fatal("there is no primary")
	return ""
}

const online = "SELECT COUNT(*) FROM performance_schema.replication_group_members WHERE member_state = 'ONLINE'"

func TestApplyThenPlanIsEmpty(t *testing.T) {
	f := stand(t)
	f.inSync()
	for _, host := range []string{"hk1", "hk2", "sg1"} {
		if got := f.sql(host, online); got != "3" {
			t.Errorf("%s sees %s members online, want 3", host, got)
		}
		if got := f.sql(host, "SELECT CONCAT(@@group_replication_ssl_mode, ' ', @@ssl_cert)"); got != "VERIFY_IDENTITY /etc/mysql/atoll/server.pem" {
			t.Errorf("%s verifies and shows %s", host, got)
		}
		// The mesh address and the socket, and nothing else.
		listening := f.on(host, "ss -ltnH | awk '{print $4}' | grep -E ':(3306|33060|33062)$'")
		found, err := f.lab.Inventory.Host(host)
		f.must(err)
		if want := site.MeshAddress(found.HostSpec) + ":3306"; listening != want {
			t.Errorf("%s listens on %q, want %q alone", host, listening, want)
		}
		if mode := f.on(host, "stat -c '%a %U' /etc/tinc/site/rsa_key.priv"); mode != "600 root" {
			t.Errorf("the private key on %s has %s", host, mode)
		}
	}
	uuids := map[string]bool{}
	for _, host := range []string{"hk1", "hk2", "sg1"} {
		uuids[f.sql(host, "SELECT @@server_uuid")] = true
	}
	if len(uuids) != 3 {
		t.Errorf("the machines were cloned from one image and still share server UUIDs: %v", uuids)
	}
	if accounts := f.sql("hk1", "SELECT COUNT(*) FROM mysql.user WHERE user LIKE 'mysql_innodb_cluster_%'"); accounts != "3" {
		t.Errorf("%s recovery accounts, want one for each member", accounts)
	}
}

func TestRouterFollowsThePrimary(t *testing.T) {
	f := stand(t)
	ctx := f.Context()
	primary := f.primary()
	database, err := site.Machine(f.pool, f.lab.Inventory, primary)
	f.must(err)
	application, err := site.Machine(f.pool, f.lab.Inventory, "app1")
	f.must(err)
	shop, err := site.Deploy(ctx, database, application)
	f.must(err)
	defer func() { _ = shop.DB.Close() }()
	report, err := site.PullUnderWriter(ctx, f.lab, shop, primary)
	f.must(err)
	t.Log(report)
	if report.Lost != 0 {
		t.Errorf("%s", report)
	}
	if report.Acknowledged == 0 {
		t.Error("nothing was written at all")
	}
	f.must(f.lab.PlugIn(ctx, primary))
	// The host comes back by itself: mesh, server, group.
	f.eventually(primary+" is back in the group", 3*time.Minute, func() bool {
		got, err := f.try(primary, "mysql -N -B -e "+remote.Quote(online))
		return err == nil && got == "3"
	})
	f.apply() // takes over the new role
	f.inSync()
}
