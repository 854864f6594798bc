// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package preflight

import (
	"fmt"
	"strings"

	"github.com/atollhq/terraform-provider-atoll/internal/provision/mysqlroot"
)

const (
	mebibyte = 1 << 20
	// serverMemory is what mysqld needs beside pool, cache and connections.
	serverMemory = 512 * mebibyte
	// messageCache is the default of a server whose plugin is not loaded, and
	// transactionLimit that of the limit (group_replication plugin's manual).
	messageCache     = 1024 * mebibyte
	transactionLimit = 150000000
	// leastExpiry is how long binary logs are to be there at least, in seconds: a
	// member that was away for a night comes back without a clone.
	leastExpiry = 86400
)

func mebibytes(size uint64) string { return fmt.Sprintf("%d MiB", (size+mebibyte/2)/mebibyte) }

func (f Facts) or(name string, fallback uint64) uint64 {
	if _, known := f.Variables[name]; !known {
		return fallback
	}
	return f.number(name)
}

// supported is about the version.
func supported(facts Facts) []Finding {
	if err := mysqlroot.ParseVersion(facts.Version).Supported(); err != nil {
		return []Finding{{Severity: Error, Check: CheckVersion, Object: facts.Version, Text: err.Error()}}
	}
	return nil
}

// complete is about a server whose first start was cut off. Old versions have fewer views.
func complete(facts Facts) []Finding {
	if len(facts.Lacks) == 0 || len(supported(facts)) > 0 {
		return nil
	}
	return []Finding{{Severity: Warning, Check: CheckServer, Object: "information_schema", Text: "lacks " + strings.Join(facts.Lacks, ", ") +
		": its datadir was not made to its end, and where it is the primary MySQL Router refuses everybody (Access denied). An atoll_mysql_server completes it; by hand, start mysqld once with --upgrade=FORCE"}}
}

// variables are those that a new start cannot change, or that are not Atoll's to
// set.
func variables(facts Facts) []Finding {
	var findings []Finding
	if size := facts.number("innodb_page_size"); size != 0 && size <= 4096 {
		findings = append(findings, Finding{Severity: Error, Check: CheckVariable, Object: "innodb_page_size",
			Text: fmt.Sprintf("is %d, and the keys of the cluster's metadata need more than 4096: it is chosen when a datadir is made, so dump the data into a new server", size)})
	}
	if facts.Variables["performance_schema"] == "OFF" {
		findings = append(findings, Finding{Severity: Error, Check: CheckVariable, Object: "performance_schema", Text: "is OFF, and the state of a group is read there: take it out of the server's settings files"})
	}
	return findings
}

// memory adds up what the server takes when all its connections sort and join at once.
func memory(facts Facts) []Finding {
	pool, cache := facts.number("innodb_buffer_pool_size"), facts.or("group_replication_message_cache_size", messageCache)
	each := facts.number("sort_buffer_size") + facts.number("join_buffer_size") + facts.number("read_buffer_size") + facts.number("read_rnd_buffer_size") + facts.number("thread_stack")
	connections := facts.number("max_connections")
	need := pool + cache + connections*each + serverMemory
	if need <= facts.MemoryBytes {
		return nil
	}
	return []Finding{{Severity: Warning, Check: CheckMemory, Object: "innodb_buffer_pool_size", Text: fmt.Sprintf(
		"the pool of %s, the group's message cache of %s, %d connections of up to %s and %s for the server itself are %s, and the machine has %s: the kernel may end the server. An atoll_mysql_server sizes pool and cache to the machine",
		mebibytes(pool), mebibytes(cache), connections, mebibytes(each), mebibytes(serverMemory), mebibytes(need), mebibytes(facts.MemoryBytes))}}
}

// transactions compares the largest that is known with the limits.
func transactions(facts Facts) []Finding {
	var findings []Finding
	limit := facts.or("group_replication_transaction_size_limit", transactionLimit)
	packet := facts.or("replica_max_allowed_packet", facts.number("slave_max_allowed_packet"))
	if packet > 0 && (limit == 0 || limit > packet) {
		findings = append(findings, Finding{Severity: Warning, Check: CheckTransaction, Object: "replica_max_allowed_packet",
			Text:   fmt.Sprintf("is %d, and group_replication_transaction_size_limit lets %s pass: a member that gets such a transaction stops applying", packet, limited(limit)),
			Remedy: "SET PERSIST replica_max_allowed_packet = 1073741824;"})
	}
	// A transaction is never split, so a file is larger than its bound by no more
	// than the last one in it.
	if bound := facts.number("max_binlog_size"); bound > 0 && limit > 0 && facts.LargestLog > bound+limit {
		findings = append(findings, Finding{Severity: Warning, Check: CheckTransaction, Object: "group_replication_transaction_size_limit",
			Text: fmt.Sprintf("a binary log holds a transaction of at least %s, and a group rolls back what is larger than %s: write in smaller parts, or raise transaction_size_limit of the cluster",
				mebibytes(facts.LargestLog-bound), mebibytes(limit))})
	}
	return findings
}

func limited(limit uint64) string {
	if limit == 0 {
		return "any size"
	}
	return fmt.Sprint(limit)
}

// binaryLog is about how long a member may be away.
func binaryLog(facts Facts) []Finding {
	seconds := facts.number("binlog_expire_logs_seconds")
	finding := Finding{Severity: Warning, Check: CheckBinaryLog, Object: "binlog_expire_logs_seconds", Remedy: "SET PERSIST binlog_expire_logs_seconds = 604800;"}
	switch {
	case facts.Variables["log_bin"] == "OFF":
		finding.Severity, finding.Object, finding.Remedy = Error, "log_bin", ""
		finding.Text = "is OFF, and a member cannot be without: take skip_log_bin or disable_log_bin out of the server's settings files"
	case facts.Variables["binlog_expire_logs_auto_purge"] == "OFF":
		finding.Object, finding.Remedy = "binlog_expire_logs_auto_purge", "SET PERSIST binlog_expire_logs_auto_purge = ON;"
		finding.Text = "is OFF: binary logs stay until somebody purges them, and the disk fills"
	case seconds == 0:
		finding.Text = "is 0: binary logs stay until somebody purges them, and the disk fills"
	case seconds < leastExpiry:
		finding.Text = fmt.Sprintf("is %d: a member that was away for longer gets all data anew, by clone", seconds)
	default:
		return nil
	}
	return []Finding{finding}
}
