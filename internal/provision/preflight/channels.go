// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package preflight

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"

	"github.com/atollhq/terraform-provider-atoll/internal/provision/mysqlroot"
)

// Channel is one by which a server replicates from another one.
type Channel struct {
	Name string `json:"name"`
	// Host and Port of the source.
	Host string `json:"host"`
	Port int    `json:"port"`
	// Receives and Applies are ON, OFF or CONNECTING.
	Receives string `json:"receives"`
	Applies  string `json:"applies"`
	// Auto says that it goes by GTIDs, which both sides have then; else it goes by
	// positions in the source's binary log.
	Auto bool `json:"auto"`
	// Pending are transactions that were received and are not applied, as far as they
	// have GTIDs.
	Pending string `json:"pending"`
}

// ChannelsRow asks a server for its channels, those of a group left out.
const ChannelsRow = `SELECT 'channels', JSON_ARRAYAGG(JSON_OBJECT('name', c.channel_name, 'host', c.host, 'port', c.port, 'auto', c.auto_position = '1',
 'receives', IFNULL(s.service_state, 'OFF'), 'applies', IFNULL(a.service_state, 'OFF'), 'pending', IFNULL(GTID_SUBTRACT(s.received_transaction_set, @@global.gtid_executed), '')))
 FROM performance_schema.replication_connection_configuration c LEFT JOIN performance_schema.replication_connection_status s ON s.channel_name = c.channel_name
 LEFT JOIN performance_schema.replication_applier_status a ON a.channel_name = c.channel_name WHERE c.channel_name NOT LIKE 'group_replication_%'`

// ErrReplica says that a server is a replica of another one.
var ErrReplica = errors.New("the server is a replica of another one, and a group would go on taking what is written there, or lose it")

// Replica refuses a server with channels as a member, with the order in which its
// source is replaced, or is nil.
func Replica(channels []Channel) error {
	var text strings.Builder
	for _, channel := range channels {
		fmt.Fprintf(&text, "\n  %s: %s\n    %s", channel, channel.wayOut(), channel.remedy())
	}
	if text.Len() == 0 {
		return nil
	}
	return fmt.Errorf("%w. Nothing was changed. Do this, and apply again:%s", ErrReplica, text.String())
}

func (c Channel) String() string { return "channel " + mysqlroot.Literal(c.Name) }

// finding is an error where the server is to become a member, and a warning where it
// is one: there others saw to the channel.
func (c Channel) finding(member bool) Finding {
	finding := Finding{Severity: Error, Check: CheckReplication, Object: c.String(), Text: c.wayOut(), Remedy: c.remedy()}
	if member {
		finding.Severity, finding.Remedy = Warning, "STOP REPLICA "+c.named()+"; RESET REPLICA ALL "+c.named()+";"
		finding.Text = c.is() + ": only the primary of a group may, and MySQL Shell refuses the server"
	}
	return finding
}

func (c Channel) source() string { return net.JoinHostPort(c.Host, strconv.Itoa(c.Port)) }

// Running says of what a server is a replica, and what ends that.
func (c Channel) Running() string { return c.is() + ": STOP REPLICA " + c.named() + ";" }

// is says what the server is by the channel, and how that goes.
func (c Channel) is() string {
	text := fmt.Sprintf("is a replica of %s (receiver %s, applier %s", c.source(), c.Receives, c.Applies)
	if pending := strings.ReplaceAll(c.Pending, "\n", ""); pending != "" {
		text += ", received and not applied yet: " + pending
	}
	return text + ")"
}

// wayOut is the order in which a server takes its source's place without losing a row.
func (c Channel) wayOut() string {
	where, there := "SELECT @@global.gtid_executed", "0 (1 is not yet)"
	if !c.Auto {
		where, there = "SHOW BINARY LOG STATUS (before MySQL 8.2: SHOW MASTER STATUS)", "0 or more (-1 or NULL is not yet)"
	}
	return fmt.Sprintf("%s. Drain the source first: there SET PERSIST super_read_only = ON, then %s. With what that says, run this on the replica, whose receiver and applier have to be ON, and go on after the first statement only when it printed %s", c.is(), where, there)
}

// remedy waits for what the source had last, and forgets it.
func (c Channel) remedy() string {
	wait := "SELECT WAIT_FOR_EXECUTED_GTID_SET('<gtid_executed>', 600);"
	if !c.Auto {
		wait = "SELECT SOURCE_POS_WAIT('<file>', <position>, 600, " + mysqlroot.Literal(c.Name) + ");"
	}
	return wait + " STOP REPLICA " + c.named() + "; RESET REPLICA ALL " + c.named() + ";"
}

func (c Channel) named() string { return "FOR CHANNEL " + mysqlroot.Literal(c.Name) }
