// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package mysqld

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
	"github.com/atollhq/terraform-provider-atoll/internal/provision/mysqlroot"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// ErrOthers says that the other members of a group cannot be asked.
var ErrOthers = errors.New("the other members of its group cannot be asked")

// silence is members that do not answer, by their addresses.
type silence []string

func (s silence) Error() string {
	return fmt.Sprintf("%v: %s does not answer. Mend it first; or, if it is gone for good, add its public address to lost in the provider block", ErrOthers, strings.Join(s, ", "))
}

func (silence) Unwrap() error { return ErrOthers }

// other is a member by the cluster's metadata, with what the group says of it.
type other struct {
	// Address is host and port inside of the mesh.
	Address string `json:"address"`
	// State of the group's view; "" for one that is not in it.
	State string `json:"state"`
	Self  bool   `json:"self"`
}

// othersQuestion asks a server for the members that its cluster has, whoever is in
// the group now. NULL means that it is in no cluster.
func othersQuestion() converge.Question[[]other] {
	return converge.Question[[]other]{Name: "the members of the cluster", Script: mysqlroot.QuestionScript(mysqlroot.WhereTable("others", "mysql_innodb_cluster_metadata", "instances",
		`SELECT 'others', JSON_ARRAYAGG(JSON_OBJECT('address', i.address, 'state', IFNULL(m.member_state, ''), 'self', IF(i.mysql_server_uuid = @@server_uuid, CAST('true' AS JSON), CAST('false' AS JSON))))
 FROM mysql_innodb_cluster_metadata.instances i LEFT JOIN performance_schema.replication_group_members m ON m.member_id = i.mysql_server_uuid`)),
		Read: func(output string) (members []other, err error) {
			rows, err := mysqlroot.ReadRows(output)
			if err != nil {
				return nil, err
			}
			if state, err := rows.Down(); err != nil || state != "" {
				return nil, errors.Join(err, fmt.Errorf("the server is %s", state))
			}
			return members, rows.Read(map[string]any{"others": &members})
		},
	}
}

// underlayQuestion asks a machine for the public addresses of its peers by those
// inside of the mesh.
func underlayQuestion() converge.Question[map[string]string] {
	return converge.Question[map[string]string]{
		Name: "the addresses of the peers",
		Script: `for file in /etc/tinc/*/hosts/*; do
  [ -e "$file" ] || continue
  awk -F' *= *' '$1 == "Address" {split($2, a, " "); out = a[1]} $1 == "Subnet" {split($2, b, "/"); inner = b[1]} END {if (out && inner) print inner, out}' "$file" || exit
done
echo '` + converge.WholeMark + `'`,
		Read: func(output string) (map[string]string, error) {
			text, err := converge.Whole(output)
			if err != nil {
				return nil, err
			}
			known := map[string]string{}
			for line := range strings.Lines(text) {
				if fields := strings.Fields(line); len(fields) == 2 {
					known[fields[0]] = fields[1]
				}
			}
			return known, nil
		},
	}
}

// Patience for a machine that was just booted: its server starts, joins its group
// and takes what it missed.
const (
	rejoinPatience = 5 * time.Minute
	othersPatience = 20 * time.Second
	rejoinPause    = 3 * time.Second
)

// AwaitOthers waits until the server of a machine that was just booted is back in
// its group, and through it asks for all others that the cluster has: each has to
// be online, or its public address among those that are declared lost. A machine
// without a server of a cluster has no others.
func AwaitOthers(ctx context.Context, host remote.Host, lost map[string]bool) error {
	owners, err := converge.Owners(ctx, host)
	if err != nil || !slices.Contains(owners, Owner) {
		return err
	}
	underlay, err := converge.Ask(ctx, host, underlayQuestion())
	if err != nil {
		return err
	}
	deadline, back := time.Now().Add(rejoinPatience), false
	for {
		members, err := converge.Ask(ctx, host, othersQuestion())
		if err == nil {
			if err = missing(members, underlay, lost); err == nil {
				return nil
			}
		}
		var others silence
		if errors.As(err, &others) && !back {
			// Back in its group itself, the server has heard of the others or soon will.
			back, deadline = true, time.Now().Add(othersPatience)
		}
		if time.Now().After(deadline) || ctx.Err() != nil {
			return err
		}
		if err := remote.Pause(ctx, rejoinPause); err != nil {
			return err
		}
	}
}

// Away names the other members of the cluster that a machine's server has, those that are
// not online and not declared lost. What cannot be asked now is not known, and not named.
func Away(ctx context.Context, host remote.Host, lost map[string]bool) []string {
	quick, cancel := context.WithTimeout(ctx, othersPatience)
	defer cancel()
	members, err := converge.Ask(quick, host, othersQuestion())
	var underlay map[string]string
	if err == nil {
		underlay, err = converge.Ask(quick, host, underlayQuestion())
	}
	if err == nil {
		err = missing(members, underlay, lost)
	}
	var others silence
	_ = errors.As(err, &others)
	return others
}

// missing names the members that do not answer and are not declared lost.
func missing(members []other, underlay map[string]string, lost map[string]bool) error {
	var silent silence
	for _, member := range members {
		inside, _, _ := strings.Cut(member.Address, ":")
		switch {
		case member.State == "ONLINE", declaredLost(member.Address, underlay, lost):
		case member.Self:
			return fmt.Errorf("%w: its own server is not back in the group", ErrOthers)
		default:
			silent = append(silent, strings.TrimSpace(inside+" "+underlay[inside]))
		}
	}
	if silent != nil {
		return silent
	}
	return nil
}

// declaredLost says whether a member's machine is, by either of its addresses.
func declaredLost(address string, underlay map[string]string, lost map[string]bool) bool {
	inside, _, _ := strings.Cut(address, ":")
	return lost[underlay[inside]] || lost[inside]
}
