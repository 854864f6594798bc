// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package acceptance

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/atollhq/terraform-provider-atoll/internal/remote"
	"github.com/atollhq/terraform-provider-atoll/internal/site"
)

// mishap is something that goes wrong while a bank does its business.
type mishap struct {
	name string
	// does lets it go wrong; what the world has to mend, such as a line, it mends.
	does func(f *fixture)
	// applied: it takes one apply. Else the guardians bring everything back.
	applied bool
	// decides is set where no apply may mend it: what a person does who reads why.
	decides func(f *fixture, refusal string)
}

// books add up what became of a run of faults.
type books struct {
	faults, byGuardians, byApply, byPerson, transfers, failed, lost, wrong int
	lines                                                                  []string
}

func (b *books) String() string {
	return fmt.Sprintf("%d faults: %d mended by the guardians, %d by one apply, %d refused to a person; %d transfers acknowledged, %d of them lost, %d refused or in doubt; %d books wrong\n%s",
		b.faults, b.byGuardians, b.byApply, b.byPerson, b.transfers, b.lost, b.failed, b.wrong, strings.Join(b.lines, "\n"))
}

// Each fault happens under a bank. Afterwards the members are all back by the guardians
// or by one apply, or by what a person decided who was told why neither may; the money
// is what it was on every one of them, and every acknowledged transfer is there.
func TestFaultsUnderABank(t *testing.T) {
	f := stand(t)
	var sum books
	for _, list := range [][]mishap{silences(), lamenesses(), strangers(), edits(), diverged(), nameless(), guardians(), clocks()} {
		for _, one := range list {
			t.Run(one.name, func(t *testing.T) { f.within(t).suffer(one, &sum) })
		}
	}
	t.Log(sum.String())
}

// suffer lets a fault happen, waits until it is mended, and audits the books.
func (f *fixture) suffer(one mishap, sum *books) {
	f.Helper()
	shop := f.shop()
	defer func() { _ = shop.DB.Close() }()
	bank, err := site.OpenBank(f.Context(), shop.DB)
	f.must(err)
	defer bank.Close()
	f.eventually("business", time.Minute, func() bool { return bank.Count() > 20 })
	one.does(f)
	over := time.Now()
	mended := f.mended(one, bank, sum)
	f.eventually("all members", 4*time.Minute, f.allOnline)
	back := time.Since(over)
	*mended++
	count := bank.Count()
	f.eventually("business again", time.Minute, func() bool { return bank.Count() > count+5 })
	f.eventually("in sync", time.Minute, func() bool { return f.plan().Empty() })
	report := bank.Close()
	lost, wrong := f.audit(bank)
	sum.faults++
	sum.transfers, sum.failed, sum.lost, sum.wrong = sum.transfers+report.Acknowledged, sum.failed+report.Failed, sum.lost+lost, sum.wrong+wrong
	sum.lines = append(sum.lines, fmt.Sprintf("%s: all members back %.0f s after it was over, no transfer for %.1f s at most, %d acknowledged, %d lost", one.name, back.Seconds(), report.StoodStill.Seconds(), report.Acknowledged, lost))
	f.Log(sum.lines[len(sum.lines)-1])
}

// mended brings back what the guardians may not, and says which count it belongs to.
func (f *fixture) mended(one mishap, bank *site.Bank, sum *books) *int {
	f.Helper()
	if !one.applied && one.decides == nil {
		return &sum.byGuardians
	}
	if plan := f.plan(); plan.Empty() {
		f.Errorf("the plan shows nothing of it")
	}
	err := f.terraform.Apply(f.Context())
	if one.decides == nil {
		f.must(err)
		return &sum.byApply
	}
	if err == nil {
		f.Fatal("an apply decided it, and that is for a person")
	}
	count := bank.Count()
	f.eventually("business beside the refusal", time.Minute, func() bool { return bank.Count() > count+5 })
	one.decides(f, flat(err.Error()))
	f.must(f.terraform.Apply(f.Context()))
	return &sum.byPerson
}

// allOnline says whether every member sees every other one.
func (f *fixture) allOnline() bool {
	for _, host := range databases {
		if got, err := f.try(host, "mysql -N -B -e "+remote.Quote(online)); err != nil || got != "3" {
			return false
		}
	}
	return true
}

// audit looks into the books on every member, once each has applied all.
func (f *fixture) audit(bank *site.Bank) (lost, wrong int) {
	f.Helper()
	executed := f.sql(f.primary(), "SELECT REPLACE(@@global.gtid_executed, '\\n', '')")
	for _, host := range databases {
		if got := f.sql(host, "SELECT WAIT_FOR_EXECUTED_GTID_SET('"+executed+"', 60)"); got != "0" {
			f.Errorf("%s has not applied all within a minute", host)
		}
		missing, problem, err := bank.Audit(func(query string) (string, error) {
			return f.try(host, "mysql -N -B -e "+remote.Quote(query))
		})
		f.must(err)
		if missing > 0 || problem != "" {
			f.Errorf("%s: %d acknowledged transfers are lost; %s", host, missing, problem)
			wrong++
		}
		lost = max(lost, missing)
		if got := f.sql(host, "SELECT COUNT(*) FROM shop.writes"); got != "0" {
			f.Errorf("%s: %s writes are there that nobody may have taken", host, got)
			wrong++
		}
	}
	return lost, wrong
}

// secondary is a member that takes no writes.
func (f *fixture) secondary() string {
	f.Helper()
	primary := f.primary()
	for _, host := range databases {
		if host != primary {
			return host
		}
	}
	f.Fatal("there is no secondary")
	return ""
}
