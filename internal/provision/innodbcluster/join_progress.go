// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package innodbcluster

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/hashicorp/terraform-plugin-log/tflog"
)

// progressPause lies between two lines of the log about a member that gets its data.
const progressPause = 5 * time.Second

// progress is how far a joiner is with its data.
type progress struct {
	// Stage of a clone, as performance_schema.clone_progress names it; "" while it
	// takes what it lacks from the binary logs.
	Stage string `json:"stage"`
	// Done and Total in bytes; Speed in bytes a second.
	Done  int64 `json:"done"`
	Total int64 `json:"total"`
	Speed int64 `json:"speed"`
	// Queue is the number of transactions that it has and has not applied yet.
	Queue int64 `json:"queue"`
}

func (p progress) String() string {
	const mebibyte = 1 << 20
	switch {
	case p.Stage == "":
		return fmt.Sprintf("recovers from the binary logs, %d transactions to apply", p.Queue)
	case p.Total == 0:
		return "clones: " + strings.ToLower(p.Stage)
	}
	return fmt.Sprintf("clones: %s, %d of %d MiB (%d %%), %d MiB/s", strings.ToLower(p.Stage), p.Done/mebibyte, p.Total/mebibyte, p.Done*100/p.Total, p.Speed/mebibyte)
}

// worth says whether there is something to say of a joiner.
func (p progress) worth(away bool) bool { return !away || p.Stage != "" }

// progressQuery asks for the stage that is at work. The table of clones comes with
// the plugin, which every server of ours has.
const progressQuery = `SELECT JSON_OBJECT('stage', IFNULL(c.stage, ''), 'done', IFNULL(c.data, 0), 'total', IFNULL(c.estimate, 0), 'speed', IFNULL(c.network_speed, 0),
 'queue', IFNULL((SELECT MAX(count_transactions_remote_in_applier_queue + count_transactions_in_queue) FROM performance_schema.replication_group_member_stats WHERE member_id = @@server_uuid), 0))
 FROM (SELECT 1) AS one LEFT JOIN performance_schema.clone_progress c ON c.state = 'In Progress' LIMIT 1`

// follower says in the log how far a joiner is, now and then: what else Terraform shows
// is only how long it takes.
type follower struct {
	next time.Time
	// away says that the group does not see the joiner, as while it clones: nothing else
	// of it is told then.
	away bool
	// last is what it said last.
	last string
}

// follow asks the joiner when it is time. One that does not answer is being restarted
// at the end of a clone, or does not run: whoever waits for it judges that.
func (f *follower) follow(ctx context.Context, r *run, key string) {
	if time.Now().Before(f.next) {
		return
	}
	f.next = time.Now().Add(progressPause)
	quick, cancel := context.WithTimeout(ctx, progressPause)
	defer cancel()
	joiner, err := r.server(key)
	if err != nil {
		return
	}
	text, err := joiner.Text(quick, "asking how far it is", progressQuery)
	var now progress
	if err != nil || json.Unmarshal([]byte(text), &now) != nil {
		return
	}
	if !now.worth(f.away) {
		return
	}
	f.last = now.String()
	tflog.Info(ctx, "member "+key+" "+f.last, map[string]any{"cluster": r.cluster.Name})
	r.say("member " + key + " " + f.last)
}

// said is what was last known, as the end of an error's sentence.
func (f *follower) said() string {
	if f.last == "" {
		return ""
	}
	return " (" + f.last + ")"
}
