// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package group

// Failover is how soon a group and those who follow it give a silent member up.
// It sets the guardians' pace, too: they look as often as ExpelTimeout asks for.
type Failover struct {
	// ExpelTimeout in seconds, beside the 5 that MySQL always waits.
	ExpelTimeout int64
	// Consistency is group_replication_consistency: what a new primary does first.
	Consistency string
	// ConnectTimeout and ReadTimeout of routers in seconds.
	ConnectTimeout, ReadTimeout int64
}

// Resign is how many seconds after the others would have expelled it a member gives
// up that sees no majority. Sooner it would give up what a mended line brings back by
// itself; the later it does, the later it can come back any other way.
const Resign = 15

// DefaultFailover is the name of the one that nobody has to declare.
const DefaultFailover = "default"

// Failovers by their names.
var Failovers = map[string]Failover{
	"fast":          {ExpelTimeout: 0, Consistency: "EVENTUAL", ConnectTimeout: 1, ReadTimeout: 1},
	DefaultFailover: {ExpelTimeout: 1, Consistency: "BEFORE_ON_PRIMARY_FAILOVER", ConnectTimeout: 2, ReadTimeout: 3},
	"patient":       {ExpelTimeout: 60, Consistency: "BEFORE_ON_PRIMARY_FAILOVER", ConnectTimeout: 5, ReadTimeout: 10},
}
