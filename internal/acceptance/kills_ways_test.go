// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package acceptance

import (
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

// declaration is what a run is to bring about.
type declaration struct {
	// nodes and all are the site's variables, as fixture.variables gives them.
	nodes, all map[string]any
	// members and routers are how many there are then.
	members, routers int
}

// way is something that a site goes through, there and back, and is killed in.
type way struct {
	name string
	// share is how many of 200 kills are to be in it.
	share int
	// there declares the site with the change; back is the site as it was.
	there func(d *declaration)
	// takes is about how long the work goes on; it is measured as soon as a run is
	// let go on to its end.
	takes time.Duration
	// samples says that no two members may be down at one moment meanwhile.
	samples bool
	// destroys the site, or what target is aimed at; the way back is to make it again.
	destroys bool
	target   string
}

// made is the kind of the kills in runs that make a site again.
const made = "made again"

// ways are all of them: of 200 kills 50 are in destroy, and 30 in what concerns
// routers. Kills while the site is made again come on top.
func ways() []way {
	return []way{
		{name: "destroy", share: 40, destroys: true, target: "-target=atoll_mysql_server.database", takes: 20 * time.Second},
		{name: "settings", share: 60, samples: true, takes: 30 * time.Second, there: func(d *declaration) {
			d.all["mysql_settings"] = map[string]any{"back_log": "93", "max_connections": "223"}
		}},
		{name: "member", share: 60, samples: true, takes: 20 * time.Second, there: func(d *declaration) {
			delete(d.nodes, "sg1")
			d.members = 2
		}},
		{name: "router", share: 30, takes: 10 * time.Second, there: func(d *declaration) {
			delete(d.nodes, "app2")
			d.routers = 1
		}},
		{name: "destroy of all", share: 10, destroys: true, takes: 30 * time.Second},
	}
}

// earlierVariable says what runs before this one have counted, as in
// "settings=27,destroy of all=9": this one makes up what is missing of each share.
const earlierVariable = "ATOLL_KILLS_EARLIER"

// countedEarlier is how many kills of each way need no repetition.
func countedEarlier(t *testing.T) map[string]int {
	t.Helper()
	counted := map[string]int{}
	for _, part := range strings.FieldsFunc(os.Getenv(earlierVariable), func(r rune) bool { return r == ',' }) {
		name, text, _ := strings.Cut(part, "=")
		number, err := strconv.Atoi(text)
		if err != nil {
			t.Fatalf("%s: %q is no way with a count", earlierVariable, part)
		}
		counted[name] = number
	}
	return counted
}

// declare writes down the site, changed by what a way says.
func (f *fixture) declare(change func(d *declaration)) declaration {
	f.Helper()
	d := declaration{members: len(databases), routers: 2}
	f.variables(func(nodes, all map[string]any) {
		d.nodes, d.all = nodes, all
		if change != nil {
			change(&d)
		}
	})
	return d
}
