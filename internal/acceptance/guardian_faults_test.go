// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package acceptance

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/atollhq/terraform-provider-atoll/internal/site"
)

// outageRounds is how often the machines of the group are taken away, which takes
// some two minutes each time.
const outageRounds = "ATOLL_OUTAGES"

// All machines at once, or all but one, lose their power under a writer, and come
// back; guardians are killed at random meanwhile. The group comes back without an
// apply, as one group, and no acknowledged write is lost.
func TestOutagesWithoutAnApply(t *testing.T) {
	f := stand(t)
	for round := range often(t, outageRounds, 2) {
		down := databases
		if round%2 == 0 {
			down = databases[1:]
		}
		f.outage(down, round > 0)
	}
	f.inSync()
	f.whole()
}

func (f *fixture) outage(down []string, disturbed bool) {
	f.Helper()
	shop := f.shop()
	defer func() { _ = shop.DB.Close() }()
	writer := site.StartWriter(f.Context(), shop.DB)
	time.Sleep(5 * time.Second)
	for _, host := range down {
		f.must(f.lab.PullPlug(f.Context(), host))
	}
	for _, host := range down {
		f.must(f.lab.PlugIn(f.Context(), host))
	}
	count, booted, kills := writer.Count(), time.Now(), 0
	f.eventually("writes without an apply", 4*time.Minute, func() bool {
		if disturbed && rand.IntN(6) == 0 {
			if _, err := f.try(databases[rand.IntN(len(databases))], "systemctl kill -s KILL atoll-guardian"); err == nil {
				kills++
			}
		}
		return writer.Count() > count+5
	})
	flowed := time.Since(booted)
	f.eventually("all members", 3*time.Minute, func() bool {
		for _, host := range databases {
			if got, err := f.try(host, `mysql -N -B -e "`+online+`"`); err != nil || got != "3" {
				return false
			}
		}
		return true
	})
	report, err := writer.Stop(f.Context(), shop.DB)
	f.must(err)
	f.noneLost(report)
	f.Logf("%s lost their power: writes flowed %.0f s after they were on again, all members were back after %.0f s (they entered %s after the first), %d guardians were killed; %s",
		strings.Join(down, ", "), flowed.Seconds(), time.Since(booted).Seconds(), f.entered(), kills, report)
}

// entriesQuery gives, on the member that the group began with, how many seconds after it
// each of the others entered; nothing elsewhere.
const entriesQuery = `WITH views AS (SELECT logged, REGEXP_REPLACE(data, '.* on view ([0-9]+):([0-9]+).*', '$1') AS made, REGEXP_REPLACE(data, '.* on view ([0-9]+):([0-9]+).*', '$2') + 0 AS number
 FROM performance_schema.error_log WHERE data LIKE '%Group membership changed to%')
 SELECT IFNULL(GROUP_CONCAT(ROUND(UNIX_TIMESTAMP(logged) - UNIX_TIMESTAMP((SELECT MIN(logged) FROM views WHERE made = v.made)), 1), ' s' ORDER BY number SEPARATOR ', '), '') FROM views v
 WHERE made = (SELECT made FROM views ORDER BY logged DESC LIMIT 1) AND EXISTS (SELECT 1 FROM views WHERE made = v.made AND number = 1)
 AND number BETWEEN 2 AND (SELECT COUNT(*) FROM performance_schema.replication_group_members)`

// entered says how the members came into a group that began anew.
func (f *fixture) entered() string {
	f.Helper()
	entries := ""
	for _, host := range databases {
		entries += f.sql(host, entriesQuery)
	}
	return entries
}
