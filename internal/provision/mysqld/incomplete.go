// Copyright (c) The Atoll Authors
// SPDX-License-Identifier: MPL-2.0

package mysqld

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/atollhq/terraform-provider-atoll/internal/converge"
	"github.com/atollhq/terraform-provider-atoll/internal/provision"
	"github.com/atollhq/terraform-provider-atoll/internal/remote"
)

// Complete lets the server make what its first start left out: a restart with MySQL's own
// upgrade, which makes all views anew and leaves the data alone.
type Complete struct{ Server string }

func (o Complete) String() string { return "complete " + o.Server }

// Stage is its place in the order: that of a restart, which it is.
func (Complete) Stage() int { return 2 }

// incomplete finds a server whose datadir was not made to its end. Nothing shows of that
// until it is the primary: MySQL Router asks USER_ATTRIBUTES of every account.
func (c Config) incomplete(s Status) []provision.Finding {
	if len(s.Lacks) == 0 {
		return nil
	}
	return []provision.Finding{{
		Line: converge.Line{Subject: "datadir " + dataDirectory, Code: CodeIncomplete, Text: fmt.Sprintf(
			"not made to its end: information_schema lacks %s. Where this server is the primary, MySQL Router refuses everybody (Access denied)", strings.Join(s.Lacks, ", "))},
		Mend: Complete{c.Endpoint()},
	}}
}

// complete restarts the server with one line more in its settings, which goes afterwards
// whatever came of it. Killed before, the file is drift.
func (w *work) complete(ctx context.Context, status Status) error {
	err := w.restart(ctx, status, turn{
		purpose: "completing",
		done:    func(s Status) bool { return len(s.Lacks) == 0 },
		before: func(ctx context.Context) error {
			_, err := w.host.Run(ctx, remote.Command{Name: "asking for MySQL's whole upgrade", Script: `printf '[mysqld]\nupgrade = FORCE\n' >>` + remote.Quote(settingsFile)})
			return err
		},
	})
	_, back := converge.Converge(ctx, w.host, w.config.Manifest())
	return errors.Join(err, back)
}
